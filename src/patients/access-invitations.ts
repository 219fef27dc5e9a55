// Inviting others to act for a patient. The link goes by mail to one address and is good for an account of
// that address: what is said to whoever invites does not depend on whether there is one.

import { record } from '#src/audit/audit.ts'
import { publicUrlAt } from '#src/config.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { transact } from '#src/events/events.ts'
import { takeTry } from '#src/http/tries.ts'
import { normalizeEmail } from '#src/identity/accounts.ts'
import { NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { accessEntry, lockManaged, readEnd, requirePatient } from './access.ts'
import {
  accessGiven,
  accessOf,
  consumeAccessInvitation,
  countRecordsOfOthers,
  deleteUnusedInvitation,
  deleteUnusedInvitationsTo,
  insertAccessInvitation,
  lockRecordsOf,
  openInvitationsTo,
  patientOfInvitation,
  type AccessInvitationRow,
  type AccessRow,
} from './access-queries.ts'
import { seePatient, type Patient } from './patients.ts'
import { earlierEnd, mayGiveUntil, reachesAsFar } from './policy.ts'
import { insertAccess, lockPatient } from './queries.ts'

export interface NewAccessInvitation {
  email: string
  relation: AccessInvitationRow['relation']
  scope: PatientAccessTable['scope']
  /** RFC 3339; without it, as long as the one who invites has access themselves. */
  endsAt?: string
}

const invitationMilliseconds = 14 * 86_400_000

/** How many invitations to one record may wait at a time. */
const openMax = 20

/** How many an account may send in a day, so that nobody sends mails to the whole town. */
const dailyMax = 40

/** How many records of others an account may have. */
export const recordsOfOthersMax = 20

/**
 * Invites whoever reads mail at the address to act for the patient. The mail follows from the event
 * `access.invited`; an earlier invitation to the same address is void.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, Refusal `conflict` when too many wait, TooManyRequests.
 */
export async function inviteToAccess(
  context: SignedInContext,
  patientId: string,
  input: NewAccessInvitation,
): Promise<AccessInvitationRow> {
  const { accountId } = context.actor
  await requirePatient(context, { patientId, action: 'change-access', entry: 'invite' })
  await takeTry(context, {
    name: 'access-invitations',
    subject: accountId,
    max: dailyMax,
    windowSeconds: 86_400,
  })
  const id = newId()
  const email = normalizeEmail(input.email)
  return transact(context, async (tx) => {
    const giver = await lockManaged(context, tx, patientId)
    const now = context.clock()
    const { relation, scope, endsAt } = input
    const invitation = {
      id,
      patientId,
      email,
      relation,
      scope,
      agreedEndsAt: readEnd(context, { giver, to: input, endsAt }) ?? null,
      invitedBy: accountId,
      createdAt: now,
      expiresAt: now + invitationMilliseconds,
    }
    await deleteUnusedInvitationsTo(tx.db, { patientId, email })
    if ((await openInvitationsTo(tx.db, { patientId, now })).length >= openMax)
      throw new Refusal('conflict', `${openMax} invitations to this record wait already.`)
    await insertAccessInvitation(tx.db, invitation)
    await record(context, tx.db, {
      ...accessEntry(patientId, 'invite'),
      details: { invitationId: id, relation, scope },
    })
    tx.append({ type: 'access.invited', subjects: { accessInvitationId: id, patientId } })
    return invitation
  })
}

/**
 * Takes an invitation back that nobody has accepted; its link is void.
 *
 * @throws NotFound, NotAllowed.
 */
export async function withdrawInvitation(
  context: SignedInContext,
  { patientId, id }: { patientId: string; id: string },
): Promise<void> {
  await requirePatient(context, { patientId, action: 'change-access', entry: 'withdraw' })
  await transact(context, async (tx) => {
    await lockManaged(context, tx, patientId)
    if (!(await deleteUnusedInvitation(tx.db, { patientId, id }))) throw new NotFound('invitation')
    await record(context, tx.db, {
      ...accessEntry(patientId, 'withdraw'),
      details: { invitationId: id },
    })
  })
}

/**
 * Accepts an invitation for the account that is signed in: once, within 14 days, with the address that it
 * was sent to, and while the one who invited manages the record. What is given ends no later than the
 * access of who gave it.
 *
 * @throws Refusal `invalid-invitation`, `conflict` for who has as much already, or too many records.
 */
export async function acceptAccess(context: SignedInContext, token: string): Promise<Patient> {
  const { accountId } = context.actor
  const id = context.links.idOf('access', token)
  const patientId = id === null ? undefined : await patientOfInvitation(context.db, id)
  const refusal = async () => {
    await record(context, context.db, {
      action: 'patient.access-accept',
      subjectType: 'patient',
      subjectId: patientId ?? null,
      allowed: false,
    })
    return notValid()
  }
  if (id === null || patientId === undefined) throw await refusal()
  const patient = await transact(context, async (tx) => {
    // The account's records first, in the order of an account that ends, then the patient.
    await lockRecordsOf(tx.db, accountId)
    await lockPatient(tx.db, patientId)
    const now = context.clock()
    const invitation = await consumeAccessInvitation(tx.db, { id, accountId, now })
    if (!invitation) return null
    const { relation, scope, invitedBy } = invitation
    const former = await accessOf(tx.db, { accountId, patientId, now })
    const giver = await accessGiven(tx.db, { accountId: invitedBy, patientId })
    if (!giver) return null
    const agreedEndsAt = earlierEnd(invitation.agreedEndsAt, mayGiveUntil(giver, relation))
    refuseLess(former, { scope, endsAt: agreedEndsAt })
    if (!former && (await countRecordsOfOthers(tx.db, { accountId, now })) >= recordsOfOthersMax)
      throw tooManyRecords()
    const endsAt = await insertAccess(tx.db, {
      accountId,
      patientId,
      relation,
      scope,
      agreedEndsAt,
      grantedBy: invitedBy,
      createdAt: now,
    })
    if (endsAt !== null && endsAt <= now)
      throw new Refusal('conflict', 'The patient is of age, so nobody is let in as a parent.')
    await record(context, tx.db, {
      ...accessEntry(patientId, 'accept'),
      details: { invitationId: id, accountId, relation, scope },
    })
    const type = former ? 'access.changed' : 'access.granted'
    tx.append({ type, subjects: { accountId, patientId } })
    return (await seePatient(context, tx.db, patientId)) ?? null
  })
  if (!patient) throw await refusal()
  return patient
}

/** Accepting is to give more, or longer. */
function refuseLess(
  former: AccessRow | undefined,
  invited: Pick<AccessRow, 'scope' | 'endsAt'>,
): void {
  if (!former) return
  const isSameScope = former.scope === invited.scope
  const lastsAsLong = earlierEnd(former.endsAt, invited.endsAt) === invited.endsAt
  const hasMore =
    former.relation === 'self' ||
    (isSameScope ? lastsAsLong : reachesAsFar(former.scope, invited.scope))
  if (hasMore)
    throw new Refusal('conflict', 'You have at least as much access to this record already.')
}

/** The refusal of one record more than an account may have. */
export function tooManyRecords(): Refusal {
  return new Refusal('conflict', `You have ${recordsOfOthersMax} records of others already.`)
}

/** One sentence for every reason, so that a link tells nothing to whom it was not sent. */
function notValid(): Refusal {
  const detail =
    'The invitation is unknown, used, taken back or older than 14 days, was sent to another e-mail address than that of your account, or comes from someone who no longer manages the record. Ask for a new one.'
  return new Refusal('invalid-invitation', detail, {
    errors: [{ in: 'body', pointer: '/token', detail }],
  })
}

/**
 * The whole address of the page where an invitation is accepted, for the mail. The word stands in the
 * fragment, which browsers don't send: it gets into no log.
 */
export function accessInvitationAddress(
  context: Pick<Context, 'config' | 'links'>,
  invitationId: string,
): string {
  const token = context.links.tokenOf('access', invitationId)
  return `${publicUrlAt(context.config, context.config.port)}/access#${token}`
}
