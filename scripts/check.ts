// `npm test` and `npm run check`: types, lint, format, then every test. Stops at the first failure.

import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

const testFiles = globSync(['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts', 'demo/**/*.test.ts']).sort()

const steps: [name: string, command: string, ...parameters: string[]][] = [
  ['types', 'tsc', '--noEmit'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check'],
  // One process, so that all files share one database.
  ['tests', 'node', '--test', '--test-isolation=none', '--test-reporter=spec', ...testFiles],
]

for (const [name, command, ...parameters] of steps) {
  const startedAt = performance.now()
  console.log(`${name}: ${command} ${parameters[0]}`)
  const { status } = spawnSync(command, parameters, { stdio: 'inherit' })
  if (status !== 0) {
    console.error(`${name} failed.`)
    process.exit(1)
  }
  console.log(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}
