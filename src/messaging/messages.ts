// Writing a message about a visit.

import { record } from '#src/audit/audit.ts'
import { rememberRequest, storeAnswer, type IdempotentRequest } from '#src/booking/call-queries.ts'
import { bookingFailureOf, IdempotencyKeyReused } from '#src/booking/refusals.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField, NotFound, Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, type Instant } from '#src/kernel/time.ts'
import { closesAt, whyClosed, type Closed } from './policy.ts'
import {
  insertMessage,
  lockThread,
  messageById,
  type MessageRow,
  type ThreadRow,
} from './queries.ts'
import { auditOf, auditRefusals, findThread, refuseOnlooker, timesOf } from './threads.ts'

/** How many characters a message may have. */
export const messageCharactersMax = 4000

const lineBreak = /\r\n|[\r\v\f\u0085\u2028\u2029]/g
// oxlint-disable-next-line no-control-regex -- what is taken out is what people cannot see
const otherControls = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g

/** Anything but controls, formats such as the zero-width space, spaces, and Braille's empty pattern. */
const visible = /[^\p{C}\p{Z}\u2800]/u

/**
 * The text as it is kept: lines end in a newline, other control characters but the tab are gone, as is
 * space around it.
 *
 * @throws InvalidRequest when nothing is left that can be seen, or more than 4000 characters.
 */
export function cleanText(text: string): string {
  const clean = text.replaceAll(lineBreak, '\n').replaceAll(otherControls, '').trim()
  if (!visible.test(clean))
    throw invalidField('/text', '/text must say something: no character of it can be seen.')
  // Characters as the database counts them: an emoji is one, not two halves.
  if (Array.from(clean).length > messageCharactersMax)
    throw invalidField('/text', `/text must have at most ${messageCharactersMax} characters.`)
  return clean
}

/**
 * Sends a message about a visit to the other side. A request with a key that was answered before gets
 * its message again. Those who write about one visit do so one after the other, for each message to have
 * its place in time once others can read it.
 *
 * @throws NotFound, also for a visit whose messages are not the actor's to read; NotAllowed for who only
 * looks on; InvalidRequest; Refusal
 * `wrong-state` for what is no visit, `too-late` once writing about it has ended; IdempotencyKeyReused.
 */
export async function sendMessage(
  context: SignedInContext,
  appointmentId: string,
  options: { text: string; request: IdempotentRequest | null },
): Promise<{ message: MessageRow; timeZone: string }> {
  const { request } = options
  const text = cleanText(options.text)
  const id = newId()
  const { accountId } = context.actor
  try {
    return await auditRefusals(context, { id: appointmentId, action: 'send' }, () =>
      transact(context, async (tx) => {
        const thread = await findThread(context, tx.db, appointmentId)
        refuseOnlooker(thread)
        const { row, side } = thread
        const timeZone = row.time_zone
        // Before anything is written, so that events are in the order of the messages too.
        await lockThread(tx.db, appointmentId)
        const now = context.clock()
        const twin = request && (await rememberRequest(tx.db, request, now))
        if (twin) {
          const earlier = await messageById(tx.db, { appointmentId, id: twin.id })
          if (!earlier) throw new NotFound('message')
          return { message: earlier, timeZone }
        }
        refuseClosed(row, now)
        await insertMessage(tx.db, { id, appointmentId, authorId: accountId, side, text, now })
        if (request) await storeAnswer(tx.db, request, { id, version: 1 })
        tx.append({
          type: 'message.sent',
          subjects: {
            appointmentId,
            messageId: id,
            doctorId: row.doctor_id,
            clinicId: row.clinic_id,
            patientId: row.patient_id,
          },
        })
        const entry = { ...auditOf(appointmentId, 'send'), details: { messageId: id } }
        await record(context, tx.db, entry)
        const message = await messageById(tx.db, { appointmentId, id })
        return { message: message!, timeZone }
      }),
    )
  } catch (error) {
    if (bookingFailureOf(error) === 'key-reused') throw new IdempotencyKeyReused()
    throw error
  }
}

const sentences: Record<Exclude<Closed, 'too-late'>, string> = {
  erased: 'This person was erased. Nothing is written about their visits.',
  held: 'This time is only held. Book it first, then write about it.',
  offered: 'This time is only offered. Take the offer first, then write about it.',
  declined: 'This request was declined, so nobody reads messages about it.',
  expired: 'This appointment has lapsed, so nobody reads messages about it.',
}

/** @throws Refusal `wrong-state` or `too-late` when nobody may write about the visit. */
function refuseClosed(row: ThreadRow, now: Instant): void {
  const times = timesOf(row)
  const closed = whyClosed(times, now)
  if (closed === null) return
  const call = row.clinic_phone === null ? 'Call the clinic' : `Call ${row.clinic_phone}`
  if (closed !== 'too-late') {
    const isOver = closed === 'declined' || closed === 'expired'
    const detail = isOver ? `${sentences[closed]} ${call}, or book anew.` : sentences[closed]
    throw new Refusal('wrong-state', detail, { appointmentStatus: row.status })
  }
  const closedAt = formatInstant(closesAt(times), row.time_zone)
  throw new Refusal(
    'too-late',
    `Messages about this visit could be written until ${closedAt}. ${call}.`,
    { closesAt: closedAt },
  )
}
