// Tells those whom a visit concerns what became of it.

import { canBeUndone } from '#src/booking/appointment-state.ts'
import { undoMilliseconds } from '#src/booking/undo.ts'
import type { Runtime } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { StoredEvent } from '#src/events/queries.ts'
import type { Instant } from '#src/kernel/time.ts'
import { channelsOf, draftOf, type Draft, type News } from './draft.ts'
import type { Side } from './facts.ts'
import { deskSide, doctorSide, patientSide, type RecipientRow } from './recipient-queries.ts'
import {
  lastTold,
  visitsToTell,
  withdrawAnsweredRequests,
  withdrawUndone,
  withdrawUnsent,
  type StateRow,
  type ToldRow,
  type VisitRow,
} from './tell-queries.ts'
import { changeToTell, type VisitState } from './told.ts'

const telling: ReadonlySet<string> = new Set(
  ['requested', 'confirmed', 'declined', 'moved', 'cancelled', 'expired', 'undone'].map(
    (name) => `appointment.${name}`,
  ),
)

/** Quiet hours hold no news back that is known later than this before the visit, in milliseconds. */
export const knownBeforeMilliseconds = 60 * 60_000

const channels = ['in_app', 'email', 'sms'] as const

interface Addressee extends RecipientRow {
  side: Side
}

/** What telling comes to: rows to write, and accounts whose lists have lost something. */
export interface VisitNews {
  drafts: Draft[]
  accountIds: string[]
}

/** The rows that the events call for. What was not yet sent of earlier steps is taken back. */
export async function newsOfVisits(
  { clock, senders }: Pick<Runtime, 'clock' | 'senders'>,
  db: Queryable,
  events: readonly StoredEvent[],
): Promise<VisitNews> {
  const concerned = events.filter(({ type }) => telling.has(type))
  const ids = [...new Set(concerned.flatMap(({ subjects }) => subjects.appointmentId ?? []))]
  const visits =
    ids.length === 0
      ? []
      : (await visitsToTell(db, ids)).map((one) => withoutUntold(one, concerned))
  if (visits.length === 0) return { drafts: [], accountIds: [] }
  await withdrawUnsent(db, visits)
  const undone = visits.filter(({ command }) => command === 'undo')
  const answered = visits.filter(({ status }) => status !== 'requested').map(({ id }) => id)
  const accountIds = [
    ...(await withdrawUndone(db, undone)),
    ...(await withdrawAnsweredRequests(db, answered)),
  ]
  const now = clock()
  const told = Map.groupBy(
    await lastTold(db, ids),
    ({ appointment_id, recipient_id }) => `${appointment_id} ${recipient_id}`,
  )
  const addressees = await addresseesOf(db, { visits, events: concerned, now })
  const drafts = visits.flatMap((visit) =>
    addressees(visit).flatMap((addressee) =>
      draftsForOne({
        visit,
        addressee,
        told: told.get(`${visit.id} ${addressee.account_id ?? addressee.patient_id}`) ?? [],
        smsIsSetUp: senders.sms !== null,
        now,
      }),
    ),
  )
  return { drafts, accountIds }
}

/** A step before the last one that these events tell of too is one that nobody has heard of yet. */
function withoutUntold(visit: VisitRow, events: readonly StoredEvent[]): VisitRow {
  const { id, before } = visit
  const isUntold = events.some(
    ({ subjects }) =>
      subjects.appointmentId === id &&
      before !== null &&
      subjects.version !== undefined &&
      subjects.version <= before.version,
  )
  return isUntold ? { ...visit, before: null } : visit
}

/** Whom each of the visits concerns: also a doctor whom it was taken from. */
async function addresseesOf(
  db: Queryable,
  options: { visits: readonly VisitRow[]; events: readonly StoredEvent[]; now: Instant },
): Promise<(visit: VisitRow) => Addressee[]> {
  const { visits, events, now } = options
  const formerDoctors = Map.groupBy(
    events.filter(({ subjects }) => subjects.formerDoctorId !== undefined),
    ({ subjects }) => subjects.appointmentId,
  )
  const doctorsOf = (visit: VisitRow) => [
    ...new Set([
      visit.doctor_id,
      ...(formerDoctors.get(visit.id) ?? []).flatMap(
        ({ subjects }) => subjects.formerDoctorId ?? [],
      ),
    ]),
  ]
  const requested = visits.filter(({ status }) => status === 'requested')
  const patients = await patientSide(db, {
    patientIds: visits.map(({ patient_id }) => patient_id),
    now,
  })
  const doctors = await doctorSide(db, visits.flatMap(doctorsOf))
  const desks = await deskSide(
    db,
    requested.map(({ clinic_id }) => clinic_id),
  )
  const of = (rows: readonly RecipientRow[], side: Side, subjectIds: readonly string[]) =>
    rows
      .filter(({ subject_id }) => subjectIds.includes(subject_id))
      .map((row) => ({ ...row, side }))
  return (visit) => {
    const all = [
      ...of(patients, 'patient', [visit.patient_id]),
      ...of(doctors, 'doctor', doctorsOf(visit)),
      ...of(desks, 'desk', [visit.clinic_id]),
    ]
    // Someone who is on two sides, such as a doctor who is the patient, is told once, as the first.
    const known = new Set<string>()
    return all.filter(({ account_id, patient_id }) => {
      const id = account_id ?? patient_id!
      return !known.has(id) && known.add(id)
    })
  }
}

interface One {
  visit: VisitRow
  addressee: Addressee
  /** By channel, newest first. */
  told: readonly ToldRow[]
  smsIsSetUp: boolean
  now: Instant
}

function draftsForOne({ visit, addressee, told, smsIsSetUp, now }: One): Draft[] {
  const { side, subject_id: subjectId, account_id: accountId } = addressee
  const state = stateOf(visit)
  const newest = lastKnown(visit, told)
  const isOwn = visit.actor_id !== null && visit.actor_id === (accountId ?? addressee.patient_id)
  return channels.flatMap((channel) => {
    const row = told.find((one) => one.channel === channel && !one.is_withdrawn)
    const known = row ? stateOf(row) : newest
    // What was taken back before it went is told by this channel for the first time.
    const isFirst = row === undefined && told.some((one) => one.channel === channel)
    const kind =
      changeToTell({ side, subjectId, told: known, now: state }) ??
      (isFirst ? changeToTell({ side, subjectId, told: null, now: state }) : null)
    if (kind === null || !channelsOf(addressee, { kind, side }, smsIsSetUp).includes(channel))
      return []
    const news: News = {
      kind,
      side,
      topic: `visit:${visit.id}:${visit.version}`,
      appointmentId: visit.id,
      version: visit.version,
      formerVersion: known?.version ?? null,
      details: {},
      readyAt: readyAt(visit, now),
      before: Math.min(state.startsAt, known?.startsAt ?? state.startsAt) - knownBeforeMilliseconds,
      isUrgent: false,
      expiresAt: Math.max(state.endsAt, known?.endsAt ?? state.endsAt),
    }
    return [draftOf(news, addressee, { channel, isOwn, now })]
  })
}

/**
 * What the addressee knows of the visit by whichever channel. Who has come to be concerned since it was
 * arranged, by an account or an access, knows it as it was before the last step.
 */
function lastKnown({ before }: VisitRow, told: readonly ToldRow[]): VisitState | null {
  if (told.length === 0) return before && stateOf(before)
  const row = told.find(({ is_withdrawn }) => !is_withdrawn)
  return row ? stateOf(row) : null
}

/** A step that can be undone is told when it no longer can. */
function readyAt({ command, from_status, actor_id, occurred_at }: VisitRow, now: Instant): Instant {
  return actor_id !== null && canBeUndone(command, from_status)
    ? occurred_at + undoMilliseconds
    : now
}

function stateOf(row: StateRow): VisitState {
  return {
    version: row.version,
    status: row.status,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    doctorId: row.doctor_id,
    clinicId: row.clinic_id,
    mode: row.mode,
  }
}
