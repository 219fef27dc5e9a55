// The messages about a visit as those see them who write them: reading, marking as read, what is unread.

import { record } from '#src/audit/audit.ts'
import { onlyLooking } from '#src/booking/wish.ts'
import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { closesAt, mayWrite, messageSightOf, sideOf, whyClosed, type Side } from './policy.ts'
import {
  countUnread,
  markReadUntil,
  messageById,
  messagesNewestFirst,
  threadById,
  unreadThreads,
  type MessageRow,
  type ThreadRow,
  type UnreadThreadRow,
} from './queries.ts'

/** A visit as its messages need it, and as whom the actor takes part in them. */
export interface Thread {
  row: ThreadRow
  side: Side
  /** False for who only looks on: they neither write nor mark as read, and nothing is unread to them. */
  mayWrite: boolean
}

/** How far the actor has read, and whether and until when one may write. */
export interface ThreadState {
  timeZone: string
  closesAt: Instant
  isOpen: boolean
  unreadCount: number
}

/** @throws NotFound, also for a visit whose messages are not the actor's to read. */
export async function findThread(
  { actor, clock }: SignedInContext,
  db: Queryable,
  id: string,
): Promise<Thread> {
  const sight = messageSightOf(actor)
  const row = await threadById(db, id, { sight, now: clock() })
  const side = row && sideOf(sight, placeOf(row))
  if (!row || !side) throw new NotFound('appointment')
  return { row, side, mayWrite: mayWrite(sight, placeOf(row)) }
}

/** @throws NotAllowed for who only looks on. */
export function refuseOnlooker(thread: Thread): void {
  if (!thread.mayWrite) throw onlyLooking()
}

/** Whose the visit is, as the policy asks. */
function placeOf({ doctor_id, clinic_id, patient_id }: ThreadRow) {
  return { doctorId: doctor_id, clinicId: clinic_id, patientId: patient_id }
}

/** What the policy of closing asks of the visit. */
export function timesOf(row: ThreadRow) {
  return {
    status: row.status,
    isOffer: row.is_offer,
    isErased: row.is_erased,
    endsAt: row.ends_at,
    timeZone: row.time_zone,
    messagesCloseDays: row.messages_close_days,
  }
}

/** The audit row of something that was done with the messages of a visit. */
export function auditOf(id: string, action: string) {
  return { action: `message.${action}`, subjectType: 'appointment', subjectId: id }
}

/** Runs `work`, and writes down who was not let in. */
export async function auditRefusals<Result>(
  context: SignedInContext,
  { id, action }: { id: string; action: string },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...auditOf(id, action), allowed: false })
    throw error
  }
}

async function stateOf(
  { actor, clock }: SignedInContext,
  db: Queryable,
  { row, side, mayWrite: writes }: Thread,
): Promise<ThreadState> {
  const { accountId } = actor
  const times = timesOf(row)
  return {
    timeZone: row.time_zone,
    closesAt: closesAt(times),
    isOpen: writes && whyClosed(times, clock()) === null,
    unreadCount: writes ? await countUnread(db, { appointmentId: row.id, accountId, side }) : 0,
  }
}

/**
 * The messages about a visit that were sent before `before`, newest first and one more than `limit`. The
 * reading leaves an audit row with their ids, and no mark: that is for `markRead`.
 *
 * @throws NotFound, also for a visit whose messages are not the actor's to read.
 */
export async function readThread(
  context: SignedInContext,
  id: string,
  { before, limit }: { before: Instant | null; limit: number },
): Promise<{ messages: MessageRow[]; state: ThreadState }> {
  return auditRefusals(context, { id, action: 'list' }, async () => {
    const { db } = context
    const thread = await withRetry(() => findThread(context, db, id))
    const messages = await withRetry(() =>
      messagesNewestFirst(db, { appointmentId: id, before, limit: limit + 1 }),
    )
    const state = await withRetry(() => stateOf(context, db, thread))
    const ids = messages.slice(0, limit).map((message) => message.id)
    await record(context, db, { ...auditOf(id, 'list'), details: { ids } })
    return { messages, state }
  })
}

/**
 * Marks the messages about a visit as read by the actor, up to the one that is named, by default all that
 * there are. What was read stays read.
 *
 * @throws NotFound, also for a visit whose messages are not the actor's to read and a message that is not
 * about it; NotAllowed for who only looks on.
 */
export async function markRead(
  context: SignedInContext,
  id: string,
  { until }: { until?: string | undefined },
): Promise<ThreadState> {
  const { accountId } = context.actor
  return auditRefusals(context, { id, action: 'mark-read' }, () =>
    transact(context, async (tx) => {
      const thread = await findThread(context, tx.db, id)
      refuseOnlooker(thread)
      if (until !== undefined && !(await messageById(tx.db, { appointmentId: id, id: until })))
        throw new NotFound('message', { in: 'body', pointer: '/until' })
      const isNews = await markReadUntil(tx.db, {
        appointmentId: id,
        accountId,
        side: thread.side,
        messageId: until ?? null,
      })
      if (isNews) {
        tx.append({ type: 'message.read', subjects: { appointmentId: id, accountId } })
        await record(context, tx.db, auditOf(id, 'mark-read'))
      }
      return stateOf(context, tx.db, thread)
    }),
  )
}

/** How many visits with unread messages are listed. */
export const unreadThreadsMax = 100

/** The visits with messages that the actor has not read, the one last written about first. */
export async function listUnread(context: SignedInContext): Promise<UnreadThreadRow[]> {
  const { actor, db } = context
  const rows = await withRetry(() =>
    unreadThreads(db, {
      sight: messageSightOf(actor),
      accountId: actor.accountId,
      now: context.clock(),
      limit: unreadThreadsMax,
    }),
  )
  // Clients ask often, and an answer without a name is no reading of anyone's data.
  if (rows.length > 0)
    await record(context, db, {
      action: 'message.list-unread',
      subjectType: 'appointment',
      subjectId: null,
      details: { ids: rows.map((row) => row.appointment_id) },
    })
  return rows
}
