// Whose accounts may act for a patient: who sees the list, who changes it, and how one leaves it. How others
// come into it is in access-invitations.ts.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { formatUtc, parseInstant, type Instant } from '#src/kernel/time.ts'
import {
  accessesTo,
  accessOf,
  closeAccess,
  openInvitationsTo,
  updateAccess,
  type AccessInvitationRow,
  type AccessRow,
} from './access-queries.ts'
import { seePatient } from './patients.ts'
import { may, mayGiveUntil, type PatientAction } from './policy.ts'
import { lockPatient, type VisiblePatientRow } from './queries.ts'

export interface AccessList {
  accounts: AccessRow[]
  invitations: AccessInvitationRow[]
  /** Whether whoever asks manages the record, and so learns the addresses too. */
  isManager: boolean
}

export interface AccessChange {
  scope?: PatientAccessTable['scope']
  /** RFC 3339; null for as long as the one who changes it has access themselves. */
  endsAt?: string | null
}

/** The audit row of something that was done with the access to a patient. */
export function accessEntry(patientId: string, action: string) {
  return { action: `patient.access-${action}`, subjectType: 'patient', subjectId: patientId }
}

/**
 * Who may act for the patient, and who was invited to. The reading leaves an audit row, a refused one too.
 *
 * @throws NotFound, NotAllowed for who sees the patient and does not manage the record, but admins and the
 * front desk.
 */
export async function listAccess(context: SignedInContext, patientId: string): Promise<AccessList> {
  const { db } = context
  const action = 'see-access'
  const patient = await requirePatient(context, { patientId, action, entry: 'list' })
  const asked = { patientId, now: context.clock() }
  const list = {
    accounts: await accessesTo(db, asked),
    invitations: await openInvitationsTo(db, asked),
    isManager: may(context.actor, 'change-access', patient),
  }
  await record(context, db, accessEntry(patientId, 'list'))
  return list
}

/**
 * Changes how far and until when an account may act for the patient. Nobody changes the access of the
 * patients themselves, and nobody gives what lasts longer than their own.
 *
 * @throws NotFound, NotAllowed, InvalidRequest, Refusal `conflict` when nobody would manage the record then.
 */
export async function changeAccess(
  context: SignedInContext,
  key: { patientId: string; accountId: string },
  change: AccessChange,
): Promise<AccessRow> {
  const { patientId, accountId } = key
  await requirePatient(context, { patientId, action: 'change-access', entry: 'change' })
  return transact(context, async (tx) => {
    const patient = await lockManaged(context, tx, patientId)
    const now = context.clock()
    const former = await accessOf(tx.db, { ...key, now })
    if (!former) throw new NotFound('access')
    if (former.relation === 'self')
      throw new NotAllowed('The access of the patients themselves is not changed by anyone.')
    await updateAccess(tx.db, {
      ...key,
      scope: change.scope,
      agreedEndsAt: readEnd(context, { giver: patient, to: former, endsAt: change.endsAt }),
      now,
    })
    const changed = await accessOf(tx.db, { ...key, now })
    if (!changed) throw invalidField('/endsAt', '/endsAt must lie in the future.')
    if (changed.scope !== 'manage') refuseUnlessManaged(await accessesTo(tx.db, { patientId, now }))
    await record(context, tx.db, {
      ...accessEntry(patientId, 'change'),
      details: { accountId, fields: Object.keys(change) },
    })
    tx.append({ type: 'access.changed', subjects: { accountId, patientId } })
    return changed
  })
}

/** Whoever stayed would have nobody to change or end what they have. */
function refuseUnlessManaged(accesses: readonly AccessRow[]): void {
  if (!isManagedBy(accesses))
    throw new Refusal(
      'conflict',
      'Nobody else manages the record. Leave it instead: DELETE /patients/{id}/access/{accountId}.',
    )
}

function isManagedBy(accesses: readonly AccessRow[]): boolean {
  return accesses.some(({ scope }) => scope === 'manage')
}

/**
 * The end that is agreed on, which is no later than the giver's own; undefined for one that is not spoken of.
 *
 * @throws InvalidRequest.
 */
export function readEnd(
  { clock }: Pick<SignedInContext, 'clock'>,
  options: {
    giver: VisiblePatientRow
    to: Pick<PatientAccessTable, 'relation'>
    endsAt: string | null | undefined
  },
): Instant | null | undefined {
  const { giver, to, endsAt } = options
  if (endsAt === undefined) return undefined
  const { relation: own, endsAt: ownEndsAt, agreedEndsAt } = giver
  const latest =
    own === null
      ? null
      : mayGiveUntil({ relation: own, endsAt: ownEndsAt, agreedEndsAt }, to.relation)
  if (endsAt === null) return latest
  const at = parseInstant(endsAt)
  if (at === null || at <= clock())
    throw invalidField('/endsAt', '/endsAt must be an instant in the future.')
  if (latest !== null && at > latest)
    throw invalidField(
      '/endsAt',
      `/endsAt must not be later than the end of your own access, ${formatUtc(latest)}.`,
    )
  return at
}

/**
 * Ends an account's access to the patient: by who manages the record, or one's own. Answers whether any
 * account manages the record still; if not, every access has ended, and the front desk keeps the record.
 *
 * @throws NotFound, NotAllowed for the access of the patients themselves, and for others' access without
 * managing the record.
 */
export async function endAccess(
  context: SignedInContext,
  key: { patientId: string; accountId: string },
): Promise<{ isManaged: boolean }> {
  const { patientId, accountId } = key
  const isOwn = accountId === context.actor.accountId
  if (!isOwn) await requirePatient(context, { patientId, action: 'change-access', entry: 'end' })
  const end = () =>
    transact(context, async (tx) => {
      if (isOwn) await lockPatient(tx.db, patientId)
      else await lockManaged(context, tx, patientId)
      const now = context.clock()
      const access = await accessOf(tx.db, { ...key, now })
      if (!access) throw new NotFound(isOwn ? 'patient' : 'access')
      if (access.relation === 'self')
        throw new NotAllowed('Nobody ends the access of the patients themselves to their record.')
      await close(context, tx, { ...key, now })
      const left = await accessesTo(tx.db, { patientId, now })
      const isManaged = isManagedBy(left)
      // Nobody would be there to end what the others have.
      if (!isManaged)
        for (const other of left)
          await close(context, tx, { patientId, accountId: other.accountId, now })
      return { isManaged }
    })
  return auditRefusal(context, { patientId, entry: 'end' }, end)
}

async function close(
  context: SignedInContext,
  tx: Transact,
  { patientId, accountId, now }: { patientId: string; accountId: string; now: Instant },
): Promise<void> {
  await closeAccess(tx.db, { patientId, accountId, now })
  await record(context, tx.db, { ...accessEntry(patientId, 'end'), details: { accountId } })
  tx.append({ type: 'access.ended', subjects: { accountId, patientId } })
}

/** Runs `work`, and writes down whom it did not let do something. */
async function auditRefusal<Result>(
  context: SignedInContext,
  { patientId, entry }: { patientId: string; entry: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...accessEntry(patientId, entry), allowed: false })
    throw error
  }
}

/**
 * The patient whose access is looked at or changed; who may not leaves an audit row.
 *
 * @throws NotFound, NotAllowed.
 */
export async function requirePatient(
  context: SignedInContext,
  { patientId, action, entry }: { patientId: string; action: PatientAction; entry: string },
): Promise<VisiblePatientRow> {
  const patient = await seePatient(context, context.db, patientId)
  if (patient && may(context.actor, action, patient)) return patient
  await record(context, context.db, { ...accessEntry(patientId, entry), allowed: false })
  throw patient ? onlyManagers() : new NotFound('patient')
}

/**
 * The patient, locked so that nobody else changes who has access, when the actor may do so still.
 *
 * @throws NotFound, NotAllowed.
 */
export async function lockManaged(
  context: SignedInContext,
  { db }: Transact,
  patientId: string,
): Promise<VisiblePatientRow> {
  await lockPatient(db, patientId)
  const patient = await seePatient(context, db, patientId)
  if (!patient) throw new NotFound('patient')
  if (!may(context.actor, 'change-access', patient)) throw onlyManagers()
  return patient
}

function onlyManagers(): NotAllowed {
  return new NotAllowed("Only the accounts that manage this patient's record may do this.")
}

/** The list as the API shows it: addresses are for who manages the record. */
export function presentAccessList({ accounts, invitations, isManager }: AccessList) {
  return {
    accounts: accounts.map((row) => presentAccess(row, { withEmail: isManager })),
    invitations: invitations.map((row) => presentInvitation(row, { withEmail: isManager })),
  }
}

/** One account's access as the API shows it. */
export function presentAccess(row: AccessRow, { withEmail }: { withEmail: boolean }) {
  const { accountId, name, email, relation, scope, endsAt } = row
  return {
    accountId,
    name,
    ...(withEmail && { email }),
    relation,
    scope,
    ...(endsAt !== null && { endsAt: formatUtc(endsAt) }),
  }
}

/** An invitation as the API shows it, without its link: that is for whoever gets the mail. */
export function presentInvitation(row: AccessInvitationRow, { withEmail }: { withEmail: boolean }) {
  const { id, email, relation, scope, agreedEndsAt, createdAt, expiresAt } = row
  return {
    id,
    ...(withEmail && { email }),
    relation,
    scope,
    ...(agreedEndsAt !== null && { endsAt: formatUtc(agreedEndsAt) }),
    createdAt: formatUtc(createdAt),
    expiresAt: formatUtc(expiresAt),
  }
}
