// Whether someone was told, when and how: the ledger as staff and admins see it.

import { record } from '#src/audit/audit.ts'
import { findAppointment, placeOf } from '#src/booking/appointment.ts'
import type { AppointmentRow } from '#src/booking/queries.ts'
import type { Context, SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { formatInstant, formatUtc, type Instant } from '#src/kernel/time.ts'
import { deliveryByChannel, ledgerOf, type DeliveryRow, type LedgerRow } from './ledger-queries.ts'
import { maySeeLedger } from './policy.ts'
import type { DeliveryAnswer, LedgerEntryAnswer } from './schemas.ts'

/**
 * Everything that anyone was told of the appointment, oldest first. The reading leaves an audit row, a
 * refused one too.
 *
 * @throws NotFound, also for an appointment that is not the actor's to see; NotAllowed.
 */
export async function listLedger(
  context: SignedInContext,
  appointmentId: string,
): Promise<LedgerEntryAnswer[]> {
  const { db } = context
  const visit = await visitOfLedger(context, appointmentId)
  const rows = await withRetry(() => ledgerOf(db, appointmentId))
  return rows.map((row) => presentEntry(row, visit.time_zone))
}

async function visitOfLedger(
  context: SignedInContext,
  appointmentId: string,
): Promise<AppointmentRow> {
  const entry = {
    action: 'appointment.notifications.read',
    subjectType: 'appointment',
    subjectId: appointmentId,
  }
  try {
    const visit = await findAppointment(context, appointmentId)
    if (!maySeeLedger(context.actor, placeOf(visit)))
      throw new NotAllowed('Only the staff of the visit see whom it was told to.')
    await record(context, context.db, entry)
    return visit
  } catch (error) {
    if (error instanceof NotFound || error instanceof NotAllowed)
      await record(context, context.db, { ...entry, allowed: false })
    throw error
  }
}

const times = ['sent_at', 'delivered_at', 'failed_at', 'read_at', 'confirmed_at'] as const
const names = {
  sent_at: 'sentAt',
  delivered_at: 'deliveredAt',
  failed_at: 'failedAt',
  read_at: 'readAt',
  confirmed_at: 'confirmedAt',
} as const

function presentEntry(row: LedgerRow, timeZone: string): LedgerEntryAnswer {
  const at = (instant: Instant) => formatInstant(instant, timeZone)
  return {
    id: row.id,
    kind: row.kind,
    channel: row.channel,
    recipient: { ...(row.recipient_name !== null && { name: row.recipient_name }), side: row.side },
    status: row.status,
    ...(row.status_reason !== null && { statusReason: row.status_reason }),
    queuedAt: at(row.queued_at),
    ...Object.fromEntries(
      times.flatMap((time) => {
        const instant = row[time]
        return instant === null ? [] : [[names[time], at(instant)]]
      }),
    ),
    ...(row.address !== null && { address: maskAddress(row.address) }),
  }
}

/**
 * An e-mail address or phone number of which those who know it see that it is right, and others too
 * little: 'a…@example.org', '+33 … 89'.
 */
export function maskAddress(address: string): string {
  if (address.includes('@')) return address.replace(/^(?<first>.).*(?=@)/sv, '$<first>…')
  const digits = address.replaceAll(/[^+\d]/gv, '')
  return digits.length < 8 ? '…' : `${digits.slice(0, 3)} … ${digits.slice(-2)}`
}

const dayMilliseconds = 86_400_000
/** How long a message may wait before that is worth a warning: quiet hours are over by then. */
const waitingMillisecondsMax = dayMilliseconds

/** How messages leave, what waits, and what is wrong. */
export async function readDelivery(context: Context): Promise<DeliveryAnswer> {
  const { db, clock, senders } = context
  const now = clock()
  const rows = await withRetry(() => deliveryByChannel(db, now - dayMilliseconds))
  const email = rows.find(({ channel }) => channel === 'email')
  const sms = rows.find(({ channel }) => channel === 'sms')
  return {
    email: presentChannel(senders.mail?.name ?? null, email),
    sms: presentChannel(senders.sms?.name ?? null, sms),
    warnings: [
      ...(senders.mail === null
        ? [
            'No e-mail is sent: no way to send it is set up. Messages wait. Set MAIL_FROM, and SMTP_URL or RESEND_API_KEY.',
          ]
        : warningsOf('E-mail', email, now)),
      ...(senders.sms === null && (sms?.waiting ?? 0) > 0
        ? [
            'Text messages wait, and no way to send them is set up. Set SMS_ACCOUNT, SMS_TOKEN and SMS_FROM.',
          ]
        : warningsOf('Text messages', sms, now)),
    ],
  }
}

function presentChannel(transport: string | null, row: DeliveryRow | undefined) {
  return {
    transport,
    waiting: row?.waiting ?? 0,
    ...(row?.oldest_waiting_at != null && { oldestWaitingAt: formatUtc(row.oldest_waiting_at) }),
    failedLastDay: row?.failed ?? 0,
  }
}

function warningsOf(what: string, row: DeliveryRow | undefined, now: Instant): string[] {
  if (row === undefined) return []
  const { oldest_waiting_at: oldest, failed } = row
  return [
    ...(oldest !== null && now - oldest > waitingMillisecondsMax
      ? [`${what}: something has waited to be sent since ${formatUtc(oldest)}.`]
      : []),
    ...(failed > 0 ? [`${what}: ${failed} failed within the last 24 hours.`] : []),
  ]
}
