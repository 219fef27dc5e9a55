// Reads what the rows of the ledger are about, as facts for their wording.

import { addressLine, titledName } from '#src/calendar/visit.ts'
import { publicUrlAt } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import { invitationAddress } from '#src/identity/invitations.ts'
import { linkTo, type VisitPurpose } from '#src/links/address.ts'
import { claimLinkAddress } from '#src/patients/claim-links.ts'
import {
  loadAccountFacts,
  noticeAddress,
  noticeFacts,
  noticeLinks,
  type AccountFacts,
} from './account-facts.ts'
import type { Facts, VisitFacts } from './facts.ts'
import {
  addressesOf,
  codeHashesOf,
  toldVisits,
  type AddressRow,
  type ToldVisitRow,
} from './facts-queries.ts'
import type { NotificationRow } from './notification.ts'

type Loading = Pick<Runtime, 'db' | 'config' | 'links' | 'clock'>

/** Everything that the sending of one row needs. */
export interface Loaded {
  facts: Facts
  recipient: AddressRow
  /** The visit with what invitations to calendars need besides. */
  visit: ToldVisitRow | null
}

/** By the ids of the rows. Rows whose recipient is gone are left out. */
export async function loadRows(
  runtime: Loading,
  rows: readonly NotificationRow[],
): Promise<Map<string, Loaded>> {
  const recipients = new Map(
    (
      await addressesOf(
        runtime.db,
        rows.map(({ recipient_id }) => recipient_id),
      )
    ).map((recipient) => [recipient.id, recipient]),
  )
  const wanted = rows.flatMap((row) =>
    [placeOf(row), formerPlaceOf(row)].filter((place) => place !== null),
  )
  const visits = new Map(
    (wanted.length === 0 ? [] : await toldVisits(runtime.db, wanted)).map((visit) => [
      `${visit.appointment_id} ${visit.version}`,
      visit,
    ]),
  )
  const codeIds = rows.map(codeIdOf).filter((id) => id !== null)
  const codeHashes = new Map(
    (codeIds.length === 0 ? [] : await codeHashesOf(runtime.db, codeIds)).map(({ id, hash }) => [
      id,
      hash,
    ]),
  )
  const accountFacts = await loadAccountFacts(runtime, rows)
  const visitAt = (place: Place | null) =>
    place === null ? null : (visits.get(`${place.appointmentId} ${place.version}`) ?? null)
  return new Map(
    rows.flatMap((row) => {
      const known = recipients.get(row.recipient_id)
      if (!known || (known.is_disabled && row.details['notice'] !== 'disabled')) return []
      const recipient = { ...known, ...noticeAddress(row, accountFacts) }
      const visit = visitAt(placeOf(row))
      const former = visitAt(formerPlaceOf(row))
      const codeHash = codeHashes.get(codeIdOf(row) ?? '')
      const facts = factsOf(runtime, {
        row,
        recipient,
        visit,
        former,
        codeHash,
        accountFacts,
      })
      return [[row.id, { facts, recipient, visit }] as const]
    }),
  )
}

/** The invitation, or the link to a record, whose code the row tells. */
function codeIdOf({ kind, recipient_id, details }: NotificationRow): string | null {
  if (kind === 'invitation') return recipient_id
  return kind === 'claim_link' ? String(details['linkId']) : null
}

/** A visit at a version. */
interface Place {
  appointmentId: string
  version: number
}

function placeOf({ appointment_id: appointmentId, version }: NotificationRow): Place | null {
  return appointmentId === null || version === null ? null : { appointmentId, version }
}

/** As the recipient knew the visit; of an offered time, the visit that would move there. */
function formerPlaceOf(row: NotificationRow): Place | null {
  const { details } = row
  if (row.kind === 'waitlist_offer' && details['visitId'] !== undefined)
    return { appointmentId: String(details['visitId']), version: Number(details['visitVersion']) }
  return placeOf({ ...row, version: row.former_version })
}

/** As `loadRows`, the facts alone. */
export async function loadFacts(
  runtime: Loading,
  rows: readonly NotificationRow[],
): Promise<Map<string, Facts>> {
  const loaded = await loadRows(runtime, rows)
  return new Map([...loaded].map(([id, { facts }]) => [id, facts]))
}

function factsOf(
  runtime: Loading,
  options: {
    row: NotificationRow
    recipient: AddressRow
    visit: ToldVisitRow | null
    former: ToldVisitRow | null
    codeHash: Buffer | undefined
    accountFacts: AccountFacts
  },
): Facts {
  const { row, recipient, visit, former, codeHash, accountFacts } = options
  const { side } = row
  const { minutes } = row.details
  return {
    kind: row.kind,
    side,
    recipientName: recipient.name,
    visit: visit && visitFacts(visit),
    formerVisit: former && visitFacts(former),
    isOwnVisit: visit !== null && recipient.own_patient_ids.includes(visit.patient_id),
    hasLapsed: visit?.status === 'expired',
    proposedCount: visit?.proposed_count ?? 0,
    delayMinutes: row.kind === 'delay' ? Number(minutes) : 0,
    heldUntil: visit?.status === 'held' ? visit.expires_at : null,
    ...noticeFacts(row, accountFacts),
    invitedRole: recipient.role,
    publicUrl: publicUrlAt(runtime.config, runtime.config.port),
    links:
      row.kind === 'account'
        ? noticeLinks(runtime, row, accountFacts)
        : linksOf(runtime, row, codeHash),
  }
}

function visitFacts(visit: ToldVisitRow): VisitFacts {
  return {
    status: visit.status,
    startsAt: visit.starts_at,
    endsAt: visit.ends_at,
    timeZone: visit.time_zone,
    doctorName: titledName(visit.doctor_title, visit.doctor_name),
    patientName: visit.patient_name,
    clinicName: visit.clinic_name,
    clinicPhone: visit.clinic_phone,
    clinicAddress: addressLine({
      street: visit.clinic_street,
      postalCode: visit.clinic_postal_code,
      city: visit.clinic_city,
      country: visit.clinic_country,
    }),
    mode: visit.mode,
    videoLink: visit.video_link,
  }
}

/** What the patient of a visit can do from a mail; staff sign in. */
const linksByKind: Partial<Record<NotificationRow['kind'], readonly VisitPurpose[]>> = {
  requested: ['view', 'cancel'],
  confirmed: ['view', 'move', 'cancel'],
  moved: ['view', 'move', 'cancel'],
  reminder: ['confirm', 'move', 'cancel'],
  waitlist_offer: ['offer'],
  delay: ['view'],
}

function linksOf(
  runtime: Loading,
  row: NotificationRow,
  codeHash: Buffer | undefined,
): Facts['links'] {
  if (row.kind === 'invitation')
    return { invitation: invitationAddress(runtime, { id: row.recipient_id, codeHash }) }
  if (row.kind === 'claim_link') {
    const linkId = String(row.details['linkId'])
    return { claim: claimLinkAddress(runtime, { linkId, codeHash }) }
  }
  if (row.side !== 'patient' || row.appointment_id === null) return {}
  const purposes = linksByKind[row.kind] ?? []
  return Object.fromEntries(purposes.map((purpose) => [purpose, linkTo(runtime, purpose, row.id)]))
}
