// Taking a subscription: read who asks as they are now, decide, and begin.

import { record } from '#src/audit/audit.ts'
import { withRetry } from '#src/db/retry.ts'
import { currentCursor } from '#src/events/queries.ts'
import type { Cursor } from '#src/events/events.ts'
import { messageOf, Refusal } from '#src/kernel/errors.ts'
import type { Connection, Realtime } from './connection.ts'
import { compareCursors, decodeCursor } from './cursor.ts'
import { whyNotSubscribe, type ThreadVisit } from './policy.ts'
import { topicOf, type SubscribeMessage, type Topic } from './protocol.ts'
import { clinicExists, doctorExists, threadVisits } from './queries.ts'
import type { Subscription } from './subscription.ts'
import { channelsOf } from './subscriptions.ts'

const triesMax = 10

/**
 * Begins the subscription that was asked for at `since`, as `performance.now()` has it, or answers why
 * not. Of many that are asked for at once, only the first reads who asks. Who watches a clinic's day or a thread leaves an audit
 * row, also when refused.
 *
 * @throws Refusal with the subscription's id.
 */
export async function subscribe(
  realtime: Realtime,
  connection: Connection,
  asked: { message: SubscribeMessage; since: number },
): Promise<void> {
  const { id } = asked.message
  try {
    await begin(realtime, connection, asked)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Refusal(error.code, error.message, { id })
  }
}

async function begin(
  realtime: Realtime,
  connection: Connection,
  { message, since }: { message: SubscribeMessage; since: number },
): Promise<void> {
  const { limits, sessions, stream } = realtime
  const { subscriptions } = connection
  const { id } = message
  const topic = topicOf(message)
  if (subscriptions.has(id)) throw new Refusal('conflict', 'There is a subscription with this id.')
  if (subscriptions.size >= limits.subscriptionsMax)
    return connection.send({
      type: 'refused',
      id,
      code: 'too-many',
      detail: `A socket may have ${limits.subscriptionsMax} subscriptions.`,
    })
  const same = keyOf(topic)
  if (subscriptions.values().some((other) => keyOf(other.topic) === same))
    throw new Refusal('conflict', 'There is a subscription to this already.')
  const after = await readAfter(realtime, message.after)
  await sessions.refresh(connection, since)
  const visit = await readSubject(realtime, topic)
  if (!connection.isOpen || connection.actor === null) return undefined
  // Decided by what is known now, which may be more than was when it was asked for.
  const code = whyNotSubscribe(connection.actor, topic, visit)
  if (code !== null) {
    await audit(realtime, connection, { topic, allowed: false })
    throw new Refusal(
      code,
      code === 'not-found'
        ? `There is no such ${nounOf(topic)}.`
        : 'Your role does not allow this.',
    )
  }
  const subscription: Subscription = {
    id,
    topic,
    visit,
    channels: channelsOf(topic, connection.actor),
    from: stream.heading(),
    waiting: null,
    send: (message) => connection.send(message),
  }
  subscriptions.set(id, subscription)
  stream.add(subscription, after === 'unknown' ? null : after)
  if (after === 'unknown') stream.reset(subscription)
  try {
    await audit(realtime, connection, { topic, allowed: true })
  } catch (error) {
    // Nobody watches without a trace of it.
    subscriptions.delete(id)
    stream.remove(subscription)
    connection.send({ type: 'ended', id, code: 'busy', detail: messageOf(error) })
  }
}

/** The same for the same topic, in whichever order a client named its fields. */
function keyOf(topic: Topic): string {
  return JSON.stringify(Object.entries(topic).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Null when none is given; `unknown` for one that this database has not come to yet. */
async function readAfter(
  { runtime, stream }: Realtime,
  text: string | undefined,
): Promise<Cursor | 'unknown' | null> {
  if (text === undefined) return null
  const after = decodeCursor(text)
  if (after === null)
    throw new Refusal('invalid-request', '/after must be a cursor that this server gave.')
  if (compareCursors(after, stream.heading()) <= 0) return after
  const current = await withRetry(() => currentCursor(runtime.db))
  return compareCursors(after, current) > 0 ? 'unknown' : after
}

/**
 * The visit of a thread, as it is after all that the stream has told; null for other topics.
 *
 * @throws Refusal `not-found` when there is no such doctor or clinic.
 */
async function readSubject(
  { runtime, stream }: Realtime,
  topic: Topic,
): Promise<ThreadVisit | null> {
  const { db } = runtime
  if (topic.topic === 'open-times' && !(await withRetry(() => doctorExists(db, topic.doctorId))))
    throw new Refusal('not-found', 'There is no such doctor.')
  if (topic.topic === 'clinic-day' && !(await withRetry(() => clinicExists(db, topic.clinicId))))
    throw new Refusal('not-found', 'There is no such clinic.')
  if (topic.topic !== 'thread') return null
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const before = stream.heading()
    const visits = await withRetry(() => threadVisits(db, [topic.appointmentId]))
    // An event that was told meanwhile may have been that the visit has another doctor.
    if (compareCursors(before, stream.heading()) === 0)
      return visits.get(topic.appointmentId) ?? null
  }
  throw new Refusal('busy', 'Too much is going on. Try again in a moment.')
}

function nounOf({ topic }: Topic): string {
  return topic === 'thread' ? 'appointment' : 'topic'
}

async function audit(
  { runtime }: Realtime,
  connection: Connection,
  { topic, allowed }: { topic: Topic; allowed: boolean },
): Promise<void> {
  if (topic.topic !== 'thread' && topic.topic !== 'clinic-day') return
  const { clock, db } = runtime
  const { actor, requestId } = connection
  await withRetry(() =>
    record({ actor, clock, requestId }, db, {
      action: `realtime.${topic.topic}`,
      subjectType: topic.topic === 'thread' ? 'appointment' : 'clinic',
      subjectId: topic.topic === 'thread' ? topic.appointmentId : topic.clinicId,
      allowed,
      ...(topic.topic === 'clinic-day' && { details: { date: topic.date } }),
    }),
  )
}
