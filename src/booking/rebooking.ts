// A doctor is away: what becomes of the booked visits. A plan of the nearest other times changes
// nothing; its moves are made one by one, so that one that is refused leaves its visit as it was.

import { record, type AuditEntry } from '#src/audit/audit.ts'
import { timeOffById } from '#src/availability/affected-queries.ts'
import { clinicsSeenBy } from '#src/availability/affected-visits.ts'
import { isStaffOf } from '#src/availability/policy.ts'
import { doctorFor } from '#src/availability/schedule.ts'
import { presentSlot } from '#src/availability/schemas.ts'
import { parseSlotId } from '#src/availability/slot-id.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { doctorIdOf } from '#src/doctors/doctors.ts'
import { invalidField, NotAllowed, NotFound, Refusal } from '#src/kernel/errors.ts'
import type { Interval } from '#src/kernel/interval.ts'
import { formatInstant, parseInstant, type Instant } from '#src/kernel/time.ts'
import { appointmentAsAnswered, presentAppointment } from './appointment.ts'
import { decide } from './appointment-state.ts'
import { idempotentRequest } from './idempotency.ts'
import { planRebooking, type PlannedVisit, type Proposal } from './rebooking-plan.ts'
import { movingVisits } from './rebooking-places.ts'
import { placesAtVersions, visitsNamed, visitsToMove, type MovingRow } from './rebooking-queries.ts'
import {
  outcomes,
  visitsMax,
  type MoveOfVisit,
  type MoveResultAnswer,
  type PlannedVisitAnswer,
  type RebookingAnswer,
  type RebookingWish,
} from './rebooking-schemas.ts'
import { rescheduleAppointment } from './reschedule.ts'

/** Moves of one request that are under way at once. */
const movesAtOnce = 4

/**
 * Proposes the nearest other time for each visit of the doctor, as `planRebooking` says, and changes
 * nothing. The front desk is shown the visits at its own clinics. The reading leaves an audit row, a
 * refused one too.
 *
 * @throws NotFound, NotAllowed, InvalidRequest.
 */
export async function previewRebooking(
  context: SignedInContext,
  options: { doctorKey: string; wish: Omit<RebookingWish, 'apply' | 'reason'> },
): Promise<RebookingAnswer> {
  const { wish } = options
  const now = context.clock()
  const doctorId = await doctorToRebook(context, options.doctorKey)
  const absence = await absenceOf(context, doctorId, wish)
  const ids = wish.appointmentIds ?? []
  const found = await visitsOf(context, { doctorId, absence, ids, now })
  const rows = found.slice(0, visitsMax)
  const visits = await movingVisits(
    context,
    rows.filter(({ status }) => decide('reschedule', status, 'staff').kind === 'step'),
    { doctorId, absence, doctors: wish.doctors ?? 'any', until: wish.until, now },
  )
  const planned = new Map(planRebooking(visits).map((one) => [one.visit.id, one]))
  await record(context, context.db, {
    ...planEntry(doctorId),
    details: { ids: rows.map(({ id }) => id) },
  })
  const plan = rows.map((row) => presentPlanned(row, planned.get(row.id)))
  const unplaced = plan.filter(({ proposed }) => proposed === null).length
  return { plan, unplaced, hasMore: found.length > rows.length }
}

function planEntry(doctorId: string): AuditEntry {
  return { action: 'appointment.plan-rebooking', subjectType: 'doctor', subjectId: doctorId }
}

/** The id of the doctor whose visits the caller may rebook; whom that is refused leaves an audit row. */
async function doctorToRebook(context: SignedInContext, doctorKey: string): Promise<string> {
  try {
    const doctor = await doctorFor(context, { doctorKey, action: 'change-schedule' })
    return doctor.id
  } catch (error) {
    if (error instanceof NotAllowed) {
      const doctorId = doctorIdOf(context, doctorKey)
      await record(context, context.db, { ...planEntry(doctorId), allowed: false })
    }
    throw error
  }
}

/** When the doctor is away; null where the visits are named instead. */
async function absenceOf(
  context: SignedInContext,
  doctorId: string,
  { timeOffId, from, to, appointmentIds }: RebookingWish,
): Promise<Interval | null> {
  const isRange = from !== undefined || to !== undefined
  const ways = [timeOffId !== undefined, isRange, appointmentIds !== undefined]
  if (ways.filter(Boolean).length !== 1)
    throw invalidField(
      '',
      'Name the visits in one way: by /timeOffId, by /from and /to, or by /appointmentIds.',
    )
  if (timeOffId !== undefined) {
    const during = await withRetry(() => timeOffById(context.db, { doctorId, timeOffId }))
    if (!during) throw new NotFound('time off', { in: 'body', pointer: '/timeOffId' })
    return during
  }
  return isRange ? readRange(from, to) : null
}

function readRange(from: string | undefined, to: string | undefined): Interval {
  const startsAt = from === undefined ? null : parseInstant(from)
  const endsAt = to === undefined ? null : parseInstant(to)
  if (startsAt === null)
    throw invalidField('/from', '/from must be an instant such as 2026-11-24T08:00:00+01:00.')
  if (endsAt === null)
    throw invalidField('/to', '/to must be an instant such as 2026-11-24T18:00:00+01:00.')
  if (endsAt <= startsAt) throw invalidField('/to', '/to must be after /from.')
  return { startsAt, endsAt }
}

/** @throws NotFound that points at the first named appointment that is none of the doctor's. */
async function visitsOf(
  context: SignedInContext,
  asked: { doctorId: string; absence: Interval | null; ids: readonly string[]; now: Instant },
): Promise<MovingRow[]> {
  const { doctorId, absence: during, ids, now } = asked
  const whose = { doctorId, clinicIds: clinicsSeenBy(context.actor, doctorId), now }
  if (during !== null)
    return withRetry(() => visitsToMove(context.db, { ...whose, during, limit: visitsMax + 1 }))
  const rows = await withRetry(() => visitsNamed(context.db, { ...whose, ids }))
  const missing = ids.findIndex((id) => !rows.some((row) => row.id === id))
  if (missing < 0) return rows
  const entry = { ...planEntry(doctorId), allowed: false, details: { ids: [ids[missing]] } }
  await record(context, context.db, entry)
  throw new NotFound('appointment', { in: 'body', pointer: `/appointmentIds/${missing}` })
}

/** A move, and as which request it is remembered. */
interface Move {
  wished: MoveOfVisit
  request: ReturnType<typeof idempotentRequest>
}

/**
 * Makes the moves, each in a transaction of its own and some at a time. One that is refused leaves its
 * visit as it was and the others alone. With an `idempotencyKey`, the same move is answered as it was
 * before. Each move leaves what moving a single appointment does: its step, which can be undone, its
 * event and its audit row.
 *
 * @throws NotFound, NotAllowed, InvalidRequest.
 */
export async function applyRebooking(
  context: SignedInContext,
  options: {
    doctorKey: string
    moves: readonly MoveOfVisit[]
    reason: string | undefined
    idempotencyKey: string | undefined
  },
): Promise<RebookingAnswer> {
  const { moves: wishes, reason, idempotencyKey: header } = options
  refuseUnclear(wishes)
  const { accountId } = context.actor
  const moves = wishes.map((wished): Move => {
    const route = `POST /appointments/${wished.appointmentId}/rebooking`
    const body = { ...wished, reason }
    return { wished, request: idempotentRequest({ header, accountId, route, body }) }
  })
  const doctorId = await doctorToRebook(context, options.doctorKey)
  // Whose a visit was when it was planned: one that a repeated request has moved is still named right.
  const places = await withRetry(() => placesAtVersions(context.db, wishes))
  const results = await severalAtOnce(moves, async (move) => {
    const { appointmentId } = move.wished
    const place = places.get(appointmentId)
    if (place?.doctorId === doctorId && isStaffOf(context.actor, place))
      return makeMove(context, move, reason)
    await record(context, context.db, {
      action: 'appointment.reschedule',
      subjectType: 'appointment',
      subjectId: appointmentId,
      allowed: false,
    })
    return refusedMove(appointmentId, new NotFound('appointment of the doctor'))
  })
  // One of the others may have freed the time; if not, what can be had instead is known only now.
  for (const [index, { outcome }] of results.entries())
    if (outcome === 'slot-taken') results[index] = await makeMove(context, moves[index]!, reason)
  const moved = results.filter(({ outcome }) => outcome === 'moved').length
  return { results, moved, remaining: results.length - moved }
}

/** @throws InvalidRequest for a visit that is named twice and for what is no slot. */
function refuseUnclear(wishes: readonly MoveOfVisit[]): void {
  const named = new Set<string>()
  for (const [index, { appointmentId, slotId }] of wishes.entries()) {
    const pointer = `/apply/moves/${index}`
    if (named.has(appointmentId))
      throw invalidField(
        `${pointer}/appointmentId`,
        `${pointer}/appointmentId comes twice; move a visit once.`,
      )
    named.add(appointmentId)
    if (parseSlotId(slotId) === null)
      throw invalidField(
        `${pointer}/slotId`,
        `${pointer}/slotId must be the id of a slot from the plan or the open times.`,
      )
  }
}

async function makeMove(
  context: SignedInContext,
  { wished, request }: Move,
  reason: string | undefined,
): Promise<MoveResultAnswer> {
  const { appointmentId, version, slotId } = wished
  try {
    const answer = await rescheduleAppointment(context, appointmentId, {
      requestedVersion: version,
      request,
      body: { slotId, ...(reason !== undefined && { reason }) },
    })
    const row = await appointmentAsAnswered(context, answer)
    const appointment = presentAppointment(row, context.actor)
    return { appointmentId, outcome: 'moved', appointment }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return refusedMove(appointmentId, error)
  }
}

function refusedMove(appointmentId: string, refusal: Refusal): MoveResultAnswer {
  const outcome = outcomes.find((code) => code === refusal.code)
  if (outcome === undefined) throw refusal
  const { alternatives } = refusal.members
  return {
    appointmentId,
    outcome,
    detail: refusal.message,
    ...(alternatives !== undefined && {
      alternatives: alternatives as ReturnType<typeof presentSlot>[],
    }),
  }
}

/** The results in the order of the moves. After a failure no further one is begun. */
async function severalAtOnce(
  moves: readonly Move[],
  work: (move: Move) => Promise<MoveResultAnswer>,
): Promise<MoveResultAnswer[]> {
  const results: MoveResultAnswer[] = []
  let next = 0
  async function workOn(): Promise<void> {
    while (next < moves.length) {
      const index = next
      next += 1
      try {
        results[index] = await work(moves[index]!)
      } catch (error) {
        next = moves.length
        throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: movesAtOnce }, workOn))
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return results
}

function presentPlanned(row: MovingRow, planned: PlannedVisit | undefined): PlannedVisitAnswer {
  const reason = planned ? planned.reason : ('wrong-state' as const)
  return {
    appointment: {
      id: row.id,
      version: row.version,
      status: row.status,
      startsAt: formatInstant(row.starts_at, row.time_zone),
      endsAt: formatInstant(row.ends_at, row.time_zone),
      timeZone: row.time_zone,
      doctorId: row.doctor_id,
      clinicId: row.clinic_id,
      visitTypeId: row.visit_type_id,
      patient: {
        id: row.patient_id,
        name: row.patient_name,
        ...(row.patient_phone !== null && { phone: row.patient_phone }),
        ...(row.patient_email !== null && { email: row.patient_email }),
      },
    },
    proposed: planned?.proposed ? presentProposal(planned.proposed) : null,
    alternatives: planned?.alternatives.map(presentProposal) ?? [],
    ...(reason !== null && { reason }),
  }
}

function presentProposal({ place, startsAt, endsAt }: Proposal): ReturnType<typeof presentSlot> {
  const { doctorId, clinicId, visitTypeId, timeZone } = place
  return presentSlot({ doctorId, clinicId, visitTypeId, startsAt, endsAt, timeZone })
}
