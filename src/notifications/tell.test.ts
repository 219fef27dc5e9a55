import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { expireWhatIsDue } from '#src/booking/housekeeping.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc, parseInstant } from '#src/kernel/time.ts'
import { call, signInAs } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { ledgerOf, skipEarlierNews, tellEverything, toldOf } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import { free, fullNetwork, tomorrowAt, waitWith, workAt } from '#test/support/waitlist.ts'
import {
  addDoctor,
  changeDoctor,
  command,
  contextLater,
  makeVisit,
  openNetwork,
  setExpiry,
} from '#test/support/visits.ts'
import { noTrouble, tellOrPassOver } from './keep-telling.ts'
import { loadFacts } from './load-facts.ts'
import { tellNews } from './tell.ts'

const { runtime, app, logged } = await testVisita()

beforeEach(skipEarlierNews)

async function accountOf(as: string): Promise<string> {
  return (await contextLater(as, 0)).actor.accountId
}

test('who books hears of it by mail at once, and their doctor in the app', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  await tellEverything()
  assert.deepEqual(await toldOf(id, accountId), ['email confirmed queued', 'in_app confirmed sent'])
  assert.deepEqual(await toldOf(id, await accountOf(network.people.doctor)), [
    'in_app confirmed sent',
  ])
  const rows = await ledgerOf(id)
  const mail = rows.find(({ channel }) => channel === 'email')!
  assert.ok(mail.due_at! <= runtime.clock())
  const own = rows.find((row) => row.channel === 'in_app' && row.account_id === accountId)!
  assert.notEqual(own.read_at, null, 'what someone did is not news to them')
})

test('a hold is told to nobody, not when it ends either', async () => {
  const network = await openNetwork()
  const [given, lapsed] = [
    await makeVisit(network, 0, { hold: true }),
    await makeVisit(network, 1, { hold: true }),
  ]
  await tellEverything()
  await command(given.as, given.id, 'cancel')
  await setExpiry(lapsed.id, runtime.clock() - 1000)
  await expireWhatIsDue(runtime)
  await tellEverything()
  assert.deepEqual(await ledgerOf(given.id), [])
  assert.deepEqual(await ledgerOf(lapsed.id), [])
})

test('a hold that became a visit is told as one', async () => {
  const network = await openNetwork()
  const { id, as, accountId } = await makeVisit(network, 0, { hold: true })
  await tellEverything()
  assert.equal((await command(as, id, 'confirm-hold')).status, 200)
  await tellEverything()
  assert.deepEqual(await toldOf(id, accountId), ['email confirmed queued', 'in_app confirmed sent'])
  assert.deepEqual(await toldOf(id, await accountOf(network.people.doctor)), [
    'in_app confirmed sent',
  ])
})

test('a visit that was booked and moved before anyone was told is told as it is', async () => {
  const network = await openNetwork()
  const { id, as, accountId } = await makeVisit(network, 0)
  await command(as, id, 'reschedule', { body: { slotId: network.slots[4]!.id } })
  await tellEverything()
  assert.deepEqual(await toldOf(id, accountId), ['email confirmed queued', 'in_app confirmed sent'])
  assert.ok((await ledgerOf(id)).every(({ former_version }) => former_version === null))
})

test('a step that can be undone is mailed a minute later, and not at all when it is undone', async () => {
  const network = await openNetwork()
  const { id, accountId, as } = await makeVisit(network, 0)
  await tellEverything()
  await runtime.db
    .updateTable('notification')
    .set({ status: 'sent', due_at: null })
    .where('appointment_id', '=', id)
    .where('channel', '=', 'email')
    .execute()
  await command(as, id, 'cancel')
  await tellEverything()
  const waiting = (await ledgerOf(id)).find(
    (row) => row.kind === 'cancelled' && row.channel === 'email',
  )!
  assert.ok(waiting.due_at! > runtime.clock() + 50_000)
  const doctor = await accountOf(network.people.doctor)
  assert.ok((await toldOf(id, doctor)).includes('in_app cancelled sent'))

  assert.equal((await command(as, id, 'undo')).status, 200)
  await tellEverything()
  assert.deepEqual(await toldOf(id, accountId), [
    'email cancelled withdrawn',
    'email confirmed sent',
    'in_app cancelled sent',
    'in_app confirmed sent',
    'in_app confirmed sent',
  ])
  // Nobody had read of it, so the list does not say it any more.
  assert.deepEqual(await toldOf(id, doctor), [
    'email cancelled withdrawn',
    'in_app cancelled withdrawn',
    'in_app confirmed sent',
  ])
})

test('two moves in a row are one mail, from where the visit was first', async () => {
  const network = await openNetwork()
  const { id, accountId, as } = await makeVisit(network, 0)
  await tellEverything()
  for (const index of [1, 2])
    await command(as, id, 'reschedule', { body: { slotId: network.slots[index]!.id } })
  await tellEverything()
  const moved = (await ledgerOf(id)).filter(
    (row) => row.kind === 'moved' && row.channel === 'email' && row.account_id === accountId,
  )
  assert.deepEqual(
    moved.map(({ status, version, former_version }) => [status, version, former_version]),
    [['queued', 3, 1]],
  )
})

test('a visit that the desk moved and moved back at once is mailed as it is', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  const desk = network.people.deskHere
  await tellEverything()
  await command(desk, id, 'reschedule', { body: { slotId: network.slots[1]!.id } })
  await tellEverything()
  await command(desk, id, 'undo')
  await tellEverything()
  assert.deepEqual(
    await toldOf(id, accountId),
    [
      'email confirmed queued',
      'email confirmed withdrawn',
      'email moved withdrawn',
      'in_app confirmed sent',
      'in_app moved withdrawn',
    ],
    'the mail that was taken back comes after all',
  )
})

test('a request is told to doctor and desk, its answer to the patient alone', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id, accountId } = await makeVisit(network, 0)
  const [doctor, desk] = [
    await accountOf(network.people.doctor),
    await accountOf(network.people.deskHere),
  ]
  await tellEverything()
  assert.deepEqual(await toldOf(id, doctor), ['email requested queued', 'in_app requested sent'])
  assert.deepEqual(await toldOf(id, desk), ['in_app requested sent'])

  await command(network.people.doctor, id, 'accept')
  await tellEverything()
  assert.deepEqual(await toldOf(id, desk), ['in_app requested withdrawn'])
  assert.ok(!(await toldOf(id, doctor)).includes('in_app confirmed sent'))
  assert.deepEqual(await toldOf(id, accountId), [
    'email confirmed queued',
    'email requested withdrawn',
    'in_app confirmed sent',
    'in_app requested sent',
  ])
})

test('a request that nobody answered is told as declined', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id, accountId } = await makeVisit(network, 0)
  await tellEverything()
  await setExpiry(id, runtime.clock() - 1000)
  await expireWhatIsDue(runtime)
  await tellEverything()
  assert.ok((await toldOf(id, accountId)).includes('email declined queued'))
})

test('a doctor from whom a visit is taken hears of it', async () => {
  const network = await openNetwork()
  const colleague = await addDoctor(network)
  const { id } = await makeVisit(network, 0)
  await tellEverything()
  const moved = await command(network.people.deskHere, id, 'reschedule', {
    body: {
      doctorId: colleague,
      startsAt: network.slots[3]!.startsAt,
      visitTypeId: network.visitTypeId,
    },
  })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  await tellEverything()
  assert.deepEqual(await toldOf(id, await accountOf(network.people.doctor)), [
    'email moved queued',
    'in_app confirmed sent',
    'in_app moved sent',
  ])
})

test('everyone who acts for a patient is told, and the record itself when nobody does', async () => {
  const network = await openNetwork()
  const child = await makePatient(runtime)
  const parent = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: parent.accountId,
      patient_id: child.patientId,
      relation: 'parent',
      scope: 'manage',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  const visit = await book(app, child.as, { slotId: network.slots[0]!.id })
  const alone = newId()
  await runtime.db
    .insertInto('patient')
    .values({
      id: alone,
      name: 'Rosa Lind',
      email: `${alone}@example.org`,
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  const atDesk = await book(app, network.people.deskHere, {
    slotId: network.slots[1]!.id,
    patientId: alone,
  })
  await tellEverything()
  assert.ok((await toldOf(visit.body.id, parent.accountId)).includes('email confirmed queued'))
  assert.ok((await toldOf(visit.body.id, child.accountId)).includes('email confirmed queued'))
  assert.deepEqual(await toldOf(atDesk.body.id, alone), ['email confirmed queued'])
})

test('a patient whom nothing reaches has a row that says so', async () => {
  const network = await openNetwork()
  const alone = newId()
  await runtime.db
    .insertInto('patient')
    .values({ id: alone, name: 'Rosa Lind', created_at: formatUtc(runtime.clock()) })
    .execute()
  const { body } = await book(app, network.people.deskHere, {
    slotId: network.slots[1]!.id,
    patientId: alone,
  })
  await tellEverything()
  const row = (await ledgerOf(body.id)).find(({ patient_id }) => patient_id === alone)
  assert.deepEqual([row!.status, row!.status_reason], ['skipped', 'no_address'])
})

test('what someone does not want to be mailed of is in the app alone', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  await runtime.db
    .insertInto('notification_preference')
    .values({ account_id: patient.accountId, kind: 'confirmed', channel: 'email', wanted: false })
    .execute()
  const { body } = await book(app, patient.as, { slotId: network.slots[0]!.id })
  await tellEverything()
  assert.deepEqual(await toldOf(body.id, patient.accountId), ['in_app confirmed sent'])
  // What they did hear of in the app is known when it is called off.
  await command(network.people.deskHere, body.id, 'cancel', {
    body: { reason: 'The doctor is ill.' },
  })
  await tellEverything()
  assert.ok((await toldOf(body.id, patient.accountId)).includes('email cancelled queued'))
})

test('processes that tell at the same time tell everyone once', async () => {
  const network = await openNetwork()
  const visits = await Promise.all([0, 1, 2, 3, 4].map((index) => makeVisit(network, index)))
  const tellers = Array.from({ length: 8 }, async () => {
    for (let round = 0; round < 5; round += 1) await tellNews(runtime)
  })
  await Promise.all(tellers)
  await tellEverything()
  for (const { id, accountId } of visits)
    assert.deepEqual(await toldOf(id, accountId), [
      'email confirmed queued',
      'in_app confirmed sent',
    ])
})

test('what could not be told is told when it is read again, and nothing twice', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  const failing = {
    ...runtime,
    get clock(): never {
      throw new Error('The process has broken.')
    },
  }
  await assert.rejects(tellNews(failing))
  assert.deepEqual(await ledgerOf(id), [])
  await tellEverything()
  await tellEverything()
  assert.equal((await toldOf(id, accountId)).length, 2)
})

test('whoever comes today hears of a delay, of its change, and that it is over', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  const now = runtime.clock()
  // In UTC and in the next hour, so that the visit is today's at nearly every time of the day.
  const startsAt = now + 20 * 60_000
  await runtime.db
    .updateTable('appointment')
    .set({
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(startsAt + 1_800_000),
      local_starts_at: formatUtc(now).slice(0, 19),
      time_zone: 'UTC',
    })
    .where('id', '=', id)
    .execute()
  await runtime.db
    .updateTable('clinic')
    .set({ time_zone: 'UTC' })
    .where('id', '=', network.clinicId)
    .execute()
  runtime.board.clinics.forget(network.clinicId)
  const setDelay = (minutes: number) =>
    call(app, `PUT /doctors/${network.doctorId}/delay`, {
      as: network.people.deskHere,
      body: { minutes, clinicId: network.clinicId },
    })
  const delays = async () =>
    (await ledgerOf(id))
      .filter((row) => row.kind === 'delay' && row.channel === 'email')
      .map(({ details, status }) => `${details['minutes']} ${status}`)
  assert.equal((await setDelay(25)).status, 200)
  await tellEverything()
  assert.deepEqual(await delays(), ['25 queued'])
  await setDelay(25)
  await tellEverything()
  assert.deepEqual(await delays(), ['25 queued'], 'the same again is no news')
  await setDelay(40)
  await tellEverything()
  await setDelay(0)
  await tellEverything()
  assert.ok((await delays()).includes('40 withdrawn'))
  assert.equal(
    (await toldOf(id, accountId)).filter((row) => row.startsWith('in_app delay')).length,
    3,
  )
})

test('staff who cancel for the clinic are not told what they did', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 0)
  await tellEverything()
  const { doctor } = network.people
  await command(doctor, id, 'cancel', { body: { reason: 'The clinic is closed.' } })
  await tellEverything()
  const accountId = await accountOf(doctor)
  const own = (await ledgerOf(id)).filter(
    (row) => row.kind === 'cancelled' && row.account_id === accountId,
  )
  assert.ok(own.length > 0)
  assert.ok(own.every((row) => row.status === 'skipped' && row.status_reason === 'own_step'))
})

test('a new account is welcomed by mail', async () => {
  const as = await signInAs(runtime, { role: 'patient' })
  const accountId = await accountOf(as)
  await runtime.db
    .insertInto('event')
    .values({
      origin: newId(),
      type: 'account.registered',
      subjects: JSON.stringify({ accountId }),
      actor_id: null,
      occurred_at: formatUtc(runtime.clock()),
    })
    .execute()
  await tellEverything()
  const rows = await runtime.db
    .selectFrom('notification')
    .select(['channel', 'kind', 'status'])
    .where('account_id', '=', accountId)
    .orderBy('channel')
    .execute()
  assert.deepEqual(
    rows.map(({ channel, kind, status }) => `${channel} ${kind} ${status}`),
    ['email account queued', 'in_app account sent'],
  )
})

async function giveAccess(patientId: string): Promise<{ as: string; accountId: string }> {
  const carer = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: carer.accountId,
      patient_id: patientId,
      relation: 'carer',
      scope: 'manage',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  return carer
}

test('who came to act for the patient after the booking hears that the visit is off, or where it went', async () => {
  const network = await openNetwork()
  const { id, patientId } = await makeVisit(network, 0)
  const other = await makeVisit(network, 1)
  await tellEverything()
  const carer = await giveAccess(patientId)
  const otherCarer = await giveAccess(other.patientId)
  await command(network.people.deskHere, id, 'cancel', { body: { reason: 'The doctor is ill.' } })
  await command(network.people.deskHere, other.id, 'reschedule', {
    body: { slotId: network.slots[7]!.id },
  })
  await tellEverything()
  assert.ok((await toldOf(id, carer.accountId)).includes('email cancelled queued'))
  assert.ok((await toldOf(other.id, otherCarer.accountId)).includes('email moved queued'))
})

test('a visit of which nobody was told, as from before there was telling, is told when it is called off', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  await skipEarlierNews()
  await command(network.people.deskHere, id, 'cancel', { body: { reason: 'The doctor is ill.' } })
  await tellEverything()
  assert.ok((await toldOf(id, accountId)).includes('email cancelled queued'))
})

test('a note between a step and its undoing keeps nothing in the list', async () => {
  const network = await openNetwork()
  const { id, as } = await makeVisit(network, 0)
  await tellEverything()
  await command(as, id, 'cancel')
  await call(app, `PATCH /appointments/${id}`, {
    as: network.people.deskHere,
    body: { staffNote: 'Called twice' },
  })
  await tellEverything()
  await command(as, id, 'undo')
  await tellEverything()
  assert.deepEqual(await toldOf(id, await accountOf(network.people.doctor)), [
    'email cancelled withdrawn',
    'in_app cancelled withdrawn',
    'in_app confirmed sent',
  ])
})

test('lists that lose a notification are told so too', async () => {
  const network = await openNetwork()
  await changeDoctor(network, { bookingMode: 'on_request' })
  const { id } = await makeVisit(network, 0)
  await tellEverything()
  const desk = await accountOf(network.people.deskHere)
  const { count: before } = await newsEventsOf(desk)
  await command(network.people.doctor, id, 'accept')
  await tellEverything()
  assert.equal((await newsEventsOf(desk)).count, before + 1)
})

async function newsEventsOf(accountId: string): Promise<{ count: number }> {
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'notification.added')
    .execute()
  return {
    count: events.filter(
      ({ subjects }) => (subjects as { accountId?: string }).accountId === accountId,
    ).length,
  }
}

test('what is written after a reading is news, though both are told at once', async () => {
  const network = await openNetwork()
  const { id, as, accountId } = await makeVisit(network, 0)
  const write = (text: string) =>
    call(app, `POST /appointments/${id}/messages`, { as: network.people.doctor, body: { text } })
  const messages = async () =>
    (await toldOf(id, accountId)).filter((row) => row.startsWith('in_app message')).length
  await write('Please come ten minutes early.')
  await tellEverything()
  assert.equal(await messages(), 1)
  await call(app, `POST /appointments/${id}/messages/read`, { as, body: {} })
  await write('And bring your card.')
  await tellEverything()
  assert.equal(await messages(), 2)
  const rows = (await ledgerOf(id)).filter(
    (row) => row.kind === 'message' && row.channel === 'in_app' && row.account_id === accountId,
  )
  assert.deepEqual(
    rows.map(({ read_at }) => read_at !== null),
    [true, false],
  )
})

test('who read the first of two messages hears that there is another', async () => {
  const network = await openNetwork()
  const { id, as, accountId } = await makeVisit(network, 0)
  const write = (text: string) =>
    call(app, `POST /appointments/${id}/messages`, { as: network.people.doctor, body: { text } })
  const first = await write('Please come ten minutes early.')
  await write('And bring your card.')
  await tellEverything()
  const news = async () =>
    (await ledgerOf(id))
      .filter(
        (row) => row.kind === 'message' && row.channel === 'in_app' && row.account_id === accountId,
      )
      .map(({ read_at }) => read_at !== null)
  assert.deepEqual(await news(), [false])
  await call(app, `POST /appointments/${id}/messages/read`, { as, body: { until: first.body.id } })
  await tellEverything()
  assert.deepEqual(await news(), [true, false])
  await call(app, `POST /appointments/${id}/messages/read`, { as, body: {} })
  await tellEverything()
  assert.deepEqual(await news(), [true, true])
})

test('who does not look into the app is mailed again of new messages a day later', async () => {
  const network = await openNetwork()
  const { id, as, accountId } = await makeVisit(network, 90)
  const write = () =>
    call(app, `POST /appointments/${id}/messages`, {
      as: network.people.doctor,
      body: { text: 'Please call us.' },
    })
  const mails = async () =>
    (await toldOf(id, accountId)).filter((row) => row.startsWith('email message')).length
  const later = (hours: number) => () => runtime.clock() + hours * 3_600_000
  const first = await write()
  await tellEverything(later(0))
  await write()
  await tellEverything(later(23))
  assert.equal(await mails(), 1)
  await write()
  await tellEverything(later(25))
  assert.equal(await mails(), 2)

  // Reading the first message is no reading of those that the second mail was about.
  await call(app, `POST /appointments/${id}/messages/read`, { as, body: { until: first.body.id } })
  await tellEverything(later(26))
  const rows = (await ledgerOf(id)).filter(
    (row) => row.kind === 'message' && row.channel === 'in_app' && row.account_id === accountId,
  )
  assert.deepEqual(
    rows.map(({ read_at }) => read_at !== null),
    [true, false],
  )
})

test('a time that is held for someone is told at once, with the visit that they have', async () => {
  const network = await fullNetwork()
  const waiting = await waitWith(network, 3)
  await free(network, 0)
  await workAt((await tomorrowAt()) + 120_000)
  await tellEverything(() => runtime.clock())
  const offer = await runtime.db
    .selectFrom('waitlist_offer')
    .select('appointment_id')
    .where('entry_id', '=', waiting.entryId)
    .executeTakeFirstOrThrow()
  const rows = await ledgerOf(offer.appointment_id)
  assert.deepEqual(
    rows.map(({ channel, kind, status, account_id }) => [channel, kind, status, account_id]),
    [
      ['in_app', 'waitlist_offer', 'sent', waiting.accountId],
      ['email', 'waitlist_offer', 'queued', waiting.accountId],
    ],
  )
  const facts = await loadFacts(runtime, rows)
  const { visit, formerVisit, heldUntil } = facts.get(rows[0]!.id)!
  assert.equal(visit!.startsAt, parseInstant(network.near[0]!.startsAt))
  assert.equal(formerVisit!.startsAt, parseInstant(network.far[3]!.startsAt))
  assert.equal(heldUntil, rows[0]!.expires_at)
})

test('a link to a record is mailed where a date of birth protects the record, and not elsewhere', async () => {
  const network = await openNetwork()
  const as = network.people.deskHere
  const links = async (person: object) => {
    const { body } = await call(app, 'POST /patients', {
      as,
      body: { name: `Rosa ${newId()}`, email: `${newId()}@example.org`, ...person },
    })
    const made = await call(app, `POST /patients/${body.id}/claim-links`, { as })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    await tellEverything()
    return runtime.db
      .selectFrom('notification')
      .select(['kind', 'channel', 'status'])
      .where('patient_id', '=', body.id)
      .execute()
  }
  assert.deepEqual(await links({ dateOfBirth: '1980-02-03' }), [
    { kind: 'claim_link', channel: 'email', status: 'queued' },
  ])
  assert.deepEqual(await links({}), [])
})

test('an event that cannot be told is passed over, and those around it are told', async () => {
  const network = await openNetwork()
  const before = await makeVisit(network, 0)
  await runtime.db
    .insertInto('event')
    .values({
      origin: newId(),
      type: 'account.registered',
      subjects: JSON.stringify({ accountId: 'no uuid' }),
      actor_id: null,
      occurred_at: formatUtc(runtime.clock()),
    })
    .execute()
  const after = await makeVisit(network, 1)
  const trouble = noTrouble()
  let refusals = 0
  for (let round = 0; round < 400; round += 1)
    try {
      if (!(await tellOrPassOver(runtime, trouble))) break
    } catch {
      refusals += 1
    }
  assert.equal(refusals, 2, 'it was tried three times')
  for (const { id, accountId } of [before, after])
    assert.equal((await toldOf(id, accountId)).length, 2)
  assert.match(logged(), /"type":"account.registered".*an event could not be told/)
})
