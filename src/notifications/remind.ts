// Reminds patients of their visits. There is nothing to set up for a visit and nothing to take along when
// it moves: a mark of time goes forward, and whatever visit is then as far ahead as its clinic says is due.

import type { Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { draftsOf, type News } from './draft.ts'
import { patientSide } from './recipient-queries.ts'
import { dueReminders, lockMark, moveMark } from './remind-queries.ts'
import { insertNotifications } from './tell-queries.ts'
import { knownBeforeMilliseconds, withoutRecordsOwn } from './tell-visits.ts'

const mark = 'reminders'

/** Writes down the reminders that came due since last time. Answers for how many visits. */
export async function remind(
  runtime: Pick<Runtime, 'db' | 'clock' | 'events' | 'senders'>,
): Promise<number> {
  const { clock, senders } = runtime
  return transact({ ...runtime, actor: null }, async (tx) => {
    const now = clock()
    const after = await lockMark(tx.db, { name: mark, now })
    if (after === undefined || after >= now) return 0
    const visits = await dueReminders(tx.db, { after, now })
    const patientIds = visits.map(({ patient_id }) => patient_id)
    const patients =
      visits.length === 0 ? [] : withoutRecordsOwn(await patientSide(tx.db, { patientIds, now }))
    const drafts = visits.flatMap((visit) => {
      const { appointment_id: appointmentId, starts_at: startsAt, minutes } = visit
      const news: News = {
        kind: 'reminder',
        side: 'patient',
        topic: `reminder:${appointmentId}:${startsAt}:${minutes}`,
        appointmentId,
        version: visit.version,
        formerVersion: null,
        details: { minutes, startsAt },
        readyAt: now,
        before: startsAt - knownBeforeMilliseconds,
        isUrgent: false,
        expiresAt: startsAt,
      }
      return patients
        .filter(({ subject_id }) => subject_id === visit.patient_id)
        .flatMap((recipient) =>
          draftsOf(news, recipient, { isOwn: false, smsIsSetUp: senders.sms !== null, now }),
        )
    })
    for (const accountId of await insertNotifications(tx.db, drafts))
      tx.append({ type: 'notification.added', subjects: { accountId } })
    await moveMark(tx.db, { name: mark, now })
    return visits.length
  })
}
