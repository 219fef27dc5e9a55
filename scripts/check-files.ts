// Whether the files of the repository may be published: that they hold no secrets, and that nothing they
// depend on comes under a licence that asks for more than we can give.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { licenceFaults, type Lockfile } from './licences.ts'
import { findSecrets } from './secret-scan.ts'

/** What git has, and what it would take with the next commit. */
function paths(): string[] {
  const command = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', command, { encoding: 'utf8' }).split('\0')
  return [...new Set(listed)].filter((path) => path !== '' && existsSync(path))
}

const secrets = paths().flatMap((path) =>
  findSecrets(readFileSync(path, 'latin1')).map(
    ({ line, what, fingerprint }) =>
      `${path}:${line}: this looks like ${what}. If it is made up, add ${fingerprint} to scripts/made-up-secrets.ts.`,
  ),
)
const lockfile: Lockfile = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const licences = licenceFaults(lockfile).map((fault) => `package-lock.json: ${fault}`)
const faults = [...secrets, ...licences]
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
