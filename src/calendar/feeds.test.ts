import assert from 'node:assert/strict'
import { test } from 'node:test'
import ICAL from 'ical.js'
import { NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  addRoom,
  auditOf,
  changeClinic,
  changeDoctor,
  command,
  contextLater,
  makeVisit,
  openNetwork,
  setExpiry,
} from '#test/support/visits.ts'
import { readFeed } from './feeds.ts'

const { app, runtime, logged } = await testVisita()
const day = 86_400_000

async function makeFeed(as: string, body: Record<string, string>) {
  const answer = await call(app, 'POST /calendar-feeds', { as, body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body as { id: string; url: string; patientId?: string; doctorId?: string }
}

const nameOf = (url: string) => new URL(url).pathname.slice('/calendar/'.length)

async function fetchFeed(url: string, method: 'GET' | 'HEAD' = 'GET', headers = {}) {
  return app.inject({ method, url: new URL(url).pathname, headers })
}

/** The events of a calendar by their UID, each as its properties. */
function eventsIn(file: string) {
  const calendar = new ICAL.Component(ICAL.parse(file))
  return new Map(
    calendar.getAllSubcomponents('vevent').map((event) => {
      const values = event.getAllProperties().map((one) => [one.name, String(one.getFirstValue())])
      const properties: Record<string, string> = Object.fromEntries(values)
      return [properties['uid'], properties]
    }),
  )
}

async function readEvents(url: string) {
  const answer = await fetchFeed(url)
  assert.equal(answer.statusCode, 200, answer.body)
  return eventsIn(answer.body)
}

async function fileOf(as: string, id: string) {
  return app.inject({
    url: `/api/v1/appointments/${id}/calendar.ics`,
    headers: { authorization: as },
  })
}

test('the file of a visit is for those who see the visit, each of whom it tells whom it is with', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { title: 'Dr.' })
  const { as, id, visit } = await makeVisit(network, 0)
  const { people } = network
  const summaries = [
    [as, 'Dr. Claire Moreau, Canal'],
    [people.doctor, 'A. B., Canal'],
    [people.deskHere, 'A. B., Dr. Claire Moreau, Canal'],
    [people.admin, 'A. B., Dr. Claire Moreau, Canal'],
  ] as const
  for (const [who, summary] of summaries) {
    const answer = await fileOf(who, id)
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['content-type'], 'text/calendar; charset=utf-8')
    assert.equal(answer.headers['content-disposition'], 'attachment; filename="visit.ics"')
    assert.equal(answer.headers['cache-control'], 'no-store')
    const event = eventsIn(answer.body).get(id)
    assert.equal(event?.['summary'], summary)
    assert.equal(event?.['dtstart'], formatUtc(Date.parse(visit.startsAt)).replace('.000', ''))
    assert.equal(event && 'attendee' in event, false)
    assert.match(answer.body, /^METHOD:PUBLISH\r$/m)
  }
  const stranger = await makePatient(runtime)
  for (const who of [stranger.as, people.deskElsewhere, people.otherDoctor])
    assert.equal((await fileOf(who, id)).statusCode, 404)
  const { actor } = await contextLater(stranger.as, 0)
  const denied = (await auditOf(id)).filter(({ actor_id }) => actor_id === actor.accountId)
  assert.deepEqual(
    denied.map(({ action, allowed }) => ({ action, allowed })),
    [{ action: 'appointment.read', allowed: false }],
  )
})

test('a visit keeps its UID, and its SEQUENCE rises with each step, in the file and in the feed', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 0 })
  const { as, id, patientId } = await makeVisit(network, 0)
  const { url } = await makeFeed(as, { patientId })
  const seen: string[] = []
  const look = async () => {
    const inFile = eventsIn((await fileOf(as, id)).body).get(id)
    const inFeed = (await readEvents(url)).get(id)
    assert.equal(inFile?.['sequence'], inFeed?.['sequence'])
    assert.equal(inFile?.['dtstart'], inFeed?.['dtstart'])
    seen.push(`${inFeed?.['sequence']} ${inFeed?.['status']} ${inFeed?.['dtstart']}`)
  }
  const startOf = (index: number) => {
    const at = Date.parse(network.slots[index]!.startsAt)
    return formatUtc(at).replace('.000', '')
  }
  await look()
  const moved = await command(as, id, 'reschedule', { body: { slotId: network.slots[5]!.id } })
  assert.equal(moved.status, 200)
  await look()
  assert.equal((await command(as, id, 'cancel', { body: {} })).status, 200)
  await look()
  assert.equal((await command(as, id, 'undo', { body: {} })).status, 200)
  await look()
  assert.deepEqual(seen, [
    `0 CONFIRMED ${startOf(0)}`,
    `1 CONFIRMED ${startOf(5)}`,
    `2 CANCELLED ${startOf(5)}`,
    `3 CONFIRMED ${startOf(5)}`,
  ])
})

test('a feed holds the visits that stand and those just called off, and no one else’s', async () => {
  const network = await openNetwork()
  const { slots, people, clinicVisitTypeId } = network
  await call(app, `PATCH /visit-types/${clinicVisitTypeId}`, {
    as: people.admin,
    body: { bookingMode: 'on_request' },
  })
  const patient = await makePatient(runtime)
  const bookAt = async (index: number, more: Record<string, unknown> = {}) => {
    const { startsAt } = slots[index]!
    const body = { doctorId: network.doctorId, startsAt, visitTypeId: network.visitTypeId, ...more }
    const answer = await book(app, patient.as, body)
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return String(answer.body.id)
  }
  const onRequest = { visitTypeId: clinicVisitTypeId }
  const confirmed = await bookAt(0)
  const requested = await bookAt(1, onRequest)
  const lapsed = await bookAt(2, onRequest)
  await setExpiry(lapsed, runtime.clock() - 1)
  const declined = await bookAt(3, onRequest)
  await command(people.doctor, declined, 'decline', { body: {} })
  const cancelled = await bookAt(4)
  await command(patient.as, cancelled, 'cancel', { body: {} })
  const givenUp = await bookAt(5, { hold: true })
  await command(patient.as, givenUp, 'cancel', { body: {} })
  await bookAt(6, { hold: true })
  const offered = await bookAt(7)
  await runtime.db
    .updateTable('appointment')
    .set({ is_offer: true })
    .where('id', '=', offered)
    .execute()
  const others = await makeVisit(network, 8)

  const mine = await makeFeed(patient.as, { patientId: patient.patientId })
  const expected = {
    [confirmed]: 'CONFIRMED',
    [requested]: 'TENTATIVE',
    [declined]: 'CANCELLED',
    [cancelled]: 'CANCELLED',
  }
  const statusesIn = (events: Map<string | undefined, Record<string, string>>) =>
    Object.fromEntries([...events].map(([uid, event]) => [uid, event['status']]))
  assert.deepEqual(statusesIn(await readEvents(mine.url)), expected)

  const doctors = await makeFeed(people.doctor, { doctorId: 'me' })
  assert.equal(doctors.doctorId, network.doctorId)
  const ofDoctor = statusesIn(await readEvents(doctors.url))
  assert.deepEqual(ofDoctor, { ...expected, [others.id]: 'CONFIRMED' })

  // Those that were called off are left out after 30 days, all visits 30 days after they were.
  const at = async (milliseconds: number) => {
    const context = await contextLater(patient.as, milliseconds)
    return Object.keys(statusesIn(eventsIn(await readFeed(context, nameOf(mine.url)))))
  }
  await setExpiry(requested, runtime.clock() + 90 * day)
  assert.deepEqual((await at(29 * day)).toSorted(), Object.keys(expected).toSorted())
  // Two hours after the 30 days: at any time of the day the visits are still further ahead than that.
  assert.deepEqual((await at(30.1 * day)).toSorted(), [confirmed, requested].toSorted())
  assert.deepEqual(await at(33 * day), [])
})

test('a feed says how it is called and how often to look, and invites nobody', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime, 'Zoë “Zo” Müller-李; von, zu')
  await book(app, patient.as, { slotId: network.slots[0]!.id })
  const { url } = await makeFeed(patient.as, { patientId: patient.patientId })
  const answer = await fetchFeed(url)
  assert.equal(answer.headers['content-type'], 'text/calendar; charset=utf-8')
  const calendar = new ICAL.Component(ICAL.parse(answer.body))
  const valueOf = (name: string) => String(calendar.getFirstPropertyValue(name))
  assert.equal(valueOf('method'), 'PUBLISH')
  assert.equal(valueOf('name').replaceAll('\\', ''), 'Visita: Zoë “Zo” Müller-李; von, zu')
  assert.equal(valueOf('x-wr-calname'), valueOf('name'))
  assert.equal(valueOf('refresh-interval'), 'PT1H')
  assert.equal(calendar.getAllSubcomponents('vevent').length, 1)
  assert.doesNotMatch(answer.body, /ATTENDEE|mailto:anna/)
})

test('nothing about health, and no patient’s name for a doctor, gets into a calendar or the log', async () => {
  const network = await openNetwork()
  const { people, visitTypeId, specialtyId, doctorId } = network
  const canary = (what: string) => `canary-${what}-${newId()}`
  await runtime.db
    .updateTable('visit_type')
    .set({ name: canary('type'), instructions: canary('instructions'), room_kind: 'echo' })
    .where('id', '=', visitTypeId)
    .execute()
  await runtime.db
    .updateTable('specialty')
    .set({ name: canary('specialty') })
    .where('id', '=', specialtyId)
    .execute()
  await addRoom(network, canary('room'), 'echo')
  const patient = await makePatient(runtime, `Canary-${newId()} Berg`)
  const wish = { visitTypeId, doctorId, reason: canary('reason') }
  const visits = []
  for (const index of [0, 1]) {
    const { startsAt } = network.slots[index]!
    const { status, body } = await book(app, patient.as, { ...wish, startsAt })
    assert.equal(status, 201, JSON.stringify(body))
    visits.push(String(body.id))
  }
  for (const id of visits)
    await call(app, `PATCH /appointments/${id}`, {
      as: people.doctor,
      body: { staffNote: canary('note') },
    })
  await command(people.doctor, visits[1]!, 'cancel', { body: { reason: canary('cancelled') } })

  const feeds = [
    await makeFeed(patient.as, { patientId: patient.patientId }),
    await makeFeed(people.doctor, { doctorId }),
  ] as const
  const files = await Promise.all(feeds.map(async ({ url }) => (await fetchFeed(url)).body))
  for (const who of [people.doctor, people.deskHere])
    files.push((await fileOf(who, visits[0]!)).body)
  const [ofPatient = '', ...ofStaff] = files
  assert.equal(eventsIn(ofPatient).size, 2)
  assert.doesNotMatch(ofPatient.replaceAll('\r\n ', ''), /canary/)
  for (const file of ofStaff) {
    assert.ok(eventsIn(file).size > 0)
    assert.doesNotMatch(file.replaceAll('\r\n ', ''), /canary|Berg|Anna/i)
  }
  assert.match(logged(), /\/calendar\/:name/)
  for (const { url } of feeds) assert.equal(logged().includes(nameOf(url).slice(0, 40)), false)
  assert.doesNotMatch(logged(), /canary/i)
})

test('a feed without visits is a calendar', async () => {
  const { as, patientId } = await makePatient(runtime)
  const { body } = await fetchFeed((await makeFeed(as, { patientId })).url)
  const calendar = new ICAL.Component(ICAL.parse(body))
  assert.deepEqual(
    calendar.getAllSubcomponents().map(({ name }) => name),
    ['vtimezone'],
  )
})

/** A letter of base64url that differs in the last bit alone, which is padding at a token's end. */
function otherSpelling(letter: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return letters[letters.indexOf(letter) ^ 1]!
}

test('a feed is read whatever parameter people add to have it read anew', async () => {
  const { as, patientId } = await makePatient(runtime)
  const { url } = await makeFeed(as, { patientId })
  const { body } = await fetchFeed(url)
  for (const query of ['?x=1', '?nocache', '?x=1&x=2'])
    assert.equal((await app.inject(new URL(url).pathname + query)).body, body, query)
  assert.equal((await app.inject('/calendar/x.ics?x=1')).statusCode, 404)
})

test('a feed is read at its address alone', async () => {
  const { as, patientId } = await makePatient(runtime)
  const { id, url } = await makeFeed(as, { patientId })
  const name = nameOf(url)
  assert.equal((await fetchFeed(url)).statusCode, 200)
  const token = name.slice(0, -'.ics'.length)
  const other = `${token.slice(0, 30)}${token[30] === 'A' ? 'B' : 'A'}${token.slice(31)}`
  const wrong = [
    token,
    `${token}.ICS`,
    `${token}x.ics`,
    `${token.slice(0, -1)}${otherSpelling(token.at(-1)!)}.ics`,
    `${other}.ics`,
    `${runtime.links.tokenOf('view', id)}.ics`,
    `${runtime.links.tokenOf('calendar', newId())}.ics`,
    `${id}.ics`,
    '.ics',
    'x',
  ]
  for (const one of wrong) {
    const answer = await app.inject(`/calendar/${one}`)
    assert.equal(answer.statusCode, 404, one)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(answer.body.includes(token.slice(0, 30)), false)
  }
})

test('a feed that is revoked is gone, and is its account’s alone to revoke', async () => {
  const { as, patientId } = await makePatient(runtime)
  const [one, other] = [await makeFeed(as, { patientId }), await makeFeed(as, { patientId })]
  const stranger = await makePatient(runtime)
  const admin = await signInAs(runtime, { role: 'admin' })
  for (const who of [stranger.as, admin]) {
    const { status } = await call(app, `DELETE /calendar-feeds/${one.id}`, { as: who })
    assert.equal(status, 404)
    assert.deepEqual((await call(app, 'GET /calendar-feeds', { as: who })).body.items, [])
  }
  assert.equal((await call(app, `DELETE /calendar-feeds/${one.id}`, { as })).status, 204)
  assert.equal((await call(app, `DELETE /calendar-feeds/${one.id}`, { as })).status, 404)
  assert.equal((await fetchFeed(one.url)).statusCode, 404)
  assert.equal((await fetchFeed(other.url)).statusCode, 200)
  const { items } = (await call(app, 'GET /calendar-feeds', { as })).body
  assert.deepEqual(
    items.map(({ id, url }: { id: string; url: string }) => ({ id, url })),
    [{ id: other.id, url: other.url }],
  )
  assert.ok(items[0].lastReadAt)
})

test('a feed stops when its account loses the access, and only then', async () => {
  const { db } = runtime
  const stops: ((who: { accountId: string; patientId: string }) => Promise<unknown>)[] = [
    ({ accountId, patientId }) =>
      db
        .updateTable('patient_access')
        .set({ ends_at: formatUtc(runtime.clock()) })
        .where('account_id', '=', accountId)
        .where('patient_id', '=', patientId)
        .execute(),
    ({ accountId }) =>
      db.deleteFrom('patient_access').where('account_id', '=', accountId).execute(),
    ({ accountId }) =>
      db.updateTable('account').set({ status: 'disabled' }).where('id', '=', accountId).execute(),
  ]
  for (const stop of stops) {
    const patient = await makePatient(runtime)
    const carer = await makePatient(runtime)
    await db
      .insertInto('patient_access')
      .values({
        account_id: carer.accountId,
        patient_id: patient.patientId,
        relation: 'carer',
        scope: 'book',
        created_at: formatUtc(runtime.clock()),
        ends_at: formatUtc(runtime.clock() + day),
      })
      .execute()
    const { patientId } = patient
    const own = await makeFeed(patient.as, { patientId })
    const carers = await makeFeed(carer.as, { patientId })
    assert.equal((await fetchFeed(carers.url)).statusCode, 200)
    // Who may only look goes on looking.
    await db
      .updateTable('patient_access')
      .set({ scope: 'see' })
      .where('account_id', '=', carer.accountId)
      .where('patient_id', '=', patientId)
      .execute()
    assert.equal((await fetchFeed(carers.url)).statusCode, 200)
    await stop({ accountId: carer.accountId, patientId })
    assert.equal((await fetchFeed(carers.url)).statusCode, 404)
    assert.equal((await fetchFeed(own.url)).statusCode, 200)
    const last = (await auditOf(carers.id)).at(-1)
    assert.deepEqual(last, {
      action: 'calendar-feed.read',
      actor_id: carer.accountId,
      allowed: false,
      details: { patientId },
    })
  }
})

test('a feed stops when a doctor’s account is no longer that doctor’s', async () => {
  const { people, doctorId } = await openNetwork()
  const { url } = await makeFeed(people.doctor, { doctorId })
  assert.equal((await fetchFeed(url)).statusCode, 200)
  const successor = await signInAs(runtime, { role: 'doctor', doctorId })
  assert.equal((await fetchFeed(url)).statusCode, 404)
  assert.equal((await fetchFeed((await makeFeed(successor, { doctorId })).url)).statusCode, 200)
})

test('access that ends by its date ends the feed', async () => {
  const { as, accountId, patientId } = await makePatient(runtime)
  await runtime.db
    .updateTable('patient_access')
    .set({ ends_at: formatUtc(runtime.clock() + day) })
    .where('account_id', '=', accountId)
    .execute()
  const name = nameOf((await makeFeed(as, { patientId })).url)
  const later = await contextLater(as, day + 1)
  await assert.rejects(readFeed(later, name), NotFound)
  assert.match(await readFeed(await contextLater(as, day - 60_000), name), /^BEGIN:VCALENDAR/)
})

test('each reading of a feed is on record as its account’s, in one row', async () => {
  const { as, accountId, patientId } = await makePatient(runtime)
  const feed = await makeFeed(as, { patientId })
  const stranger = await makePatient(runtime)
  const listed = async () => (await call(app, 'GET /calendar-feeds', { as })).body.items[0]
  assert.equal('lastReadAt' in (await listed()), false)
  // Who is signed in besides makes no difference.
  await fetchFeed(feed.url, 'GET', { authorization: stranger.as })
  const reading = { action: 'calendar-feed.read', actor_id: accountId, allowed: true }
  assert.deepEqual(await auditOf(feed.id), [
    { ...reading, action: 'calendar-feed.make', details: { patientId } },
    { ...reading, details: { patientId } },
  ])
  assert.ok(Date.parse((await listed()).lastReadAt) >= Date.parse((await listed()).createdAt))
})

test('feeds are made of one’s own visits alone', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  const stranger = await makePatient(runtime)
  const { people, doctorId } = network
  const wrong: [as: string, body: Record<string, string>, status: number][] = [
    [stranger.as, { patientId: patient.patientId }, 404],
    [stranger.as, { patientId: newId() }, 404],
    [people.doctor, { patientId: patient.patientId }, 404],
    [people.admin, { patientId: patient.patientId }, 404],
    [people.otherDoctor, { doctorId }, 403],
    [people.deskHere, { doctorId }, 403],
    [people.admin, { doctorId }, 403],
    [people.patient, { doctorId }, 403],
    [people.patient, { doctorId: 'me' }, 404],
    [people.doctor, { doctorId, patientId: patient.patientId }, 422],
    [patient.as, {}, 422],
  ]
  for (const [as, body, status] of wrong) {
    const answer = await call(app, 'POST /calendar-feeds', { as, body })
    assert.equal(answer.status, status, JSON.stringify([body, answer.body]))
    assert.deepEqual((await call(app, 'GET /calendar-feeds', { as })).body.items, [])
  }
})

test('an account has at most 10 feeds, also when it asks for many at once', async () => {
  const { as, patientId } = await makePatient(runtime)
  const body = { patientId }
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => call(app, 'POST /calendar-feeds', { as, body })),
  )
  const statuses = Map.groupBy(answers, ({ status }) => status)
  assert.equal(statuses.get(201)?.length, 10)
  assert.equal(statuses.get(409)?.length, 6)
  assert.match(statuses.get(409)?.[0]?.body.detail, /Revoke one/)
  const { items, nextCursor } = (await call(app, 'GET /calendar-feeds', { as })).body
  assert.equal(items.length, 10)
  assert.equal(nextCursor, null)
  await call(app, `DELETE /calendar-feeds/${items[0].id}`, { as })
  await makeFeed(as, { patientId })
})

test('a program that has the calendar is answered shortly until something happens', async () => {
  const network = await openNetwork()
  await changeClinic(network, { change_notice_minutes_min: 0 })
  const { as, id, patientId } = await makeVisit(network, 0)
  const { url } = await makeFeed(as, { patientId })
  const first = await fetchFeed(url)
  const tag = String(first.headers.etag)
  assert.equal(await readFeed(await contextLater(as, 3_600_000), nameOf(url)), first.body)
  assert.equal(first.headers['cache-control'], 'private, no-cache')
  const again = await fetchFeed(url, 'GET', { 'if-none-match': tag })
  assert.equal(again.statusCode, 304)
  assert.equal(again.body, '')
  const head = await fetchFeed(url, 'HEAD')
  assert.deepEqual([head.statusCode, head.headers.etag, head.body], [200, tag, ''])
  await command(as, id, 'cancel', { body: {} })
  const changed = await fetchFeed(url, 'GET', { 'if-none-match': tag })
  assert.equal(changed.statusCode, 200)
  assert.equal(eventsIn(changed.body).get(id)?.['status'], 'CANCELLED')
})
