// Where a visit that a calendar tells of comes from: an appointment's row, and who arranges it.

import type { Config } from '#src/config.ts'
import type { Instant } from '#src/kernel/time.ts'
import { addressOfSender, type PublishedVisit } from './event.ts'
import type { CalendarRow } from './queries.ts'

/** How patients know the doctor: "Dr. Claire Moreau". */
export function titledName(title: string | null, name: string): string {
  return title === null ? name : `${title} ${name}`
}

/** A clinic's address in one line: "14 quai de Valmy, 75010 Paris, FR". */
export function addressLine(address: {
  street: string | null
  postalCode: string | null
  city: string
  country: string
}): string {
  const { street, postalCode, city, country } = address
  const town = postalCode === null ? city : `${postalCode} ${city}`
  return [street, town, country].filter(Boolean).join(', ')
}

/**
 * Whom calendars name as the organizer of visits at the clinic: it sends from the network's address, and
 * from its own where nothing is mailed.
 */
export function organizerOf(
  config: Pick<Config, 'mail'>,
  clinic: { name: string; email: string | null },
): PublishedVisit['organizer'] {
  const { from } = config.mail
  return { name: clinic.name, address: from === null ? clinic.email : addressOfSender(from) }
}

/**
 * The visit for a calendar that is published. Its room stays out: it may still change, and the names of
 * rooms tell what is done in them.
 */
export function publishedVisitOf(
  row: CalendarRow,
  options: { config: Pick<Config, 'mail'>; stampedAt: Instant },
): PublishedVisit {
  return {
    id: row.id,
    status: row.status,
    sequence: row.sequence,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    doctorName: titledName(row.doctor_title, row.doctor_name),
    patientName: row.patient_name,
    clinicName: row.clinic_name,
    clinicAddress: addressLine({
      street: row.clinic_street,
      postalCode: row.clinic_postal_code,
      city: row.clinic_city,
      country: row.clinic_country,
    }),
    mode: row.mode,
    videoLink: row.video_link,
    organizer: organizerOf(options.config, { name: row.clinic_name, email: row.clinic_email }),
    stampedAt: options.stampedAt,
    url: null,
  }
}
