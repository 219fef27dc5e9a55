// `npm test`, which is `npm run check`: types, lint, format, secrets and licences, then every test; stops
// at the first failure. `npm run test:database` runs only the tests that use the database of TEST_DATABASE_URL.

import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'

const testFiles = globSync(
  ['src', 'scripts', 'test', 'demo'].map((folder) => `${folder}/**/*.test.ts`),
)
const databaseTestFiles = testFiles.filter((path) =>
  readFileSync(path, 'utf8').includes('#test/support/visita.ts'),
)

// One process, so that all files share one database.
const run = (files: string[]) => ['node', '--test', '--test-isolation=none', ...files.sort()]

const steps: Record<string, string[]> =
  process.argv[2] === 'database'
    ? { 'database tests': run(databaseTestFiles) }
    : {
        types: ['tsc', '--noEmit'],
        lint: ['oxlint', '--type-aware', '--deny-warnings'],
        format: ['oxfmt', '--check'],
        'secrets and licences': ['node', 'scripts/check-files.ts'],
        tests: run(testFiles),
      }

for (const [name, [command, ...parameters]] of Object.entries(steps)) {
  const startedAt = performance.now()
  const { status } = spawnSync(command!, parameters, { stdio: 'inherit' })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(status === 0 ? `${name}: fine after ${seconds} s` : `${name}: failed`)
  if (status !== 0) process.exit(1)
}
