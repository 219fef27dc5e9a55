// Moving an appointment to another time, and for staff to another doctor; its id stays.

import type { Offer } from '#src/availability/open-times.ts'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { invalidField, NotAllowed } from '#src/kernel/errors.ts'
import { localDateOf, type Instant } from '#src/kernel/time.ts'
import type { StepRole } from './appointment-state.ts'
import { bookedStatusOf, expiryOf } from './book.ts'
import type { StoredAnswer } from './call-queries.ts'
import { refuseLateChange, type CommandInput } from './commands.ts'
import { placementOf } from './placement.ts'
import { holdsOf, type AppointmentRow } from './queries.ts'
import { NotOffered } from './refusals.ts'
import { stepOrRefuse, stepRoleOf, takeStep } from './step.ts'
import { findOffer, findOverbookedOffer } from './wanted-time.ts'
import { readWish, type TimeWish, type Wish } from './wish.ts'

export interface MoveWish extends TimeWish {
  reason?: string
  overbook?: { reason: string }
}

/**
 * Moves an appointment: takes the new time and frees the old one in one transaction, also where the two
 * overlap. Patients move within the notice window, with the same doctor and kind of visit; staff at any
 * time and across doctors. A patient's move is a request again where the doctor wants to be asked. Like
 * a booking it ends the patient's hold with the doctor.
 * Moving it to where it is changes nothing.
 *
 * @throws NotFound, NotAllowed, SlotTaken, PatientBusy, NotOffered, InvalidRequest, Refusal `too-late`,
 * `wrong-state` or `stale-version`, IdempotencyKeyReused.
 */
export async function rescheduleAppointment(
  context: SignedInContext,
  id: string,
  options: Omit<CommandInput, 'reason'> & { body: MoveWish },
): Promise<StoredAnswer> {
  const { body } = options
  return takeStep(context, id, {
    ...options,
    command: 'reschedule',
    async plan(current, now) {
      const role = stepRoleOf(context.actor, current)
      const possible = stepOrRefuse('reschedule', current, role)
      if (possible === null) return null
      refuseLateChange(current, { role, now })
      const wish = await readMove(context, body, current)
      if (role === 'patient') refuseOtherVisit(current, wish)
      const overbookedReason = body.overbook?.reason ?? null
      if (overbookedReason === null && isThere(current, wish)) return null

      const wanted = { patientId: current.patient_id, now, movedId: id }
      const find = overbookedReason === null ? findOffer : findOverbookedOffer
      const found = await find(context, wish, wanted)
      if (found.refusal !== null) throw found.refusal
      const { offer } = found
      // Staff here who are none there act as the patient whose visit it is.
      const mover = role === 'staff' && offer.viewer === 'staff' ? 'staff' : 'patient'
      if (mover === 'patient') {
        stepOrRefuse('reschedule', current, mover)
        refuseOtherVisit(current, wish)
      }
      const placement = placementOf(offer, {
        appointmentId: id,
        patientId: current.patient_id,
        startsAt: wish.startsAt,
        overbookedReason,
      })
      const status = statusAfter(current, { role: mover, offer, startsAt: wish.startsAt })
      return {
        to: status,
        event: 'appointment.moved',
        note: body.reason ?? null,
        change: {
          expires_at: expiryOf(offer, { status, startsAt: wish.startsAt, now }),
          proposed_slots: null,
        },
        place: { offer, placement },
        ends: await holdsOf(context.db, {
          patientId: current.patient_id,
          doctorId: offer.doctor.id,
        }),
      }
    },
  })
}

/**
 * The time that is wished; what is not said stays as it is, as far as another doctor offers it.
 */
async function readMove(
  { board }: SignedInContext,
  body: TimeWish,
  current: AppointmentRow,
): Promise<Wish> {
  if (body.slotId !== undefined) return readWish(body)
  if (body.startsAt === undefined)
    throw invalidField('/slotId', 'Name the new time by /slotId, or by /startsAt.')
  const doctorId = body.doctorId ?? current.doctor_id
  const wish = readWish({ ...body, doctorId })
  if (doctorId === current.doctor_id)
    return {
      ...wish,
      clinicId: wish.clinicId ?? current.clinic_id,
      visitTypeId: wish.visitTypeId ?? current.visit_type_id,
    }
  if (wish.visitTypeId !== undefined) return wish
  const doctor = (await board.doctors.get([doctorId])).get(doctorId)
  const keepsType = doctor?.visitTypeIds.includes(current.visit_type_id) ?? false
  return { ...wish, visitTypeId: keepsType ? current.visit_type_id : undefined }
}

function refuseOtherVisit(current: AppointmentRow, wish: Wish): void {
  if (wish.doctorId !== current.doctor_id)
    throw new NotAllowed('Only the clinic can move a visit to another doctor.')
  if (wish.visitTypeId !== undefined && wish.visitTypeId !== current.visit_type_id)
    throw new NotOffered(wish.pointer, 'Choose a time of the same type of visit.')
}

function isThere(current: AppointmentRow, wish: Wish): boolean {
  return (
    current.starts_at === wish.startsAt &&
    current.doctor_id === wish.doctorId &&
    (wish.clinicId ?? current.clinic_id) === current.clinic_id &&
    (wish.visitTypeId ?? current.visit_type_id) === current.visit_type_id
  )
}

/** Staff who move a request have answered it; who is there already stays so for the day. */
function statusAfter(
  current: AppointmentRow,
  { role, offer, startsAt }: { role: StepRole; offer: Offer; startsAt: Instant },
): AppointmentStatus {
  if (role === 'patient') return bookedStatusOf({ ...offer, viewer: 'patient' })
  if (current.status !== 'arrived') return 'confirmed'
  const { timeZone } = offer.clinic.calendar
  const isSameDay =
    localDateOf(startsAt, timeZone) === localDateOf(current.starts_at, current.time_zone)
  return isSameDay ? 'arrived' : 'confirmed'
}
