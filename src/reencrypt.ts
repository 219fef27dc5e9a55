// What is encrypted in the database, over all modules that encrypt: sealing it anew after a change of the
// key, and letting former keys go.

import { record } from '#src/audit/audit.ts'
import type { Runtime } from '#src/context.ts'
import type { ResealCounts } from '#src/db/reseal.ts'
import { sealHeadBytes, sealHeadOf } from '#src/db/vault.ts'
import { operatorContext } from '#src/identity/operator.ts'
import { sealsOfFactors } from '#src/identity/reseal-queries.ts'
import { resealSecondFactors } from '#src/identity/reseal.ts'
import { sealsOfEntries } from '#src/medical-history/queries.ts'
import { resealEntries } from '#src/medical-history/reseal.ts'
import { dropFormerKeys, type KeyChange } from '#src/secrets.ts'

/** What is encrypted, by the name that an operator reads. */
export type Encrypted = 'medical histories' | 'second factors'

export type Reencrypted = Record<Encrypted, ResealCounts>

/**
 * Encrypts by the key in use whatever a former key encrypted. Servers may run beside it, it may be stopped
 * and begun again, and what it cannot read stays as it is. `onProgress` hears of each batch.
 */
export async function reencrypt(
  runtime: Runtime,
  onProgress: (what: Encrypted, counts: ResealCounts) => void = () => {},
): Promise<Reencrypted> {
  const done: Reencrypted = {
    'medical histories': await resealEntries(runtime, (counts) =>
      onProgress('medical histories', counts),
    ),
    'second factors': await resealSecondFactors(runtime, (counts) =>
      onProgress('second factors', counts),
    ),
  }
  await record(operatorContext(runtime), runtime.db, {
    action: 'encryption.reencrypt',
    subjectType: 'network',
    subjectId: null,
    details: {
      medicalHistories: done['medical histories'].resealed,
      secondFactors: done['second factors'].resealed,
    },
  })
  return done
}

/**
 * Drops the former encryption keys by which nothing in the database is encrypted any more. No process that
 * still encrypts by one of them may run, and backups that need one cannot be read without it.
 *
 * @throws ConfigRefused as `resolveSecrets` does.
 */
export async function dropUnusedEncryptionKeys(runtime: Runtime): Promise<KeyChange> {
  const { db, config } = runtime
  const heads = [
    ...(await sealsOfEntries(db, sealHeadBytes)),
    ...(await sealsOfFactors(db, sealHeadBytes)),
  ]
  const change = dropFormerKeys(config, 'encryption', (key) => {
    const head = sealHeadOf(key)
    return heads.some((one) => one.equals(head))
  })
  await record(operatorContext(runtime), db, {
    action: 'encryption.drop-keys',
    subjectType: 'network',
    subjectId: null,
    details: { dropped: change.droppedCount, kept: change.keyCount },
  })
  return change
}
