// The way in for the first admin, of whom there can be no invitation by another.

import { record } from '#src/audit/audit.ts'
import type { Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { createAccount, prepareAccount } from './accounts.ts'
import { hashOfCode, newCode } from './codes.ts'
import { deleteFirstAdminInvitations, insertInvitation } from './invitation-queries.ts'
import { operatorContext } from './operator.ts'
import { adminExists } from './queries.ts'

const dayMilliseconds = 86_400_000

/**
 * A fresh one-day invitation for an admin while there is none, in place of those made before; null
 * when there is one. `invitationLink` makes a link of the code.
 */
export async function firstAdminInvitation(
  runtime: Runtime,
): Promise<{ code: string; expiresAt: Instant } | null> {
  if (await adminExists(runtime.db)) return null
  const context = operatorContext(runtime)
  const code = newCode()
  const now = context.clock()
  const expiresAt = now + dayMilliseconds
  const id = newId()
  await transact(context, async ({ db }) => {
    await deleteFirstAdminInvitations(db)
    await insertInvitation(db, {
      id,
      codeHash: hashOfCode(code),
      role: 'admin',
      email: null,
      clinicId: null,
      doctorId: null,
      invitedBy: null,
      createdAt: now,
      expiresAt,
    })
    await record(context, db, {
      action: 'invitation.create',
      subjectType: 'invitation',
      subjectId: id,
      details: { role: 'admin' },
    })
  })
  return { code, expiresAt }
}

/**
 * Makes an admin account, for the command line alone. Answers its id.
 *
 * @throws InvalidRequest. The constraint account_email_unique refuses a known e-mail.
 */
export async function createAdmin(
  runtime: Runtime,
  input: { email: string; name: string; password: string },
): Promise<string> {
  const context = operatorContext(runtime)
  const account = await prepareAccount(context, input)
  return transact(context, async ({ db }) => {
    const accountId = await createAccount(context, db, { account, role: 'admin' })
    await record(context, db, {
      action: 'account.create',
      subjectType: 'account',
      subjectId: accountId,
      details: { role: 'admin' },
    })
    return accountId
  })
}
