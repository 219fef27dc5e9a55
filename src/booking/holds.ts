// Holds: a time that is kept for some minutes while a form is filled in.

import { checkOffer, offersOf, type Offer } from '#src/availability/open-times.ts'
import { viewerAt } from '#src/availability/search.ts'
import type { SignedInContext } from '#src/context.ts'
import { Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { findAppointment } from './appointment.ts'
import { bookedStatusOf, expiryOf } from './book.ts'
import type { Placement, StoredAnswer } from './call-queries.ts'
import type { CommandInput } from './commands.ts'
import { placementOf } from './placement.ts'
import type { AppointmentRow } from './queries.ts'
import { stepOrRefuse, stepRoleOf, takeStep } from './step.ts'
import { forgetOffer, slotTaken } from './wanted-time.ts'

const renewalMilliseconds = 10 * 60_000
const holdMillisecondsMax = 15 * 60_000

/**
 * Keeps a held time for ten more minutes, though never more than fifteen after it was first held.
 *
 * @throws NotFound, Refusal `hold-expired`, `wrong-state` or `stale-version`.
 */
export async function renewHold(
  context: SignedInContext,
  id: string,
  options: Omit<CommandInput, 'reason'>,
): Promise<StoredAnswer> {
  return takeStep(context, id, {
    ...options,
    command: 'renew-hold',
    plan(current, now) {
      stepOrRefuse('renew-hold', current, stepRoleOf(context.actor, current))
      refuseOffer(current)
      const until = Math.min(
        now + renewalMilliseconds,
        current.created_at + holdMillisecondsMax,
        current.starts_at,
      )
      if (current.expires_at !== null && until <= current.expires_at) return null
      return { to: 'held', change: { expires_at: until }, raisesSequence: false }
    },
  })
}

/**
 * Books the held time: confirmed, or requested where the doctor wants to be asked. `reason` is the
 * patient's own words, in place of those at the hold. The rules are looked at again, since a doctor may
 * have fallen ill meanwhile.
 *
 * @throws NotFound, SlotTaken, Refusal `hold-expired`, `wrong-state` or `stale-version`.
 */
export async function confirmHold(
  context: SignedInContext,
  id: string,
  options: CommandInput,
): Promise<StoredAnswer> {
  return takeStep(context, id, {
    ...options,
    command: 'confirm-hold',
    async plan(current, now) {
      stepOrRefuse('confirm-hold', current, stepRoleOf(context.actor, current))
      refuseOffer(current)
      const { starts_at: startsAt, patient_id: patientId, room_id: roomId } = current
      const asked = { startsAt, now, exceptIds: [id] }
      let seen = await offerAndVerdict(context, current, asked)
      // Memory may be behind the process that made the hold.
      if (!seen.offer.doctor.claims.some(({ appointmentId }) => appointmentId === id)) {
        forgetOffer(context, seen.offer)
        seen = await offerAndVerdict(context, current, asked)
      }
      const { offer, verdict } = seen
      const placement = placementOf(offer, { appointmentId: id, patientId, startsAt, roomId })
      // What is held is the patient's, whatever was put over it, unless such visits need more now.
      const keepsClaims = isClaimedAlready(current, offer, placement)
      if (verdict === 'not-offered' || (verdict === 'taken' && !keepsClaims)) {
        // A hold that has ended meanwhile has lost its time to that.
        const latest = await findAppointment(context, id)
        stepOrRefuse('confirm-hold', latest, stepRoleOf(context.actor, latest))
        throw await slotTaken(context, offer, startsAt)
      }
      const status = bookedStatusOf(offer)
      return {
        to: status,
        change: {
          expires_at: expiryOf(offer, { status, startsAt, now }),
          ...(options.reason !== null && { reason: options.reason }),
        },
        place: { offer, placement, keepsClaims },
      }
    },
  })
}

/** Whether the hold claims just what the visit would. */
function isClaimedAlready(
  { id, ends_at: endsAt, room_id: roomId }: AppointmentRow,
  { doctor }: Offer,
  { claims, rooms, ...placement }: Placement,
): boolean {
  const held = doctor.claims.find(({ appointmentId }) => appointmentId === id)
  const wanted = claims.find(({ calendarId }) => calendarId === doctor.id)
  const isRoomRight = rooms === null ? roomId === null : rooms.ids.includes(roomId ?? '')
  return (
    isRoomRight &&
    placement.endsAt === endsAt &&
    held?.startsAt === wanted?.startsAt &&
    held?.endsAt === wanted?.endsAt
  )
}

/** The time of an offer is taken at the waitlist, where it moves the visit that the patient has. */
function refuseOffer(current: AppointmentRow): void {
  if (current.is_offer)
    throw new Refusal('wrong-state', 'This time is offered from the waitlist. Take it there.', {
      appointmentStatus: current.status,
    })
}

/**
 * The offer that an appointment is one of, and whether this start of it is open to staff: the notice was
 * kept when the appointment was made. What memory does not show as open is read again, since memory may
 * be behind another process.
 *
 * @throws Refusal `wrong-state` when the doctor no longer offers such visits there.
 */
export async function offerAndVerdict(
  context: SignedInContext,
  at: Parameters<typeof offerOfAppointment>[1],
  asked: { startsAt: Instant; now: Instant; exceptIds: readonly string[] },
): Promise<{ offer: Offer; verdict: ReturnType<typeof checkOffer> }> {
  const look = async () => {
    const offer = await offerOfAppointment(context, at)
    return { offer, verdict: checkOffer({ ...offer, viewer: 'staff' }, asked) }
  }
  const seen = await look()
  if (seen.verdict === 'open') return seen
  forgetOffer(context, seen.offer)
  return look()
}

/**
 * The offer that an appointment is one of, as the actor looks at it.
 *
 * @throws Refusal `wrong-state` when the doctor no longer offers such visits there.
 */
export async function offerOfAppointment(
  context: SignedInContext,
  at: { doctor_id: string; clinic_id: string; visit_type_id: string },
): Promise<Offer> {
  const asked = { doctorIds: [at.doctor_id], clinicId: at.clinic_id, visitTypeId: at.visit_type_id }
  const viewer = viewerAt(context.actor)
  // A visit of a kind that patients can't book themselves is theirs all the same.
  const offers = await offersOf(context.board, { ...asked, viewerAt: () => 'staff' })
  const offer = offers.get(at.doctor_id)?.[0]
  if (!offer)
    throw new Refusal('wrong-state', 'The doctor no longer offers this type of visit there.')
  return { ...offer, viewer: viewer({ doctorId: at.doctor_id, clinicId: at.clinic_id }) }
}
