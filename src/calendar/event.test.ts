import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ICAL from 'ical.js'
import { statuses } from '#src/booking/appointment-state.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import {
  addressOfSender,
  calendarOf,
  initialsOf,
  invitationOf,
  publishedEvent,
  type CalendarVisit,
} from './event.ts'

const minute = 60_000
const visit: CalendarVisit = {
  id: '019a9b60-11aa-7c0d-8e7f-5a4b3c2d1e0f',
  status: 'confirmed',
  sequence: 3,
  startsAt: 1_795_513_200_000,
  endsAt: 1_795_513_200_000 + 30 * minute,
  doctorName: 'Dr. Claire Moreau',
  patientName: 'Anna Berg',
  clinicName: 'Canal',
  clinicAddress: '14 quai de Valmy, 75010 Paris, FR',
  mode: 'in_person',
  videoLink: null,
  organizer: { name: 'Canal', address: 'visits@example.org' },
  attendee: { name: 'Anna Berg', address: 'anna.berg@example.org' },
  stampedAt: 1_795_000_000_000,
  url: 'https://visits.example.org/visit#view.x',
}

function readCalendar(file: string) {
  const calendar = new ICAL.Component(ICAL.parse(file))
  const events = calendar.getAllSubcomponents('vevent')
  const [event] = events
  assert.ok(event)
  assert.equal(events.length, 1)
  return { calendar, event }
}

function values(event: ICAL.Component): Record<string, string> {
  return Object.fromEntries(
    event.getAllProperties().map((property) => [property.name, String(property.getFirstValue())]),
  )
}

test('an invitation holds what RFC 5546 wants of a request', () => {
  const { method, content } = invitationOf(visit)
  const { calendar, event } = readCalendar(content)
  assert.equal(method, 'REQUEST')
  assert.deepEqual(values(calendar), {
    version: '2.0',
    prodid: '-//Visita//Visita//EN',
    calscale: 'GREGORIAN',
    method: 'REQUEST',
  })
  assert.deepEqual(values(event), {
    uid: visit.id,
    dtstamp: '2026-11-18T11:06:40Z',
    dtstart: '2026-11-24T09:40:00Z',
    dtend: '2026-11-24T10:10:00Z',
    sequence: '3',
    status: 'CONFIRMED',
    summary: 'Dr. Claire Moreau, Canal',
    description: 'Dr. Claire Moreau\nCanal\n14 quai de Valmy, 75010 Paris, FR',
    location: '14 quai de Valmy, 75010 Paris, FR',
    url: 'https://visits.example.org/visit#view.x',
    organizer: 'mailto:visits@example.org',
    attendee: 'mailto:anna.berg@example.org',
    class: 'PRIVATE',
    transp: 'OPAQUE',
  })
  const attendee = event.getFirstProperty('attendee')?.jCal[1]
  assert.deepEqual(attendee, {
    cn: 'Anna Berg',
    cutype: 'INDIVIDUAL',
    role: 'REQ-PARTICIPANT',
    partstat: 'ACCEPTED',
    rsvp: 'FALSE',
  })
})

test('every status of a visit has its status in calendars, and what is off is cancelled', () => {
  const expected: Record<AppointmentStatus, string> = {
    held: 'TENTATIVE REQUEST NEEDS-ACTION',
    requested: 'TENTATIVE REQUEST NEEDS-ACTION',
    confirmed: 'CONFIRMED REQUEST ACCEPTED',
    arrived: 'CONFIRMED REQUEST ACCEPTED',
    with_doctor: 'CONFIRMED REQUEST ACCEPTED',
    completed: 'CONFIRMED REQUEST ACCEPTED',
    no_show: 'CANCELLED CANCEL NEEDS-ACTION',
    cancelled: 'CANCELLED CANCEL NEEDS-ACTION',
    declined: 'CANCELLED CANCEL NEEDS-ACTION',
    expired: 'CANCELLED CANCEL NEEDS-ACTION',
  }
  for (const status of statuses) {
    const { method, content } = invitationOf({ ...visit, status })
    const { calendar, event } = readCalendar(content)
    assert.equal(calendar.getFirstPropertyValue('method'), method)
    const partstat = event.getFirstProperty('attendee')?.getFirstParameter('partstat')
    const found = `${String(event.getFirstPropertyValue('status'))} ${method} ${partstat}`
    assert.equal(found, expected[status], status)
  }
})

test('a request that lapsed is a change that calendars take', () => {
  const lapsed = invitationOf({ ...visit, status: 'expired' })
  assert.equal(values(readCalendar(lapsed.content).event)['sequence'], '4')
})

test('nobody is invited by what is published, and each side sees whom the visit is with', () => {
  const summaries = (['patient', 'doctor', 'desk'] as const).map((side) => {
    const events = [publishedEvent(visit, side)]
    const { event } = readCalendar(calendarOf({ method: 'PUBLISH', events }))
    assert.equal(event.hasProperty('attendee'), false)
    assert.equal(event.getFirstPropertyValue('organizer'), 'mailto:visits@example.org')
    return event.getFirstPropertyValue('summary')
  })
  assert.deepEqual(summaries, [
    'Dr. Claire Moreau, Canal',
    'A. B., Canal',
    'A. B., Dr. Claire Moreau, Canal',
  ])
})

test('a visit by video leads to its link and to no clinic, one by phone to no place', () => {
  const videoLink = 'https://meet.example.org/moreau?room=1,2'
  const video = values(
    readCalendar(invitationOf({ ...visit, mode: 'video', videoLink, url: null }).content).event,
  )
  assert.equal(video['conference'], videoLink)
  assert.equal(video['url'], videoLink)
  assert.equal(video['location'], videoLink)
  assert.equal(video['description'], `Dr. Claire Moreau\nCanal\n${videoLink}`)
  const phone = values(
    readCalendar(invitationOf({ ...visit, mode: 'phone', videoLink }).content).event,
  )
  assert.equal('location' in phone, false)
  assert.equal('conference' in phone, false)
  assert.doesNotMatch(JSON.stringify(phone), /quai|meet/)
})

test('an organizer without an address is named all the same', () => {
  const { content } = invitationOf({ ...visit, organizer: { name: 'Canal', address: null } })
  const organizer = readCalendar(content).event.getFirstProperty('organizer')
  assert.equal(organizer?.getFirstValue(), 'invalid:nomail')
  assert.equal(organizer?.getFirstParameter('cn'), 'Canal')
})

test('names of 200 characters, quotes, commas and any script are read back whole', () => {
  const name = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.constantFrom('"', ',', ';', "'", '^', 'é', '李', '👩🏽‍⚕️', 'O’Brien', 'محمد', '\n', ':'),
      ),
      { minLength: 1, maxLength: 200, size: 'max' },
    )
    // The reader takes a backslash in a parameter for an escape, which RFC 5545 does not know there.
    .map((pieces) =>
      pieces
        .join('')
        .replaceAll(/(?!\n)\p{Cc}|[\u2028\u2029\\]/gu, '')
        .slice(0, 200),
    )
    .map((text) => text.toWellFormed())
  fc.assert(
    fc.property(name, name, fc.constantFrom(...statuses), (one, other, status) => {
      const { content } = invitationOf({
        ...visit,
        status,
        doctorName: one,
        clinicName: other,
        clinicAddress: one,
        organizer: { name: other, address: 'visits@example.org' },
        attendee: { name: one, address: 'anna.berg@example.org' },
      })
      const { event } = readCalendar(content)
      const read = values(event)
      assert.equal(read['summary'], `${one}, ${other}`)
      assert.equal(read['description'], `${one}\n${other}\n${one}`)
      assert.equal(read['location'] ?? '', one)
      assert.equal(event.getFirstProperty('attendee')?.getFirstParameter('cn'), one)
      assert.equal(event.getFirstProperty('organizer')?.getFirstParameter('cn'), other)
      assert.equal(read['attendee'], 'mailto:anna.berg@example.org')
      for (const line of content.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75)
    }),
    { numRuns: 300 },
  )
})

test('initials say no name', () => {
  assert.equal(initialsOf('Anna Berg'), 'A. B.')
  assert.equal(initialsOf('  Jean-Luc   de la Tour '), 'J. L. D. L. T.')
  assert.equal(initialsOf('李小龙'), '李.')
  assert.equal(initialsOf('(Élodie) O’Brien'), 'É. O.')
  assert.equal(initialsOf('محمد علي'), 'م. ع.')
  assert.equal(initialsOf('A\u030Asa'), 'A\u030A.')
  assert.equal(initialsOf('7'), '')
})

test('the address of a sender is found in each of its forms', () => {
  assert.equal(addressOfSender('North Clinics <visits@example.org>'), 'visits@example.org')
  assert.equal(addressOfSender('"North, Clinics" <visits@example.org>'), 'visits@example.org')
  assert.equal(addressOfSender('visits@example.org'), 'visits@example.org')
})
