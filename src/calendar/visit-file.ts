// The file by which someone puts a single visit into their calendar.

import { readAppointment } from '#src/booking/appointment.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { calendarOf, publishedEvent, type CalendarSide } from './event.ts'
import { publishedVisitOf } from './visit.ts'

/**
 * The visit as an iCalendar file. The reading leaves an audit row, a refused one too.
 *
 * @throws NotFound, also for an appointment that is not the actor's to see.
 */
export async function visitFile(context: SignedInContext, id: string): Promise<string> {
  const row = await readAppointment(context, id)
  const visit = publishedVisitOf(row, { config: context.config, stampedAt: context.clock() })
  const event = publishedEvent(visit, sideOf(context.actor, row))
  return calendarOf({ method: 'PUBLISH', events: [event] })
}

function sideOf(
  actor: AccountActor,
  visit: { patient_id: string; doctor_id: string },
): CalendarSide {
  if (actor.patientIds.includes(visit.patient_id)) return 'patient'
  return actor.doctorId === visit.doctor_id ? 'doctor' : 'desk'
}
