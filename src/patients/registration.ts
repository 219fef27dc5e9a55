// Registering: how someone gets an account. Patients by themselves, with a record of their own;
// doctors, the front desk and admins with a code that says what they join as.

import { record } from '#src/audit/audit.ts'
import { joinFrontDesk } from '#src/clinics/memberships.ts'
import type { Context } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { bindDoctorAccount, createDoctorOfAccount } from '#src/doctors/accounts.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { makeUntoldLink } from '#src/identity/account-links.ts'
import {
  createAccount,
  prepareAccount,
  type NewAccount,
  type PreparedAccount,
} from '#src/identity/accounts.ts'
import { noteVerifiedEmail } from '#src/identity/email-address.ts'
import {
  invalidInvitation,
  noteInvitationUser,
  redeemCode,
  tryInvitationCode,
  type Redeemed,
} from '#src/identity/invitations.ts'
import { issueTokens, startSession, type SignedIn } from '#src/identity/sessions.ts'
import { invalidField } from '#src/kernel/errors.ts'
import { tryLink, useLink, type ClaimCode, type TriedLink } from './claims.ts'
import { createOwnPatient } from './patients.ts'

export interface Registration extends NewAccount {
  /** Without it, the role of the invitation, or else patient. */
  role?: Role
  invitationCode?: string
  /** The link to the record that becomes the account's own; of a patient's account alone. */
  claim?: ClaimCode
}

interface Joining {
  role: Role
  /** Null for a patient. */
  invitation: Redeemed | null
}

/**
 * Makes an account with all that belongs to its role, in one transaction, and signs it in.
 *
 * @throws InvalidRequest, Refusal `invalid-invitation`, `invalid-claim`, `conflict`, `busy`. The
 * constraint account_email_unique refuses a known e-mail.
 */
export async function register(context: Context, input: Registration): Promise<SignedIn> {
  if (input.role !== undefined && input.role !== 'patient' && input.invitationCode === undefined)
    throw invalidInvitation('Registering for this role needs an invitation code.')
  if (input.claim !== undefined && input.invitationCode !== undefined)
    throw invalidField('/claim', 'Who joins by an invitation cannot claim a record with it.')
  const account = await prepareAccount(context, input)
  // Outside the transaction, so that a wrong try counts although the registration leaves nothing.
  if (input.invitationCode !== undefined)
    await tryInvitationCode(context, { code: input.invitationCode, email: account.email })
  const link =
    input.claim === undefined
      ? null
      : await tryLink(context, { claim: input.claim, pointer: '/claim/code' })
  const session = await transact(context, async (tx) => {
    const joining = await joiningOf(context, tx, { input, email: account.email })
    const { role } = joining
    const accountId = await createAccount(context, tx.db, { account, role })
    await join(context, tx, { joining, account, accountId, link })
    const linkId = await settleEmail(context, tx, { joining, accountId, email: account.email })
    tx.append({
      type: 'account.registered',
      subjects: { accountId, ...(linkId !== null && { accountLinkId: linkId }) },
    })
    await record(context, tx.db, {
      action: 'account.create',
      subjectType: 'account',
      subjectId: accountId,
      details: { role },
    })
    return startSession(context, tx.db, { accountId, role })
  })
  return issueTokens(context, session)
}

/**
 * Whoever was invited by this address is believed; everyone else gets a link there, to show that it is
 * theirs. Answers its id.
 */
async function settleEmail(
  context: Context,
  tx: Transact,
  { joining, accountId, email }: { joining: Joining; accountId: string; email: string },
): Promise<string | null> {
  if (!joining.invitation?.isForEmail)
    return makeUntoldLink(context, tx, { accountId, purpose: 'verify_email', email })
  await noteVerifiedEmail(context, tx, accountId)
  return null
}

/** The code comes before the account, so that a guessed one does not tell whether an e-mail is known. */
async function joiningOf(
  context: Context,
  tx: Transact,
  { input, email }: { input: Registration; email: string },
): Promise<Joining> {
  const { role, invitationCode: code } = input
  if (code === undefined) return { role: 'patient', invitation: null }
  const invitation = await redeemCode(context, tx.db, { code, email, role })
  return { role: invitation.role, invitation }
}

async function join(
  context: Context,
  tx: Transact,
  options: {
    joining: Joining
    account: PreparedAccount
    accountId: string
    /** To the record that a patient claims; null for a patient who gets a new one. */
    link: TriedLink | null
  },
): Promise<void> {
  const { account, accountId, link } = options
  const { invitation } = options.joining
  const person = { accountId, name: account.name, email: account.email, phone: account.phone }
  if (invitation === null) {
    if (link === null) await createOwnPatient(context, tx, person)
    else await useLink(context, tx, { link, accountId, relation: 'self' })
    return
  }
  const { role, clinicId, doctorId } = invitation
  if (role === 'front_desk' && clinicId !== null)
    await joinFrontDesk(context, tx, { accountId, clinicId })
  if (role === 'doctor' && doctorId === null)
    await createDoctorOfAccount(context, tx, { ...person, clinicId })
  if (role === 'doctor' && doctorId !== null) {
    const isBound = await bindDoctorAccount(context, tx, { doctorId, accountId, clinicId })
    if (!isBound) throw invalidInvitation('The doctor of this invitation has an account already.')
  }
  // Last, since it shares a lock on the invitation's doctor, which another invitation may wait to bind.
  await noteInvitationUser(tx.db, { invitation, accountId })
}
