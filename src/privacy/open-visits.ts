// Visits that stand in the way of someone's leaving.

import type { Queryable } from '#src/db/connect.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import { openVisits, type OpenVisitRow } from './queries.ts'

/** How many of them a refusal names. */
const namedMax = 20

/** There are visits ahead, which have to be moved or cancelled first. */
export class VisitsOpen extends Refusal {
  constructor(rows: readonly OpenVisitRow[]) {
    const count = rows[0]?.total ?? rows.length
    const subject = count === 1 ? 'There is 1 visit' : `There are ${count} visits`
    super('visits-open', `${subject} ahead. Move or cancel first; nothing changed.`, {
      visitCount: count,
      visits: rows.map(presentOpenVisit),
    })
  }
}

/** @throws VisitsOpen when the doctor or the patient has visits that are not over at `now`. */
export async function refuseOpenVisits(
  db: Queryable,
  options: { whose: { doctorId: string } | { patientId: string }; now: Instant },
): Promise<void> {
  const rows = await openVisits(db, { ...options, limit: namedMax })
  if (rows.length > 0) throw new VisitsOpen(rows)
}

function presentOpenVisit(row: OpenVisitRow) {
  return {
    appointmentId: row.id,
    status: row.status,
    startsAt: formatInstant(row.starts_at, row.time_zone),
    endsAt: formatInstant(row.ends_at, row.time_zone),
    clinicId: row.clinic_id,
    doctorId: row.doctor_id,
    patientId: row.patient_id,
  }
}
