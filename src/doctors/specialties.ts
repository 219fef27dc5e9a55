// The fields of medicine that patients search by, one list for the network.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { may } from './policy.ts'
import { insertSpecialty, updateSpecialty, type SpecialtyRow } from './specialty-queries.ts'

const codeLengthMax = 60

/**
 * Adds a specialty; its code is made of its name where none is given.
 *
 * @throws Refusal `conflict` when the code or the name is taken.
 */
export async function addSpecialty(
  context: SignedInContext,
  specialty: { code?: string; name: string },
): Promise<SpecialtyRow> {
  if (!may(context.actor, 'create', null)) throw new NotAllowed()
  const name = specialty.name.trim()
  const code = specialty.code ?? codeOf(name)
  if (code === '')
    throw invalidField(
      '/code',
      '/code must be given where the name has no Latin letters or digits.',
    )
  const row = { id: newId(), code, name }
  await transact(context, async (tx) => {
    await insertSpecialty(tx.db, row)
    await record(context, tx.db, {
      action: 'specialty.create',
      subjectType: 'specialty',
      subjectId: row.id,
    })
  })
  return row
}

/**
 * Renames a specialty or gives it another code.
 *
 * @throws NotFound, or Refusal `conflict` when the code or the name is taken.
 */
export async function changeSpecialty(
  context: SignedInContext,
  options: { specialtyId: string; change: { code?: string; name?: string } },
): Promise<SpecialtyRow> {
  if (!may(context.actor, 'create', null)) throw new NotAllowed()
  const { change } = options
  return transact(context, async (tx) => {
    const row = await updateSpecialty(tx.db, options.specialtyId, {
      ...(change.code !== undefined && { code: change.code }),
      ...(change.name !== undefined && { name: change.name.trim() }),
    })
    if (row === undefined) throw new NotFound('specialty')
    await record(context, tx.db, {
      action: 'specialty.update',
      subjectType: 'specialty',
      subjectId: row.id,
      details: { fields: Object.keys(change) },
    })
    return row
  })
}

/** A name's letters and digits in lower case, without accents, joined by hyphens; may be empty. */
export function codeOf(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gv, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gv, '-')
    .slice(0, codeLengthMax)
    .replaceAll(/^-|-$/gv, '')
}
