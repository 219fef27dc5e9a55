// A visit as a link in a mail shows it: no more than the mail itself says.

import { changeableUntil } from '#src/booking/appointment.ts'
import { decide, isAhead, type Command } from '#src/booking/appointment-state.ts'
import type { AppointmentRow } from '#src/booking/queries.ts'
import { initialsOf } from '#src/calendar/event.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import { isAsAsked, type LinkedOffer, type OpenLink } from './open-link.ts'
import { expiryOf } from './policy.ts'
import type { LinkedVisitAnswer } from './schemas.ts'

/** What the page shows at `now`. `insteadOf` is when the visit begins that an offer would replace. */
export function presentLink(
  link: OpenLink,
  { now, insteadOf }: { now: Instant; insteadOf: Instant | null },
): LinkedVisitAnswer {
  const { purpose, visit, offer, confirmedAt } = link
  const isAsked = isAsAsked(link, visit)
  const at = (instant: Instant) => formatInstant(instant, visit.time_zone)
  return {
    purpose,
    expiresAt: at(expiryOf(link)),
    ...(purpose === 'confirm' && { canConfirm: isAsked }),
    ...(purpose === 'confirm' &&
      isAsked &&
      confirmedAt !== null && { confirmedAt: at(confirmedAt) }),
    ...(offer !== null && {
      offer: {
        status: statusOf(offer),
        heldUntil: at(offer.heldUntil),
        ...(insteadOf !== null && { insteadOf: at(insteadOf) }),
      },
    }),
    appointment: {
      status: visit.status,
      version: visit.version,
      startsAt: at(visit.starts_at),
      endsAt: at(visit.ends_at),
      timeZone: visit.time_zone,
      mode: visit.mode,
      doctor: {
        ...(visit.doctor_title !== null && { title: visit.doctor_title }),
        name: visit.doctor_name,
      },
      clinic: {
        name: visit.clinic_name,
        ...(visit.clinic_phone !== null && { phone: visit.clinic_phone }),
        address: {
          ...(visit.clinic_street !== null && { street: visit.clinic_street }),
          ...(visit.clinic_postal_code !== null && { postalCode: visit.clinic_postal_code }),
          city: visit.clinic_city,
          country: visit.clinic_country,
        },
      },
      patient: { firstName: firstNameOf(visit.patient_name) },
      ...(isAhead(visit.status) && { changeableUntil: at(changeableUntil(visit)) }),
      canCancel: canStill('cancel', visit, now),
      canMove: canStill('reschedule', visit, now),
    },
  }
}

function statusOf({ outcome }: LinkedOffer): 'open' | 'taken' | 'refused' {
  return outcome === 'taken' || outcome === 'refused' ? outcome : 'open'
}

/**
 * Whoever holds the link by mistake is not told the whole name: "Anna" for "Anna Berg" and for "Berg, Anna",
 * and of a name in one word, as Chinese and Japanese ones are written, the initial.
 */
export function firstNameOf(name: string): string {
  const [whole, afterComma] = name.split(/[,،，]/).map((part) => part.trim())
  if (afterComma) return afterComma.split(/\s+/, 1)[0]!
  const [first = '', ...others] = (whole ?? '').split(/\s+/)
  return others.length > 0 ? first : initialsOf(first)
}

/** Whether the patient may still do it without calling the clinic. */
function canStill(command: Command, visit: AppointmentRow, now: Instant): boolean {
  if (decide(command, visit.status, 'patient').kind !== 'step' || now >= visit.starts_at)
    return false
  if (visit.is_offer) return false
  return visit.status !== 'confirmed' || now <= changeableUntil(visit)
}
