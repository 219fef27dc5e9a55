// The file by which someone puts a single visit into their calendar.

import { readAppointment } from '#src/booking/appointment.ts'
import type { SignedInContext } from '#src/context.ts'
import { calendarOf, publishedEvent } from './event.ts'
import { sideOf } from './policy.ts'
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
