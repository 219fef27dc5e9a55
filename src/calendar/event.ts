// A visit as calendars show it: who, where and when. Never why: a calendar is synchronised to places that
// no clinic knows, so no visit type, specialty, reason or note gets into one.

import type { AppointmentStatus, VisitMode } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'
import * as write from './icalendar.ts'
import type { Component, Property } from './icalendar.ts'

/** For whom the visit is described: each sees who else it is with. */
export type CalendarSide = 'patient' | 'doctor' | 'desk'

/** Someone of whom a calendar tells. */
export interface CalendarPerson {
  name: string
  /** An e-mail address. */
  address: string
}

/** A visit as it is published. */
export interface PublishedVisit {
  /** Of the appointment: what calendars know the visit by for good. */
  id: string
  status: AppointmentStatus
  /** That of the appointment, which rises with each step. */
  sequence: number
  startsAt: Instant
  endsAt: Instant
  /** With the title: "Dr. Claire Moreau". */
  doctorName: string
  /** Staff see its initials. */
  patientName: string
  clinicName: string
  /** In one line. */
  clinicAddress: string
  mode: VisitMode
  videoLink: string | null
  /** Whom the visit is arranged by; without an e-mail address it is the name alone. */
  organizer: { name: string; address: string | null }
  /** Of which moment this is the state. */
  stampedAt: Instant
  /** Where one sees more of the visit. */
  url: string | null
}

/** A visit to which someone is invited by mail. */
export interface CalendarVisit extends PublishedVisit {
  attendee: CalendarPerson
}

/** How a calendar program takes a file (RFC 5546). */
export type CalendarMethod = 'PUBLISH' | 'REQUEST' | 'CANCEL'

const statuses: Record<AppointmentStatus, 'TENTATIVE' | 'CONFIRMED' | 'CANCELLED'> = {
  held: 'TENTATIVE',
  requested: 'TENTATIVE',
  confirmed: 'CONFIRMED',
  arrived: 'CONFIRMED',
  with_doctor: 'CONFIRMED',
  completed: 'CONFIRMED',
  no_show: 'CANCELLED',
  cancelled: 'CANCELLED',
  declined: 'CANCELLED',
  expired: 'CANCELLED',
}

/** What Apple's and Microsoft's calendars write for an organizer who has no address. */
const noAddress = 'invalid:nomail'

/**
 * The invitation of a mail: REQUEST (RFC 5546 section 3.2.2), which also moves a visit that the recipient
 * knows, or CANCEL (section 3.2.5) for a visit that is off. Patients are invited; staff have feeds.
 */
export function invitationOf(visit: CalendarVisit): {
  method: 'REQUEST' | 'CANCEL'
  content: string
} {
  const status = statuses[visit.status]
  const method = status === 'CANCELLED' ? 'CANCEL' : 'REQUEST'
  const event = eventOf(visit, { side: 'patient', status, attendee: visit.attendee })
  return { method, content: calendarOf({ method, events: [event] }) }
}

/** The visit as an event of a calendar that is published: nobody is invited by it. */
export function publishedEvent(visit: PublishedVisit, side: CalendarSide): Component {
  return eventOf(visit, { side, status: statuses[visit.status], attendee: null })
}

/** A whole iCalendar object, as text. */
export function calendarOf(options: {
  method: CalendarMethod
  /** Of the calendar itself, such as its name. */
  properties?: readonly Property[]
  events: readonly Component[]
}): string {
  const { method, properties = [], events } = options
  return write.serialize({
    name: 'VCALENDAR',
    properties: [
      write.plain('VERSION', '2.0'),
      write.plain('PRODID', '-//Visita//Visita//EN'),
      write.plain('CALSCALE', 'GREGORIAN'),
      write.plain('METHOD', method),
      ...properties,
    ],
    components: events.length === 0 ? [zoneWithoutEvents] : events,
  })
}

/** A calendar must hold something (RFC 5545 section 3.6): one in which nothing happens holds UTC. */
const zoneWithoutEvents: Component = {
  name: 'VTIMEZONE',
  properties: [write.plain('TZID', 'Etc/UTC')],
  components: [
    {
      name: 'STANDARD',
      properties: [
        write.plain('DTSTART', '19700101T000000'),
        write.plain('TZOFFSETFROM', '+0000'),
        write.plain('TZOFFSETTO', '+0000'),
      ],
    },
  ],
}

/** The address in a sender such as 'North Clinics <visits@example.org>', or the address that it is. */
export function addressOfSender(sender: string): string {
  return /<([^<>]+)>$/.exec(sender)?.[1] ?? sender
}

/** The first letters of the words of a name, with their accents: "A. B." for Anna Berg. */
export function initialsOf(name: string): string {
  const letters = name.split(/[\s\-\u2010]+/).map((word) => /\p{L}\p{M}*/u.exec(word)?.[0])
  return letters.flatMap((letter) => (letter ? [`${letter.toUpperCase()}.`] : [])).join(' ')
}

function eventOf(
  visit: PublishedVisit,
  options: {
    side: CalendarSide
    status: 'TENTATIVE' | 'CONFIRMED' | 'CANCELLED'
    attendee: CalendarPerson | null
  },
): Component {
  const { side, status, attendee } = options
  const { organizer, mode, videoLink } = visit
  const link = mode === 'video' && videoLink !== null ? videoLink : null
  return {
    name: 'VEVENT',
    properties: [
      write.plain('UID', visit.id),
      write.moment('DTSTAMP', visit.stampedAt),
      write.moment('DTSTART', visit.startsAt),
      write.moment('DTEND', visit.endsAt),
      write.plain('SEQUENCE', String(sequenceOf(visit))),
      write.plain('STATUS', status),
      write.text('SUMMARY', whoAndWhere(visit, side).join(', ')),
      write.text('DESCRIPTION', description(visit, side)),
      ...present(place(visit), (where) => write.text('LOCATION', where)),
      ...present(visit.url ?? link, (url) => write.address('URL', url)),
      ...present(link, (url) =>
        write.address('CONFERENCE', url, { VALUE: 'URI', FEATURE: 'VIDEO' }),
      ),
      write.plain(
        'ORGANIZER',
        organizer.address === null ? noAddress : write.mailto(organizer.address),
        { CN: organizer.name },
      ),
      ...present(attendee, (person) => attendeeOf(person, status)),
      // Others to whom someone shows their calendar see that the time is taken, and no more.
      write.plain('CLASS', 'PRIVATE'),
      write.plain('TRANSP', status === 'CANCELLED' ? 'TRANSPARENT' : 'OPAQUE'),
    ],
  }
}

/** A request that lapses is ended by time, which raises no sequence; to calendars it is a change as any. */
function sequenceOf({ status, sequence }: PublishedVisit): number {
  return status === 'expired' ? sequence + 1 : sequence
}

function present<Value>(value: Value | null, make: (value: Value) => Property | null): Property[] {
  const property = value === null ? null : make(value)
  return property === null ? [] : [property]
}

function whoAndWhere(visit: PublishedVisit, side: CalendarSide): string[] {
  const { doctorName, clinicName } = visit
  if (side === 'patient') return [doctorName, clinicName]
  const initials = initialsOf(visit.patientName)
  const who = initials === '' ? [] : [initials]
  return side === 'doctor' ? [...who, clinicName] : [...who, doctorName, clinicName]
}

/** The same again, for programs that show a description large and the rest small. */
function description(visit: PublishedVisit, side: CalendarSide): string {
  const where = place(visit)
  return [...whoAndWhere(visit, side), ...(where === null ? [] : [where])].join('\n')
}

/** Where the patient goes; nowhere for a visit by phone. */
function place({ mode, videoLink, clinicAddress }: PublishedVisit): string | null {
  if (mode === 'video') return videoLink
  if (mode === 'phone') return null
  return clinicAddress
}

/** Who asked for a visit will come, once it is confirmed. */
function attendeeOf({ name, address }: CalendarPerson, status: string): Property {
  return write.plain('ATTENDEE', write.mailto(address), {
    CN: name,
    CUTYPE: 'INDIVIDUAL',
    ROLE: 'REQ-PARTICIPANT',
    PARTSTAT: status === 'CONFIRMED' ? 'ACCEPTED' : 'NEEDS-ACTION',
    RSVP: 'FALSE',
  })
}
