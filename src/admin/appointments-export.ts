// All appointments as a file.

import { record } from '#src/audit/audit.ts'
import { sightOf } from '#src/booking/policy.ts'
import {
  appointmentsSoonestFirst,
  type AppointmentFilter,
  type AppointmentRow,
} from '#src/booking/queries.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { formatInstant, formatUtc, type Instant } from '#src/kernel/time.ts'
import { writeCsv, type Columns, type CsvFile } from './csv.ts'
import { refuseUnlessAdmin } from './policy.ts'

export interface AppointmentPosition {
  startsAt: Instant
  id: string
}

export function appointmentPositionOf(row: AppointmentRow): AppointmentPosition {
  return { startsAt: row.starts_at, id: row.id }
}

/**
 * The appointments that match as a file, soonest first. The audit says of each that it left, a thousand to a
 * row. Throws NotAllowed.
 */
export async function exportAppointments(
  context: SignedInContext,
  options: { filter: AppointmentFilter; after: AppointmentPosition | null },
): Promise<CsvFile<AppointmentRow>> {
  refuseUnlessAdmin(context)
  const { filter } = options
  return writeCsv(
    columns,
    ({ after, limit }) =>
      withRetry(() =>
        appointmentsSoonestFirst(context.db, {
          sight: sightOf(context.actor),
          now: context.clock(),
          filter,
          after: after === null ? options.after : appointmentPositionOf(after),
          limit,
        }),
      ),
    (rows) =>
      record(context, context.db, {
        action: 'appointment.export',
        subjectType: 'appointment',
        subjectId: null,
        details: { ...filter, ids: rows.map(({ id }) => id) },
      }),
  )
}

/** Why someone comes and what staff noted of it stay out of files that get about. */
const columns: Columns<AppointmentRow> = {
  id: ({ id }) => id,
  status: ({ status }) => status,
  startsAt: (row) => formatInstant(row.starts_at, row.time_zone),
  endsAt: (row) => formatInstant(row.ends_at, row.time_zone),
  clinicId: (row) => row.clinic_id,
  clinic: (row) => row.clinic_name,
  doctorId: (row) => row.doctor_id,
  doctor: (row) => [row.doctor_title, row.doctor_name].filter((part) => part !== null).join(' '),
  patientId: (row) => row.patient_id,
  patient: (row) => row.patient_name,
  visitTypeId: (row) => row.visit_type_id,
  visitType: (row) => row.visit_type_name,
  mode: ({ mode }) => mode,
  overbooked: (row) => (row.overbooked_reason === null ? 'no' : 'yes'),
  bookedAt: (row) => formatUtc(row.created_at),
}
