// Fills an empty database with the demo's network, all of it or nothing.

import assert from 'node:assert/strict'
import { createBoard } from '#src/availability/board.ts'
import { transitions } from '#src/booking/appointment-state.ts'
import type { Runtime } from '#src/context.ts'
import type { DatabaseTransaction, Queryable } from '#src/db/connect.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { createEventBus } from '#src/events/events.ts'
import { formatUtc, localDateOf, localDateTimeOf, type Instant } from '#src/kernel/time.ts'
import { StartRefused } from '#src/refusal-at-start.ts'
import { prepareAccounts, writeDirectory, type Account } from './directory.ts'
import { writeFamily } from './family.ts'
import { makePatients } from './patients.ts'
import { contentsOf, insertRows, lockAccounts } from './queries.ts'
import { createRandom } from './random.ts'
import { admin } from './sign-ins.ts'
import { planningStart, planVisits, type Visit } from './visits.ts'

/**
 * Makes sure that the database holds the demo's network: writes it in one transaction, or leaves what
 * an earlier start wrote as it is by now.
 *
 * @throws StartRefused when the database holds something else.
 */
export async function ensureNetwork(
  runtime: Pick<Runtime, 'db' | 'clock' | 'vault'>,
): Promise<void> {
  const { db, clock } = runtime
  if (!(await isEmpty(db))) return
  const accounts = await prepareAccounts()
  await db.transaction().execute(async (tx) => {
    await lockAccounts(tx)
    if (await isEmpty(tx)) await writeNetwork(runtime, tx, { accounts, now: clock() })
  })
}

async function isEmpty(db: Queryable): Promise<boolean> {
  const contents = await contentsOf(db, admin.email)
  if (contents === 'something else')
    throw new StartRefused(
      'The directory of --data holds the database of a real Visita, into which the demo writes nothing. Name another one.',
    )
  return contents === 'nothing'
}

/** Any number will do; another one makes another network. */
const seed = 20_261

async function writeNetwork(
  runtime: Pick<Runtime, 'vault'>,
  db: DatabaseTransaction,
  { accounts, now }: { accounts: readonly Account[]; now: Instant },
): Promise<void> {
  const random = createRandom(seed)
  const patients = makePatients(random, localDateOf(now, 'UTC'))
  const directory = await writeDirectory(db, { accounts, patients, now })
  await writeFamily(runtime, db, { directory, now })
  const board = createBoard({ db, clock: () => planningStart(now), events: createEventBus() })
  await writeVisits(db, await planVisits(board, { directory, random, now }))
}

async function writeVisits(db: Queryable, visits: readonly Visit[]): Promise<void> {
  await insertRows(db, 'appointment', visits.map(appointmentRow))
  await insertRows(db, 'claim', visits.flatMap(claimRows))
  await insertRows(db, 'appointment_event', visits.flatMap(stepRows))
}

function statusOf({ steps }: Visit): AppointmentStatus {
  return (steps.at(-1) ?? steps[0]).to
}

function instantOrNull(at: Instant | null): string | null {
  return at === null ? null : formatUtc(at)
}

function appointmentRow(visit: Visit) {
  const { slot, steps } = visit
  return {
    id: visit.id,
    status: statusOf(visit),
    doctor_id: slot.doctorId,
    clinic_id: slot.clinicId,
    patient_id: visit.patientId,
    visit_type_id: slot.visitTypeId,
    room_id: visit.roomId,
    starts_at: formatUtc(slot.startsAt),
    ends_at: formatUtc(slot.endsAt),
    time_zone: slot.timeZone,
    local_starts_at: localDateTimeOf(slot.startsAt, slot.timeZone),
    reason: visit.reason,
    booked_by: steps[0].actorId,
    expires_at: instantOrNull(visit.expiresAt),
    cancelled_reason: visit.cancelledReason,
    version: steps.length,
    sequence: steps.length - 1,
    is_offer: false,
    staff_note: visit.staffNote,
    created_at: formatUtc(steps[0].at),
  }
}

/** What the booking function would have claimed: doctor and room with the buffers, the patient without. */
function claimRows(visit: Visit) {
  if (statusOf(visit) === 'cancelled') return []
  const { slot, claimed, roomId } = visit
  const calendars = [
    { id: slot.doctorId, during: claimed },
    { id: visit.patientId, during: slot },
    ...(roomId === null ? [] : [{ id: roomId, during: claimed }]),
  ]
  return calendars.map(({ id, during }) => ({
    calendar_id: id,
    lane: 0,
    during: `[${formatUtc(during.startsAt)},${formatUtc(during.endsAt)})`,
    appointment_id: visit.id,
    expires_at: instantOrNull(visit.expiresAt),
  }))
}

function stepRows(visit: Visit) {
  const { id, slot, steps } = visit
  return steps.map((step, index) => {
    const from = steps[index - 1]?.to ?? null
    return {
      appointment_id: id,
      version: index + 1,
      occurred_at: formatUtc(step.at),
      actor_id: step.actorId,
      command: commandOf(from, step.to),
      from_status: from,
      to_status: step.to,
      starts_at: formatUtc(slot.startsAt),
      ends_at: formatUtc(slot.endsAt),
      time_zone: slot.timeZone,
      local_starts_at: localDateTimeOf(slot.startsAt, slot.timeZone),
      reason: visit.reason,
      staff_note: visit.staffNote,
      doctor_id: slot.doctorId,
      clinic_id: slot.clinicId,
      visit_type_id: slot.visitTypeId,
      room_id: visit.roomId,
      expires_at: step.to === 'requested' ? instantOrNull(visit.expiresAt) : null,
      sequence: index,
      note: step.to === 'cancelled' ? visit.cancelledReason : null,
    }
  })
}

/** The one command that leads there without a change of time. */
function commandOf(from: AppointmentStatus | null, to: AppointmentStatus): string {
  if (from === null) return 'book'
  const step = transitions.find(
    ({ command, from: before, to: after }) =>
      command !== 'reschedule' && before === from && after.includes(to),
  )
  assert.ok(step, `${from} leads to ${to}`)
  return step.command
}
