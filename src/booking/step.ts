// One step of an appointment's life: read, decided in memory, and made in one call of the database that
// refuses when the appointment or a schedule has moved on since.

import { record, type AuditEntry } from '#src/audit/audit.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import type { Offer } from '#src/availability/open-times.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { isOutcomeUnknown, withRetry } from '#src/db/retry.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { findAppointment } from './appointment.ts'
import { decide, type Command, type StepRole } from './appointment-state.ts'
import {
  stepInOneCall,
  type Change,
  type IdempotentRequest,
  type Placement,
  type StoredAnswer,
} from './call-queries.ts'
import { refuseStaleAppointment } from './history.ts'
import { answerOnce, earlierAnswer, unsharedRequest } from './idempotency.ts'
import type { AppointmentRow } from './queries.ts'
import { bookingFailureOf, IdempotencyKeyReused, PatientBusy } from './refusals.ts'
import { forgetOffer, forgetOfferAndHolds, slotTaken } from './wanted-time.ts'
import { onlyLooking } from './wish.ts'

/** What a step changes; the raised version is always written. */
export interface Plan {
  /** Null for a step that leaves the status alone, also one that time has ended and nobody wrote down. */
  to: AppointmentStatus | null
  change?: Change
  /** Why, in the words of who made the step. */
  note?: string | null
  /** By default `appointment.` and the new status. */
  event?: string
  /** The new place and the offer that it was computed from, for a step that takes a time. */
  place?: {
    placement: Placement
    offer: Offer
    /** For a step that needs the rules alone: what is claimed stays claimed. */
    keepsClaims?: boolean
  }
  /** Holds that the step uses up. */
  ends?: string[]
  /** False for a step that calendars need not hear of. */
  raisesSequence?: boolean
}

export interface StepOptions {
  command: Command | 'note'
  requestedVersion: number | null
  request: IdempotentRequest | null
  /** What to do with the appointment as it is at `now`; null when it is done already. */
  plan: (current: AppointmentRow, now: Instant) => Promise<Plan | null> | Plan | null
}

const triesMax = 20

/**
 * Leads an appointment one step on, as `plan` says, which is asked again when the appointment or a
 * schedule has changed meanwhile.
 *
 * @throws NotFound, Refusal `stale-version`, IdempotencyKeyReused, SlotTaken, PatientBusy, what `plan`
 * throws, and Refusal `busy` when the appointment will not stand still.
 */
export async function takeStep(
  context: SignedInContext,
  id: string,
  options: StepOptions,
): Promise<StoredAnswer> {
  const entry: AuditEntry = {
    action: `appointment.${options.command}`,
    subjectType: 'appointment',
    subjectId: id,
  }
  const request = options.request ?? unsharedRequest(context, `${id}/${options.command}`)
  try {
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const now = context.clock()
      const current = await findOrNull(context, id)
      if (current === null) {
        // Who lost sight of it since, as by a move to a colleague, is answered as before.
        const earlier = await earlierAnswer(context, options.request, now)
        if (earlier !== null) return earlier
        throw new NotFound('appointment')
      }
      const planned = await planOrEarlierAnswer(context, current, options, now)
      if (planned.answer !== null) return planned.answer
      if (planned.plan === null) {
        await record(context, context.db, entry)
        const answer = { id, version: current.version }
        return options.request === null
          ? answer
          : await answerOnce(context, options.request, { now, answer })
      }
      const answer = await attempt(context, { current, plan: planned.plan, options, request, now })
      if (answer !== null) return answer
    }
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...entry, allowed: false })
    throw error
  }
  throw new Refusal('busy', 'The appointment is being changed. Try again in a moment.')
}

async function findOrNull(context: SignedInContext, id: string): Promise<AppointmentRow | null> {
  try {
    return await findAppointment(context, id)
  } catch (error) {
    if (error instanceof NotFound) return null
    throw error
  }
}

type Planned = { answer: StoredAnswer } | { answer: null; plan: Plan | null }

/** A request that was answered before gets that answer again, also where it would now be refused. */
async function planOrEarlierAnswer(
  context: SignedInContext,
  current: AppointmentRow,
  { plan, request, requestedVersion }: StepOptions,
  now: Instant,
): Promise<Planned> {
  try {
    const planned = await plan(current, now)
    if (planned !== null) await refuseStaleAppointment(context, current, requestedVersion)
    return { answer: null, plan: planned }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const answer = await earlierAnswer(context, request, now)
    if (answer !== null) return { answer }
    // Whoever looked at an old version is told of that first.
    await refuseStaleAppointment(context, current, requestedVersion)
    throw error
  }
}

interface Attempt {
  current: AppointmentRow
  plan: Plan
  options: StepOptions
  request: IdempotentRequest
  now: Instant
}

/** Null when the step must be decided again. */
async function attempt(context: SignedInContext, step: Attempt): Promise<StoredAnswer | null> {
  const { current, plan, options, request, now } = step
  const { to, place, note = null, raisesSequence = true } = plan
  try {
    const answer = await withRetry(() =>
      stepInOneCall(context.db, {
        now,
        origin: context.events.origin,
        requestId: context.requestId,
        accountId: context.actor.accountId,
        request,
        id: current.id,
        version: current.version,
        command: options.command,
        event: plan.event ?? `appointment.${to}`,
        change: {
          ...plan.change,
          ...(to !== null && { status: to }),
          ...(raisesSequence && { sequence: current.sequence + 1 }),
        },
        note,
        placement: place?.placement ?? null,
        keepsClaims: place?.keepsClaims ?? false,
        ends: plan.ends ?? [],
      }),
    )
    announce(context, step)
    return answer
  } catch (error) {
    // The step may have been made all the same; to look again at what did not change does no harm.
    if (isOutcomeUnknown(error)) announce(context, step)
    const failure = bookingFailureOf(error)
    if (failure === null) throw error
    if (failure === 'key-reused') throw new IdempotencyKeyReused()
    if (failure === 'patient-busy') throw new PatientBusy()
    if (place) {
      forgetOffer(context, place.offer)
      if (failure === 'taken') throw await slotTaken(context, place.offer, place.placement.startsAt)
    }
    return null
  }
}

/** Tells this process at once what the others read from the event table. */
function announce(context: SignedInContext, { current, plan }: Attempt): void {
  const { id, doctor_id: doctorId, clinic_id: clinicId, room_id: roomId } = current
  const to = plan.place?.placement
  const subjects = {
    appointmentId: id,
    doctorId: to?.doctorId ?? doctorId,
    clinicId: to?.clinicId ?? clinicId,
    patientId: current.patient_id,
    roomId: to?.rooms?.ids[0] ?? roomId,
    formerDoctorId: doctorId,
    formerClinicId: clinicId,
    ...(roomId !== null && { formerRoomId: roomId }),
  }
  context.events.announce([{ type: plan.event ?? `appointment.${plan.to}`, subjects }])
  if (plan.place && plan.ends?.length) forgetOfferAndHolds(context, plan.place.offer)
}

/**
 * As whom the actor acts on this appointment.
 *
 * @throws NotAllowed for who may look at the patient's visits and do no more.
 */
export function stepRoleOf(actor: AccountActor, row: AppointmentRow): StepRole {
  if (isStaffOf(actor, { doctorId: row.doctor_id, clinicId: row.clinic_id })) return 'staff'
  if (actor.patientIds.includes(row.patient_id)) return 'patient'
  throw onlyLooking()
}

/**
 * The statuses that the command leads to; null when it is done already.
 *
 * @throws NotAllowed, Refusal `wrong-state` or `hold-expired`.
 */
export function stepOrRefuse(
  command: Command,
  row: AppointmentRow,
  role: StepRole,
): readonly AppointmentStatus[] | null {
  const decision = decide(command, row.status, role)
  if (decision.kind === 'step') return decision.to
  if (decision.kind === 'done') return null
  if (decision.code === 'not-allowed') throw new NotAllowed(decision.detail)
  throw new Refusal(decision.code, decision.detail, { appointmentStatus: row.status })
}
