// Sends what is due. The row of the ledger is put off before the sending, by a lease: a process that dies
// in between leaves it to the next one, which sends the same message under the same Message-ID.

import { setTimeout as delay } from 'node:timers/promises'
import { invitationOf } from '#src/calendar/event.ts'
import { publishedVisitOf } from '#src/calendar/visit.ts'
import type { Runtime } from '#src/context.ts'
import {
  sendMillisecondsMax,
  Undeliverable,
  type Accepted,
  type Delivery,
} from '#src/delivery/delivery.ts'
import { toE164 } from '#src/delivery/phone.ts'
import { messageOf } from '#src/kernel/errors.ts'
import { languageOf } from './language.ts'
import { loadRows, type Loaded } from './load-facts.ts'
import type { NotificationRow } from './notification.ts'
import {
  noteAddress,
  noteDelivery,
  noteRetry,
  noteSent,
  noteUnsent,
  stillTrue,
  takeDue,
} from './send-queries.ts'
import { wordingOf } from './wording.ts'

export type Sending = Pick<Runtime, 'db' | 'clock' | 'log' | 'config' | 'links' | 'senders'>

/** How many messages of a channel a process hands over at the same time. */
const underWayMax = 20

/** Twice as long as a sending can take, so that no two processes send one message at the same time. */
const leaseMilliseconds = 2 * sendMillisecondsMax

/** After which the next try comes, in minutes; the last one again and again. */
const retryMinutes = [0.5, 2, 5, 15, 30, 60]

/** How often a message is tried that has no end of its own: for about three days. */
const attemptsMax = 75

/** After which a provider is asked what became of a message, in minutes after the sending. */
const askMinutes = [1, 10, 60, 6 * 60, 24 * 60]

/** The channels by which something is sent. */
export const sentChannels = ['email', 'sms'] as const
type SentChannel = (typeof sentChannels)[number]

/** Sends what is due by all channels, up to so many of each. Answers how many rows it took. */
export async function sendDue(runtime: Sending): Promise<number> {
  const taken = await Promise.all(
    sentChannels.map((channel) => startDue(runtime, { channel, limit: underWayMax })),
  )
  const all = taken.flat()
  await Promise.all(all)
  return all.length
}

/**
 * Takes up to `limit` rows that are due and starts to work on them, on each by itself: one that fails or
 * takes long stops no other. Answers the work on each, which throws nothing.
 */
async function startDue(
  runtime: Sending,
  { channel, limit }: { channel: SentChannel; limit: number },
): Promise<Promise<void>[]> {
  const { db, clock, senders } = runtime
  if ((channel === 'email' ? senders.mail : senders.sms) === null) return []
  const now = clock()
  const rows = await takeDue(db, { channel, now, leasedUntil: now + leaseMilliseconds, limit })
  if (rows.length === 0) return []
  const queued = await withoutStale(
    runtime,
    rows.filter(({ status }) => status === 'queued'),
  )
  const loaded = await loadRows(runtime, queued)
  const isSending = new Set(queued.map(({ id }) => id))
  return rows.map(async (row) => {
    try {
      if (row.status === 'sent') await askAfter(runtime, row)
      else if (isSending.has(row.id)) await sendOne(runtime, row, loaded.get(row.id))
    } catch (error) {
      // The lease brings it back.
      runtime.log.warn(
        { notification: row.id, error: messageOf(error) },
        'the ledger could not be written',
      )
    }
  })
}

/** Leaves out what is too late or no longer true, and writes that down. */
async function withoutStale(
  { db, clock }: Sending,
  rows: readonly NotificationRow[],
): Promise<NotificationRow[]> {
  if (rows.length === 0) return []
  const now = clock()
  const isLate = ({ expires_at }: NotificationRow) => expires_at !== null && expires_at <= now
  const [late, timely] = [rows.filter(isLate), rows.filter((row) => !isLate(row))]
  const idsOf = (all: readonly NotificationRow[]) => all.map(({ id }) => id)
  const tried = late.filter(({ attempts }) => attempts > 1)
  const untried = late.filter(({ attempts }) => attempts <= 1)
  await noteUnsent(db, { ids: idsOf(tried), status: 'failed', reason: 'too_late', now })
  await noteUnsent(db, { ids: idsOf(untried), status: 'skipped', reason: 'too_late', now })
  const known = await stillTrue(db, { ids: idsOf(timely), now })
  const outdated = timely.filter(({ id }) => !known.has(id))
  await noteUnsent(db, { ids: idsOf(outdated), status: 'withdrawn', reason: 'outdated', now })
  return timely.filter(({ id }) => known.has(id))
}

async function sendOne(
  runtime: Sending,
  row: NotificationRow,
  loaded: Loaded | undefined,
): Promise<void> {
  const { db, clock, log } = runtime
  try {
    if (!loaded) throw new Undeliverable('the recipient is gone')
    const { providerId } = await handOver(runtime, row, loaded)
    const now = clock()
    const canAsk = providerId !== null && senderOf(runtime, row)?.deliveryOf != null
    await noteSent(db, {
      id: row.id,
      providerId,
      now,
      askAt: canAsk ? now + askMinutes[0]! * 60_000 : null,
    })
  } catch (error) {
    const now = clock()
    const reason = messageOf(error)
    const isHopeless = error instanceof Undeliverable || row.attempts >= attemptsMax
    log.warn(
      { notification: row.id, channel: row.channel, attempts: row.attempts },
      isHopeless ? 'a message could not be sent' : 'a message could not be sent yet',
    )
    if (isHopeless) await noteUnsent(db, { ids: [row.id], status: 'failed', reason, now })
    else await noteRetry(db, { id: row.id, reason, dueAt: now + retryAfter(row.attempts) })
  }
}

function retryAfter(attempts: number): number {
  return retryMinutes[Math.min(attempts, retryMinutes.length) - 1]! * 60_000
}

function senderOf({ senders }: Sending, { channel }: NotificationRow) {
  return channel === 'sms' ? senders.sms : senders.mail
}

async function handOver(
  runtime: Sending,
  row: NotificationRow,
  { facts, recipient, visit }: Loaded,
): Promise<Accepted> {
  const { db, senders, config } = runtime
  const wording = wordingOf(facts, languageOf(recipient.locale, config.defaultLanguage))
  if (row.channel === 'sms') {
    const to =
      recipient.phone === null ? null : await toE164(recipient.phone, visit?.clinic_country ?? null)
    if (to === null) throw new Undeliverable('there is no phone number that can be texted')
    await noteAddress(db, { id: row.id, address: to })
    return senders.sms!.send({ id: row.id, to, text: wording.sms })
  }
  const address = recipient.email
  if (address === null) throw new Undeliverable('there is no e-mail address')
  await noteAddress(db, { id: row.id, address })
  return senders.mail!.send({
    id: row.id,
    to: { name: recipient.name, address },
    replyTo:
      visit === null || visit.clinic_email === null
        ? null
        : { name: visit.clinic_name, address: visit.clinic_email },
    subject: wording.subject,
    text: wording.text,
    html: wording.html,
    calendar: calendarFor(runtime, row, { facts, recipient, visit }),
  })
}

const withInvitation: ReadonlySet<string> = new Set([
  'requested',
  'confirmed',
  'moved',
  'declined',
  'cancelled',
])

/** Patients get the visit for their calendars; staff have a feed of all of theirs. */
function calendarFor(
  { config }: Sending,
  row: NotificationRow,
  { facts, recipient, visit }: Loaded,
) {
  if (visit === null || facts.side !== 'patient' || !withInvitation.has(row.kind)) return null
  const published = publishedVisitOf(
    { ...visit, id: visit.appointment_id },
    // A second sending says the same.
    { config, stampedAt: row.queued_at },
  )
  return invitationOf({
    ...published,
    attendee: { name: recipient.name, address: recipient.email! },
  })
}

async function askAfter(runtime: Sending, row: NotificationRow): Promise<void> {
  const { db, clock, log } = runtime
  const ask = senderOf(runtime, row)?.deliveryOf ?? null
  let delivery: Delivery = 'under-way'
  try {
    if (ask !== null && row.provider_id !== null) delivery = await ask(row.provider_id)
  } catch (error) {
    log.warn({ notification: row.id, error: messageOf(error) }, 'a provider did not answer')
  }
  const now = clock()
  await noteDelivery(db, { id: row.id, delivery, now, askAt: nextAsk(row, now) })
}

/** Null when it is no use to ask any more: the message stays sent. */
function nextAsk({ sent_at, provider_id }: NotificationRow, now: number): number | null {
  if (sent_at === null || provider_id === null) return null
  const minutes = askMinutes.find((after) => sent_at + after * 60_000 > now)
  return minutes === undefined ? null : sent_at + minutes * 60_000
}

const idlePauseMilliseconds = 500

/** How long a process that is to end waits for what is under way. */
const endMilliseconds = 10_000

/**
 * Sends what comes due by the channel until `signal` aborts; what is under way then may finish first.
 */
export async function keepSending(
  runtime: Sending,
  channel: SentChannel,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const pause = () =>
    delay(idlePauseMilliseconds, undefined, { signal, ref: false }).catch(() => {})
  while (!signal.aborted) {
    let started: Promise<void>[] = []
    try {
      started = await startDue(runtime, { channel, limit: underWayMax - underWay.size })
    } catch (error) {
      runtime.log.warn({ error: messageOf(error) }, 'the messages could not be read')
    }
    for (const work of started) {
      underWay.add(work)
      void work.finally(() => underWay.delete(work))
    }
    if (started.length === 0) await pause()
    while (underWay.size >= underWayMax) await Promise.race(underWay)
  }
  // What takes longer is sent again by the next process, when the lease has run out.
  await Promise.race([Promise.all(underWay), delay(endMilliseconds, undefined, { ref: false })])
}
