// Invitations: the one-time codes with which doctors, the front desk and admins join.

import { createHash, timingSafeEqual } from 'node:crypto'
import { record } from '#src/audit/audit.ts'
import { publicUrlAt } from '#src/config.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import {
  InvalidRequest,
  NotAllowed,
  NotSignedIn,
  Refusal,
  type FieldError,
} from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { normalizeEmail } from './accounts.ts'
import { codeFrom, codeLength, hashOfCode, pickCode } from './codes.ts'
import {
  accountIdOfEmail,
  consumeInvitation,
  doctorHasAccount,
  insertInvitation,
  markInvitationUser,
  shareInviter,
  tryInvitation,
  type InvitedRole,
} from './invitation-queries.ts'
import { may } from './policy.ts'
import { countWrongCodes } from './wrong-codes.ts'

export type { InvitedRole } from './invitation-queries.ts'

export interface NewInvitation {
  role: InvitedRole
  /** Binds the invitation to this e-mail address. */
  email?: string
  /** Where the front desk works; a clinic to add for a doctor. */
  clinicId?: string
  /** The profile that the doctor's account is for; without it, a new one. */
  doctorId?: string
}

export interface Invitation {
  id: string
  code: string
  link: string
  role: InvitedRole
  expiresAt: Instant
}

const dayMilliseconds = 86_400_000
const invitationDays = 7

/**
 * Makes an invitation, good once and for seven days. The code is told here, and by mail where there is an
 * address.
 *
 * @throws NotAllowed, InvalidRequest, Refusal `conflict` for an address that has an account: an invitation
 * makes one, and could not be used.
 */
export async function invite(context: SignedInContext, input: NewInvitation): Promise<Invitation> {
  if (!may(context.actor, 'invite')) throw new NotAllowed()
  await refuseContradictions(context.db, input)
  await refuseKnownAddress(context.db, input)
  return transact(context, (tx) => inviteWithin(context, tx, input))
}

/**
 * As `invite`, in a transaction of a caller who may invite and has looked that nothing contradicts it.
 *
 * @throws NotSignedIn when the caller was disabled or got another role meanwhile.
 */
export async function inviteWithin(
  context: SignedInContext,
  tx: Transact,
  input: NewInvitation,
): Promise<Invitation> {
  // Whoever disables the caller revokes what the caller made, and waits for what is being made.
  if (!(await shareInviter(tx.db, context.actor.accountId))) throw new NotSignedIn()
  const id = newId()
  const code = codeOfInvitation(context, id)
  const now = context.clock()
  const expiresAt = now + invitationDays * dayMilliseconds
  await insertInvitation(tx.db, {
    id,
    codeHash: hashOfCode(code),
    role: input.role,
    email: input.email === undefined ? null : normalizeEmail(input.email),
    clinicId: input.clinicId ?? null,
    doctorId: input.doctorId ?? null,
    invitedBy: context.actor.accountId,
    createdAt: now,
    expiresAt,
  })
  if (input.email !== undefined)
    tx.append({ type: 'invitation.made', subjects: { invitationId: id } })
  await record(context, tx.db, {
    action: 'invitation.create',
    subjectType: 'invitation',
    subjectId: id,
    details: {
      role: input.role,
      ...(input.clinicId !== undefined && { clinicId: input.clinicId }),
      ...(input.doctorId !== undefined && { doctorId: input.doctorId }),
    },
  })
  return { id, code, link: invitationLink(context, code), role: input.role, expiresAt }
}

/**
 * The code of an invitation that `invite` made: it is stored nowhere, and the mail can be written again.
 * With the stored hash it is found under a former key too, when the key has changed since.
 */
function codeOfInvitation({ links }: Pick<Context, 'links'>, id: string, hash?: Buffer): string {
  const codes = links
    .secretsOf('invitation', id)
    .map((secret) => codeFrom(secret.subarray(0, codeLength)))
  return pickCode(codes, hash)
}

/** The whole address by which someone joins with this invitation, whose code has the hash, for a mail. */
export function invitationAddress(
  context: Pick<Context, 'config' | 'links'>,
  { id, codeHash }: { id: string; codeHash: Buffer | undefined },
): string {
  return invitationLink(context, codeOfInvitation(context, id, codeHash))
}

/** The code stands in the fragment, which browsers don't send: it gets into no log. */
export function invitationLink(context: Pick<Context, 'config'>, code: string): string {
  return `${publicUrlAt(context.config, context.config.port)}/join#${code}`
}

async function refuseContradictions(db: Queryable, input: NewInvitation): Promise<void> {
  const errors: FieldError[] = []
  const { role, clinicId, doctorId } = input
  if (role === 'front_desk' && clinicId === undefined)
    errors.push(wrong('/clinicId', 'The front desk needs the clinic it works at.'))
  if (role === 'admin' && clinicId !== undefined)
    errors.push(wrong('/clinicId', 'An admin works for all clinics: leave the clinic out.'))
  if (role !== 'doctor' && doctorId !== undefined)
    errors.push(wrong('/doctorId', 'Only an invitation of a doctor can name a doctor.'))
  else if (doctorId !== undefined) {
    const hasAccount = await doctorHasAccount(db, doctorId)
    if (hasAccount === undefined) errors.push(wrong('/doctorId', 'There is no such doctor.'))
    if (hasAccount) errors.push(wrong('/doctorId', 'This doctor already has an account.'))
  }
  if (errors.length > 0) throw new InvalidRequest(errors)
}

async function refuseKnownAddress(db: Queryable, { email }: NewInvitation): Promise<void> {
  if (email === undefined) return
  const accountId = await accountIdOfEmail(db, normalizeEmail(email))
  if (accountId === undefined) return
  throw new Refusal(
    'conflict',
    'This address has an account already, and an invitation is for whoever has none.',
    {
      errors: [wrong('/email', `Give the account its role: PUT /admin/users/${accountId}/role.`)],
      accountId,
    },
  )
}

function wrong(pointer: string, detail: string): FieldError {
  return { in: 'body', pointer, detail }
}

/** What a code that someone registers with stands for. */
export interface Redeemed {
  role: InvitedRole
  clinicId: string | null
  doctorId: string | null
  /** Null for the code of the configuration, which is not used up. */
  invitationId: string | null
  /** Whether whoever invited named the e-mail address that it is for. */
  isForEmail: boolean
}

/**
 * Tries a code before anything is done for whoever registers with it, and counts it when it is wrong,
 * whatever becomes of the rest of the request.
 *
 * @throws Refusal `invalid-invitation`, TooManyRequests.
 */
export async function tryInvitationCode(
  context: Context,
  { code, email }: { code: string; email: string },
): Promise<void> {
  await countWrongCodes(context, async () => {
    if (isDoctorCode(context, code)) return
    const now = context.clock()
    const tried = await tryInvitation(context.db, { codeHash: hashOfCode(code), email, now })
    if (!tried?.isRight) throw notOpen()
  })
}

/**
 * Uses a code up in `db`'s transaction, so that a registration that fails leaves it open. `role` is
 * the one asked for; without it, the invitation's is taken.
 *
 * @throws Refusal `invalid-invitation`.
 */
export async function redeemCode(
  context: Pick<Context, 'config' | 'clock'>,
  db: Queryable,
  options: { code: string; email: string; role: string | undefined },
): Promise<Redeemed> {
  const { code, email, role } = options
  const redeemed = isDoctorCode(context, code)
    ? codeOfDoctors
    : await redeemInvitation(context, db, { code, email })
  if (role !== undefined && role !== redeemed.role)
    throw invalidInvitation('This invitation is for another role.')
  return redeemed
}

const codeOfDoctors: Redeemed = {
  role: 'doctor',
  clinicId: null,
  doctorId: null,
  invitationId: null,
  isForEmail: false,
}

async function redeemInvitation(
  context: Pick<Context, 'clock'>,
  db: Queryable,
  { code, email }: { code: string; email: string },
): Promise<Redeemed> {
  const invitation = await consumeInvitation(db, {
    codeHash: hashOfCode(code),
    email,
    now: context.clock(),
  })
  if (!invitation) throw notOpen()
  const { id, ...rest } = invitation
  return { ...rest, invitationId: id }
}

/** Notes in `db`'s transaction, once the account is there, who used the invitation. */
export async function noteInvitationUser(
  db: Queryable,
  { invitation, accountId }: { invitation: Redeemed; accountId: string },
): Promise<void> {
  const { invitationId } = invitation
  if (invitationId !== null) await markInvitationUser(db, { invitationId, accountId })
}

/** One sentence for every reason. */
function notOpen(): Refusal {
  return invalidInvitation(
    'This invitation is unknown, used, expired or for another e-mail address. Ask for a new one.',
  )
}

/** The refusal of a code, which names the field. */
export function invalidInvitation(detail: string): Refusal {
  return new Refusal('invalid-invitation', detail, { errors: [wrong('/invitationCode', detail)] })
}

/** Both are hashed, so that the comparison tells neither length nor content by its time. */
function isDoctorCode(context: Pick<Context, 'config'>, code: string): boolean {
  const { doctorInvitationCode } = context.config
  return (
    doctorInvitationCode !== null &&
    timingSafeEqual(sha256(doctorInvitationCode), sha256(code.trim()))
  )
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
