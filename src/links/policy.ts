// As whom a link acts, and until when. Whoever has the link needs nothing else. Pure.

import type { AppointmentRow } from '#src/booking/queries.ts'
import type { AccountActor } from '#src/context.ts'
import type { Instant } from '#src/kernel/time.ts'
import type { VisitPurpose } from './address.ts'

const afterVisitMilliseconds = 30 * 86_400_000

/**
 * The recipient of the message, for the patient that it was about and no other. A doctor who is a patient
 * acts here as the patient, so the role of an account is of no account.
 */
export function recipientActor(message: {
  id: string
  recipient_id: string
  recipient_name: string
  patient_id: string
}): AccountActor {
  return {
    accountId: message.recipient_id,
    sessionId: message.id,
    role: 'patient',
    name: message.recipient_name,
    doctorId: null,
    clinicIds: [],
    ownPatientId: null,
    patientIds: [message.patient_id],
    seenPatientIds: [message.patient_id],
    needsSecondFactor: false,
  }
}

/** From when on no link to the visit opens anything. */
export function endOfAll(visit: Pick<AppointmentRow, 'ends_at'>): Instant {
  return visit.ends_at + afterVisitMilliseconds
}

/** Until when a link does what its purpose says. */
export function expiryOf(link: {
  purpose: VisitPurpose
  visit: Pick<AppointmentRow, 'starts_at' | 'ends_at'>
  offer: { heldUntil: Instant } | null
}): Instant {
  const { purpose, visit, offer } = link
  if (purpose === 'view') return endOfAll(visit)
  return offer?.heldUntil ?? visit.starts_at
}
