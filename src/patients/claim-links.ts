// Links by which the person of a record gets to it with an account: staff make them and hand them over, and
// a mail brings them where the record has an address, and a date of birth that protects it.

import { record } from '#src/audit/audit.ts'
import { publicUrlAt } from '#src/config.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { codeFrom, hashOfCode, pickCode } from '#src/identity/codes.ts'
import { NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import type { Instant } from '#src/kernel/time.ts'
import { deleteOpenClaimLink, hasOwnAccount, insertClaimLink } from './claim-queries.ts'
import { seePatient } from './patients.ts'
import { may } from './policy.ts'
import { lockPatient } from './queries.ts'

export interface ClaimLink {
  code: string
  link: string
  expiresAt: Instant
}

const linkMilliseconds = 14 * 86_400_000

/**
 * Makes a link to the record, good once and for 14 days, in place of an earlier one. The code is told here,
 * and by mail where the record has an address and a date of birth, which whoever gets the mail must know.
 *
 * @throws NotFound, NotAllowed, Refusal `conflict` when the person has an account already.
 */
export async function makeClaimLink(
  context: SignedInContext,
  patientId: string,
): Promise<ClaimLink> {
  await refuseMaking(context, patientId)
  const linkId = newId()
  const code = codeOfLink(context, linkId)
  const createdAt = context.clock()
  const expiresAt = createdAt + linkMilliseconds
  await transact(context, async (tx) => {
    await lockPatient(tx.db, patientId)
    const patient = await seePatient(context, tx.db, patientId)
    if (!patient || !may(context.actor, 'make-claim-link', patient)) throw new NotFound('patient')
    await refuseOwnAccount(context, tx, patientId)
    await deleteOpenClaimLink(tx.db, patientId)
    await insertClaimLink(tx.db, {
      id: linkId,
      patientId,
      codeHash: hashOfCode(code),
      madeBy: context.actor.accountId,
      createdAt,
      expiresAt,
    })
    tx.append({ type: 'patient.claim-link-made', subjects: { patientId } })
    await record(context, tx.db, {
      action: 'patient.claim-link',
      subjectType: 'patient',
      subjectId: patientId,
    })
  })
  return {
    code,
    link: claimLinkAddress(context, { linkId, codeHash: hashOfCode(code) }),
    expiresAt,
  }
}

/**
 * 32 symbols of five bits each. They are stored nowhere, so that the mail can be written again; with the
 * stored hash they are found under a former key too, when the key has changed since.
 */
function codeOfLink({ links }: Pick<Context, 'links'>, linkId: string, hash?: Buffer): string {
  return pickCode(links.secretsOf('claim', linkId).map(codeFrom), hash)
}

/**
 * The whole address of a link to a record, whose code has the hash. The code stands in the fragment, which
 * browsers don't send: it gets into no log.
 */
export function claimLinkAddress(
  context: Pick<Context, 'config' | 'links'>,
  { linkId, codeHash }: { linkId: string; codeHash: Buffer | undefined },
): string {
  const code = codeOfLink(context, linkId, codeHash)
  return `${publicUrlAt(context.config, context.config.port)}/claim#${code}`
}

async function refuseMaking(context: SignedInContext, patientId: string): Promise<void> {
  const patient = await seePatient(context, context.db, patientId)
  if (patient && may(context.actor, 'make-claim-link', patient)) return
  await record(context, context.db, {
    action: 'patient.claim-link',
    subjectType: 'patient',
    subjectId: patientId,
    allowed: false,
  })
  if (!patient) throw new NotFound('patient')
  throw new NotAllowed(
    patient.isManaged
      ? 'An account manages this patient already. Only an admin makes a link to such a record.'
      : 'Links are made where the patient was registered, or where colleagues booked and received them. Ask that clinic or an admin.',
  )
}

/**
 * Refuses when the person's own account acts for them already. The patient's row must be locked.
 *
 * @throws Refusal `conflict`.
 */
export async function refuseOwnAccount(
  context: Pick<SignedInContext, 'clock'>,
  { db }: Transact,
  patientId: string,
): Promise<void> {
  if (await hasOwnAccount(db, { patientId, now: context.clock() }))
    throw new Refusal('conflict', 'An account already acts for this patient as themselves.')
}
