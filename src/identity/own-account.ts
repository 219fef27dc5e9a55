// What the owner of an account changes of it without more than being signed in.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField } from '#src/kernel/errors.ts'
import { canonicalLocale, localeFault, readAccount, type Account } from './accounts.ts'
import { updateOwnFields } from './queries.ts'

export interface OwnChanges {
  name?: string
  /** Null takes it away. */
  phone?: string | null
  /** A BCP 47 language tag. */
  locale?: string
}

/**
 * Changes what is given and leaves the rest. Who someone is to the clinics stands in the patient's record,
 * which stays as it is.
 *
 * @throws InvalidRequest.
 */
export async function changeOwnAccount(
  context: SignedInContext,
  changes: OwnChanges,
): Promise<Account> {
  const { accountId } = context.actor
  const fields = cleaned(changes)
  const asked = { accountId, now: context.clock() }
  if (Object.keys(fields).length === 0) return readAccount(context.db, asked)
  return transact(context, async (tx) => {
    await updateOwnFields(tx.db, accountId, fields)
    tx.append({ type: 'account.changed', subjects: { accountId } })
    await record(context, tx.db, {
      action: 'account.change',
      subjectType: 'account',
      subjectId: accountId,
      details: { fields: Object.keys(fields) },
    })
    return readAccount(tx.db, asked)
  })
}

function cleaned({ name, phone, locale }: OwnChanges): OwnChanges {
  const cleanName = name?.trim().normalize('NFC')
  if (cleanName === '') throw invalidField('/name', 'The name must not be empty.')
  const tag = locale === undefined ? undefined : canonicalLocale(locale)
  if (locale !== undefined && tag === undefined) throw invalidField('/locale', localeFault)
  return {
    ...(cleanName !== undefined && { name: cleanName }),
    ...(phone !== undefined && { phone: phone?.trim() || null }),
    ...(tag !== undefined && { locale: tag }),
  }
}
