// The commands that leave an appointment at its time: answered, called off, seen through the day.

import { checkOffer, offersOf, slotAt } from '#src/availability/open-times.ts'
import { presentSlot } from '#src/availability/schemas.ts'
import { parseSlotId } from '#src/availability/slot-id.ts'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { invalidField, NotAllowed, Refusal } from '#src/kernel/errors.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import { changeableUntil, placeOf } from './appointment.ts'
import type { Command, StepRole } from './appointment-state.ts'
import type { IdempotentRequest, StoredAnswer } from './call-queries.ts'
import { seesStaffSide } from './policy.ts'
import type { AppointmentRow } from './queries.ts'
import { stepOrRefuse, stepRoleOf, takeStep, type Plan } from './step.ts'

type SlotAnswer = ReturnType<typeof presentSlot>

/** The commands that need nothing but a reason. */
export type PlainCommand = Extract<
  Command,
  'accept' | 'decline' | 'cancel' | 'check-in' | 'start' | 'complete' | 'no-show' | 'correct'
>

export interface CommandInput {
  reason: string | null
  requestedVersion: number | null
  request: IdempotentRequest | null
}

/**
 * Leads an appointment one step on. Cancelling a cancelled one changes nothing and is answered as if it
 * had. `proposedSlotIds` are times that are open, which go with a declined request.
 *
 * @throws NotFound, NotAllowed, Refusal `wrong-state`, `too-late` or `stale-version`, InvalidRequest,
 * IdempotencyKeyReused.
 */
export async function commandAppointment(
  context: SignedInContext,
  id: string,
  options: CommandInput & { command: PlainCommand; proposedSlotIds?: string[] },
): Promise<StoredAnswer> {
  const { command, reason } = options
  return takeStep(context, id, {
    ...options,
    async plan(current, now) {
      const role = stepRoleOf(context.actor, current)
      const to = stepOrRefuse(command, current, role)?.[0]
      if (to === undefined) return null
      if (command === 'cancel') refuseLateCancellation(current, { ...options, role, now })
      const ids = options.proposedSlotIds ?? []
      const slots = await proposedSlots(context, ids, { now, declined: current })
      return planOf(to, { reason, slots })
    },
  })
}

function planOf(
  to: AppointmentStatus,
  { reason, slots }: { reason: string | null; slots: SlotAnswer[] },
): Plan {
  const isOver = to === 'cancelled' || to === 'declined'
  return {
    to,
    note: reason,
    change: {
      expires_at: null,
      ...(isOver && { cancelled_reason: reason }),
      ...(slots.length > 0 && { proposed_slots: slots }),
    },
  }
}

/** @throws Refusal `too-late` for a patient whose visit is too near. */
export function refuseLateChange(
  row: AppointmentRow,
  { role, now }: { role: StepRole; now: Instant },
): void {
  const until = changeableUntil(row)
  // Nobody waits for a hold or a request yet.
  const isPromised = row.status !== 'held' && row.status !== 'requested'
  if (role !== 'patient' || !isPromised || now <= until) return
  const limit = formatInstant(until, row.time_zone)
  const call = row.clinic_phone === null ? 'Call the clinic' : `Call ${row.clinic_phone}`
  const detail =
    now > row.starts_at
      ? 'This visit has begun; only the clinic can change it now.'
      : `This visit could be changed until ${limit}. ${call}.`
  throw new Refusal('too-late', detail, { changeableUntil: limit })
}

/** Staff may cancel at any time; when a patient no longer could, they say why. */
function refuseLateCancellation(
  row: AppointmentRow,
  { role, now, reason }: CommandInput & { role: StepRole; now: Instant },
): void {
  refuseLateChange(row, { role, now })
  const isLate = now > changeableUntil(row) && row.status !== 'held' && row.status !== 'requested'
  if (role !== 'staff' || !isLate || reason !== null) return
  throw invalidField('/reason', '/reason is required to cancel a visit as late as this.')
}

/**
 * The slots with these ids, which must be open once the request is declined.
 *
 * @throws InvalidRequest that points at the first that is not.
 */
async function proposedSlots(
  context: SignedInContext,
  ids: readonly string[],
  { now, declined }: { now: Instant; declined: AppointmentRow },
): Promise<SlotAnswer[]> {
  const slots: SlotAnswer[] = []
  for (const [index, id] of ids.entries()) {
    const pointer = `/proposedSlotIds/${index}`
    const key = parseSlotId(id)
    if (key === null)
      throw invalidField(pointer, `${pointer} must be the id of a slot from the open times.`)
    const { doctorId, clinicId, visitTypeId, startsAt } = key
    const asked = { doctorIds: [doctorId], clinicId, visitTypeId }
    const viewer = { viewerAt: () => 'patient' as const }
    const offer = (await offersOf(context.board, { ...asked, ...viewer })).get(doctorId)?.[0]
    if (!offer || checkOffer(offer, { startsAt, now, exceptIds: [declined.id] }) !== 'open')
      throw invalidField(pointer, `${pointer} is not open to patients any more.`)
    slots.push(presentSlot(slotAt(offer, startsAt)))
  }
  return slots
}

/**
 * Writes the note that only staff see; null removes it.
 *
 * @throws NotFound, NotAllowed, Refusal `stale-version`.
 */
export async function noteOnAppointment(
  context: SignedInContext,
  id: string,
  options: { staffNote: string | null; requestedVersion: number | null },
): Promise<StoredAnswer> {
  return takeStep(context, id, {
    command: 'note',
    requestedVersion: options.requestedVersion,
    request: null,
    plan(current) {
      if (!seesStaffSide(context.actor, placeOf(current)))
        throw new NotAllowed("Only the doctor and the clinic's staff write notes for staff.")
      if (current.staff_note === options.staffNote) return null
      return {
        to: null,
        change: { staff_note: options.staffNote },
        event: 'appointment.noted',
        raisesSequence: false,
      }
    },
  })
}
