// Reminds patients of their visits. There is nothing to set up for a visit and nothing to take along when
// it moves: a mark of time goes forward, and whatever visit is then as far ahead as its clinic says is due.

import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { messageOf } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { draftsOf, type News } from './draft.ts'
import { patientSide } from './recipient-queries.ts'
import { dueReminders, lockMark, moveMark, type DueReminderRow } from './remind-queries.ts'
import { insertNotifications } from './tell-queries.ts'
import { knownBeforeMilliseconds } from './tell-visits.ts'

type Reminding = Pick<Runtime, 'db' | 'clock' | 'events' | 'senders'>

const mark = 'reminders'

/** The longest that the mark moves in one transaction: a standstill of days is made up for in steps. */
const stepMilliseconds = 60 * 60_000

/** No reminder comes earlier before a visit than two weeks: what was due before that is past. */
const aheadMilliseconds = 14 * 86_400_000

/** Writes down the reminders that came due since last time. Answers for how many visits. */
export async function remind(runtime: Reminding): Promise<number> {
  let count = 0
  let step: { count: number; isLast: boolean }
  do {
    step = await remindStep(runtime)
    count += step.count
  } while (!step.isLast)
  return count
}

async function remindStep(runtime: Reminding): Promise<{ count: number; isLast: boolean }> {
  const { clock, senders } = runtime
  return transact({ ...runtime, actor: null }, async (tx) => {
    const now = clock()
    const reached = await lockMark(tx.db, { name: mark, now })
    if (reached === undefined || reached >= now) return { count: 0, isLast: true }
    const after = Math.max(reached, now - aheadMilliseconds)
    const until = Math.min(now, after + stepMilliseconds)
    const visits = await dueReminders(tx.db, { after, until, now })
    const patientIds = visits.map(({ patient_id }) => patient_id)
    const patients = Map.groupBy(
      visits.length === 0 ? [] : await patientSide(tx.db, { patientIds, now }),
      ({ subject_id }) => subject_id,
    )
    const drafts = visits.flatMap((visit) =>
      (patients.get(visit.patient_id) ?? []).flatMap((recipient) =>
        draftsOf(newsOf(visit, now), recipient, {
          isOwn: false,
          smsIsSetUp: senders.sms !== null,
          now,
        }),
      ),
    )
    for (const accountId of await insertNotifications(tx.db, drafts))
      tx.append({ type: 'notification.added', subjects: { accountId } })
    await moveMark(tx.db, { name: mark, reachedAt: until })
    return { count: visits.length, isLast: until === now }
  })
}

function newsOf(visit: DueReminderRow, now: Instant): News {
  const { appointment_id: appointmentId, starts_at: startsAt, minutes } = visit
  return {
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
}

const pauseMilliseconds = 10_000

/** Reminds of what comes due until `signal` aborts. */
export async function keepReminding(
  runtime: Reminding & Pick<Runtime, 'log'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await remind(runtime)
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the reminders could not be written')
    }
    await delay(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  }
}
