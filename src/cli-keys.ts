// Commands for keys and for what they protect: a new key, encrypting anew, and whether the audit is as it
// was sealed.

import { unsealedMillisecondsMax } from '#src/audit/seal.ts'
import { verifyAudit } from '#src/audit/verify.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { dropUnusedEncryptionKeys, reencrypt } from '#src/reencrypt.ts'
import { keyNames, rotateKey, type KeyChange, type KeyName } from '#src/secrets.ts'
import { onlyArgument, withRuntime, type Given } from './cli-command.ts'

/** Puts a new key before those that there are. */
export async function rotateKeyByHand(given: Given): Promise<number> {
  const names = keyNames.join('|')
  const what = onlyArgument(given, { usage: `rotate-key ${names}`, what: 'one key' })
  if (what === null) return 2
  const name = keyNames.find((one) => one === what)
  if (name === undefined) {
    given.tell(`There is no key "${what}": npm run visita -- rotate-key ${names}`)
    return 2
  }
  const change = rotateKey(given.config(), name)
  sayChange(given, change)
  given.tell(afterRotation(change, name))
  return 0
}

/** Says what was changed, or prints what is to be set. */
function sayChange(given: Given, change: KeyChange): void {
  const { variable, path, valueToSet, valueToSetFirst, keyCount } = change
  if (path !== null) {
    given.print(`${path}: ${variable} has ${keyCount} keys now, the new one first.`)
    return
  }
  if (valueToSetFirst !== null) {
    given.tell('With several processes, set this first, and restart them one after the other:')
    given.print(`${variable}=${valueToSetFirst}`)
    given.tell('Then, or at once with a single process, set this:')
  } else given.tell('Set this:')
  given.print(`${variable}=${valueToSet}`)
}

function afterRotation({ droppedCount }: KeyChange, name: KeyName): string {
  const restart = 'Restart every process of Visita: each takes the keys up when it starts.'
  if (name === 'encryption')
    return `${restart} Then encrypt by the new key what the former ones encrypted: npm run visita -- reencrypt`
  return droppedCount === 0
    ? `${restart} What the former keys signed stays good.`
    : `${restart} What the oldest key signed ends: links in old mails, and calendar feeds that it gave out.`
}

/** Encrypts by the key in use whatever a former one encrypted. */
export async function reencryptByHand(given: Given): Promise<number> {
  if (given.rest.length > 0) {
    given.tell('There is nothing to name here: npm run visita -- reencrypt, or with --drop-unused')
    return 2
  }
  return withRuntime(given, async ({ runtime }) => {
    const done = await reencrypt(runtime, (what, { seen }) => given.tell(`${what}: ${seen} …`))
    let isWhole = true
    for (const [what, { seen, resealed, unreadable }] of Object.entries(done)) {
      given.print(`${what}: ${resealed} of ${seen} encrypted anew.`)
      if (unreadable.length === 0) continue
      isWhole = false
      given.tell(
        `${what}: ${unreadable.length} cannot be opened with the keys of ENCRYPTION_KEY and stay as they are. Add the key that is missing behind the others and run this again. The first: ${unreadable.slice(0, 5).join(', ')}`,
      )
    }
    if (!isWhole) return 1
    if (given.options['drop-unused'] !== true) {
      given.tell(
        'When every process runs with the new key, former ones can go: npm run visita -- reencrypt --drop-unused. Backups from before need them: keep them with those.',
      )
      return 0
    }
    const change = await dropUnusedEncryptionKeys(runtime)
    if (change.droppedCount === 0) given.print('There is no former key to drop.')
    else if (change.path === null) {
      given.tell('Set this, and restart every process of Visita:')
      given.print(`${change.variable}=${change.valueToSet}`)
    } else
      given.print(
        `${change.path}: ${change.variable} has ${change.keyCount} left, and ${change.droppedCount} fewer than before. Restart every process of Visita.`,
      )
    return 0
  })
}

/** Whether the audit is what was sealed. */
export async function auditByHand(given: Given): Promise<number> {
  const [what, ...more] = given.rest
  if (what !== 'verify' || more.length > 0) {
    given.tell('There is one thing to do here: npm run visita -- audit verify [--expect HASH]…')
    return 2
  }
  const { expect = [] } = given.options
  if (!expect.every((hash) => /^\s*[0-9a-f]{64}\s*$/i.test(hash))) {
    given.tell('--expect takes the 64 hexadecimal digits of a hash that was noted before.')
    return 2
  }
  return withRuntime(given, async ({ runtime }) => {
    const report = await verifyAudit(runtime.db, { expect })
    const { seals, rows, unsealed, unsealedSince, lastHash, faults, faultCount } = report
    given.print(
      `${rows} audit rows in ${seals} seals are as they were sealed; ${unsealed} newer rows are not sealed yet.`,
    )
    for (const { detail } of faults) given.tell(detail)
    if (faultCount > faults.length) given.tell(`And ${faultCount - faults.length} more.`)
    if (faultCount > 0)
      given.tell('Keep the database as it is, and compare it with a backup from before.')
    const isLate =
      unsealedSince !== null && runtime.clock() - unsealedSince > unsealedMillisecondsMax
    if (isLate)
      given.tell(
        `Rows since ${formatUtc(unsealedSince)} are not sealed: no process does the background work, or newer seals were taken out.`,
      )
    if (faultCount > 0 || isLate) return 1
    if (lastHash !== null)
      given.print(
        `The newest hash is ${lastHash}. Note it where nobody who can change the database gets at it, and check it next time with --expect.`,
      )
    return 0
  })
}
