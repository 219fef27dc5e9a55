// Tells of what is not a step of a visit: offered times, delays, messages, invitations and links to records.

import type { Runtime } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { StoredEvent, Subjects } from '#src/events/queries.ts'
import { draftsOf, mailOnly, type Draft, type News } from './draft.ts'
import type { Side } from './facts.ts'
import {
  claimLinksToTell,
  delaysToTell,
  invitationsToTell,
  messagesToTell,
  openOffersOf,
  settleMessageNews,
  unreadAfter,
  unreadMessageNews,
  withdrawDelays,
} from './news-queries.ts'
import { deskSide, doctorSide, patientSide, type RecipientRow } from './recipient-queries.ts'

type Working = Pick<Runtime, 'clock' | 'senders'>

/** Messages in a row make one mail, and one that is read at once makes none. */
const messageMailMilliseconds = 2 * 60_000

/** After a week, as when no mail was set up, nobody wants to hear of it any more. */
const staleMilliseconds = 7 * 86_400_000

/** Who does not look into the app is mailed again of new messages a day after the last mail. */
const mailAgainMilliseconds = 86_400_000

const plain = {
  appointmentId: null,
  version: null,
  formerVersion: null,
  details: {},
  before: null,
  isUrgent: false,
  expiresAt: null,
} satisfies Partial<News>

function subjectsOf(events: readonly StoredEvent[], type: string): Subjects[] {
  return events.filter((event) => event.type === type).map(({ subjects }) => subjects)
}

/** An offered time is held for minutes only: it is told at once. */
export async function draftsOfOffers(
  { clock, senders }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const appointmentIds = subjectsOf(events, 'waitlist.offered').flatMap(
    ({ appointmentId }) => appointmentId ?? [],
  )
  if (appointmentIds.length === 0) return []
  const now = clock()
  const offers = await openOffersOf(db, { appointmentIds, now })
  const patientIds = offers.map(({ patient_id }) => patient_id)
  const patients = await patientSide(db, { patientIds, now })
  return offers.flatMap((offer) =>
    ofSubject(patients, offer.patient_id).flatMap((recipient) =>
      draftsOf(
        {
          ...plain,
          kind: 'waitlist_offer',
          side: 'patient',
          topic: `offer:${offer.appointment_id}`,
          appointmentId: offer.appointment_id,
          version: offer.version,
          details:
            offer.visit_id === null
              ? {}
              : { visitId: offer.visit_id, visitVersion: offer.visit_version! },
          readyAt: now,
          isUrgent: true,
          expiresAt: offer.expires_at,
        },
        recipient,
        { isOwn: false, smsIsSetUp: senders.sms !== null, now },
      ),
    ),
  )
}

function ofSubject(rows: readonly RecipientRow[], subjectId: string): RecipientRow[] {
  return rows.filter(({ subject_id }) => subject_id === subjectId)
}

/** Whoever comes today hears of a delay, and when it has changed or is over. */
export async function draftsOfDelays(
  { clock, senders }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const last = new Map(
    events
      .filter(({ type }) => type === 'delay.set')
      .map((event) => [`${event.subjects.doctorId} ${event.subjects.clinicId}`, event]),
  )
  const drafts: Draft[] = []
  for (const { subjects, seq } of last.values()) {
    const { doctorId, clinicId } = subjects
    if (doctorId === undefined || clinicId === undefined) continue
    const now = clock()
    const visits = await delaysToTell(db, { doctorId, clinicId, now })
    await withdrawDelays(
      db,
      visits.map(({ appointment_id }) => appointment_id),
    )
    const patientIds = visits.map(({ patient_id }) => patient_id)
    const patients = await patientSide(db, { patientIds, now })
    for (const visit of visits)
      for (const recipient of ofSubject(patients, visit.patient_id))
        drafts.push(
          ...draftsOf(
            {
              ...plain,
              kind: 'delay',
              side: 'patient',
              topic: `delay:${visit.appointment_id}:${seq}`,
              appointmentId: visit.appointment_id,
              version: visit.version,
              details: { minutes: visit.minutes },
              readyAt: now,
              isUrgent: true,
              expiresAt: visit.starts_at + visit.minutes * 60_000,
            },
            recipient,
            { isOwn: false, smsIsSetUp: senders.sms !== null, now },
          ),
        )
  }
  return drafts
}

/** The other side of a thread hears that there are messages, once until it has read them. */
export async function draftsOfMessages(
  { clock, senders }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const written = subjectsOf(events, 'message.sent').flatMap(({ messageId }) => messageId ?? [])
  const readings = readingsOf(events)
  if (written.length === 0 && readings.length === 0) return []
  const now = clock()
  const unread = await unreadAfter(db, readings)
  const messages = await messagesToTell(db, [
    ...written,
    ...unread.map(({ message_id }) => message_id),
  ])
  /** What was told with an earlier message is news again for who read that one alone. */
  const isNewsFor = (messageId: string, accountId: string) =>
    written.includes(messageId) ||
    unread.some((one) => one.message_id === messageId && one.account_id === accountId)
  const patientIds = messages.map(({ patient_id }) => patient_id)
  const patients = await patientSide(db, { patientIds, now })
  const doctorIds = messages.map(({ doctor_id }) => doctor_id)
  const clinicIds = messages.map(({ clinic_id }) => clinic_id)
  const [doctors, desks] = [await doctorSide(db, doctorIds), await deskSide(db, clinicIds)]
  const known = await unreadMessageNews(db, {
    appointmentIds: messages.map(({ appointment_id }) => appointment_id),
    since: now - mailAgainMilliseconds,
  })
  return messages.flatMap((message) => {
    const others: [Side, RecipientRow[]][] =
      message.side === 'staff'
        ? [['patient', ofSubject(patients, message.patient_id)]]
        : [
            ['doctor', ofSubject(doctors, message.doctor_id)],
            ['desk', ofSubject(desks, message.clinic_id)],
          ]
    return others.flatMap(([side, recipients]) =>
      recipients.flatMap((recipient) => {
        const { account_id: accountId } = recipient
        const key = `${message.appointment_id} ${accountId}`
        // Without an account nobody can read what was written.
        if (accountId === null || accountId === message.author_id || known.has(key)) return []
        if (!isNewsFor(message.id, accountId)) return []
        known.add(key)
        return draftsOf(
          {
            ...plain,
            kind: 'message',
            side,
            topic: `message:${message.id}`,
            appointmentId: message.appointment_id,
            version: message.version,
            details: { messageId: message.id },
            readyAt: now + messageMailMilliseconds,
            expiresAt: now + staleMilliseconds,
          },
          recipient,
          { isOwn: false, smsIsSetUp: senders.sms !== null, now },
        )
      }),
    )
  })
}

/** Takes news of messages back from those who read the messages; answers whose lists changed by it. */
export async function settleReadMessages(
  { clock }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<string[]> {
  const accountIds: string[] = []
  for (const reading of readingsOf(events))
    if (await settleMessageNews(db, { ...reading, now: clock() }))
      accountIds.push(reading.accountId)
  return accountIds
}

/** Who read messages of which visit. */
function readingsOf(events: readonly StoredEvent[]) {
  return subjectsOf(events, 'message.read').flatMap(({ appointmentId, accountId }) =>
    appointmentId === undefined || accountId === undefined ? [] : [{ appointmentId, accountId }],
  )
}

/** Whoever is invited by an address gets the link there. */
export async function draftsOfInvitations(
  { clock }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const ids = subjectsOf(events, 'invitation.made').flatMap(
    ({ invitationId }) => invitationId ?? [],
  )
  if (ids.length === 0) return []
  const now = clock()
  const invitations = await invitationsToTell(db, { ids, now })
  return invitations.map(({ id, expires_at: expiresAt }) =>
    mailOnly({ kind: 'invitation', topic: `invitation:${id}`, invitationId: id, expiresAt, now }),
  )
}

/** A patient for whom staff made a link to the record gets it by mail, where there is an address. */
export async function draftsOfClaimLinks(
  { clock }: Working,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<Draft[]> {
  const patientIds = subjectsOf(events, 'patient.claim-link-made').flatMap(
    ({ patientId }) => patientId ?? [],
  )
  if (patientIds.length === 0) return []
  const now = clock()
  const claimLinks = await claimLinksToTell(db, { patientIds, now })
  return claimLinks.map(({ id, patient_id: patientId, expires_at: expiresAt }) =>
    mailOnly({
      kind: 'claim_link',
      topic: `claim:${id}`,
      patientId,
      details: { linkId: id },
      expiresAt,
      now,
    }),
  )
}
