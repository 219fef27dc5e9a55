import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { clinicById } from './clinic-queries.ts'

const address = { city: 'Lyon', country: 'FR' }

async function scheduleVersion(runtime: Runtime, clinicId: string): Promise<number> {
  return (await clinicById(runtime.db, clinicId))!.schedule_version
}

test('clinics are added by admins alone', async () => {
  const { app, runtime } = await testVisita()
  const { people } = await makeNetwork(runtime)
  const body = { name: ' Saône ', timeZone: 'Europe/Paris', address, phone: '+33 4 72 00 00 00' }
  assert.equal((await call(app, 'POST /clinics', { body })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskHere])
    assert.equal((await call(app, 'POST /clinics', { as, body })).status, 403)
  const added = await call(app, 'POST /clinics', { as: people.admin, body })
  assert.equal(added.status, 201)
  const { id, ...clinic } = added.body
  const rules = {
    changeNoticeMinutesMin: 0,
    requestLapsesMinutes: 2880,
    reminderMinutes: [2880, 120],
    messagesCloseDays: 14,
  }
  assert.deepEqual(clinic, { ...body, ...rules, name: 'Saône', version: 1 })
  const shown = await call(app, `GET /clinics/${id}`)
  assert.deepEqual(shown.body, added.body)
  assert.equal(shown.etag, '"1"')
})

test('a clinic with fields that are unknown, missing or wrong is refused by their names', async () => {
  const { app, runtime } = await testVisita()
  const { admin: as } = (await makeNetwork(runtime)).people
  const wrong = {
    name: '  ',
    timeZone: 'Mars/Base',
    address: { city: 'Lyon', planet: 'Earth' },
    owner: 'me',
  }
  const refused = await call(app, 'POST /clinics', { as, body: wrong })
  assert.equal(refused.status, 422)
  assert.deepEqual(
    new Set(pointersOf(refused)),
    new Set(['/name', '/timeZone', '/address/country', '/address/planet', '/owner']),
  )
  assert.match(refused.body.detail, /Europe\/Paris/)
  for (const timeZone of ['+01:00', 'europe/paris', '', 1])
    assert.equal(
      (await call(app, 'POST /clinics', { as, body: { name: 'x', timeZone, address } })).status,
      422,
    )
})

test('the front desk changes the contact of its own clinic and nothing else', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const path = `PATCH /clinics/${clinicId}` as const
  const body = { phone: '+33 1 42 68 53 00', email: 'canal@example.org' }
  assert.equal((await call(app, path, { body })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await call(app, path, { as, body })).status, 403)
  const changed = await call(app, `PATCH /clinics/${clinicId.toUpperCase()}`, {
    as: people.deskHere,
    body,
  })
  assert.equal(changed.status, 200)
  assert.equal(changed.body.phone, body.phone)
  for (const more of [{ name: 'Mine' }, { timeZone: 'Europe/Berlin' }, { address: { city: 'X' } }])
    assert.equal(
      (await call(app, path, { as: people.deskHere, body: { ...body, ...more } })).status,
      403,
    )
})

test('a change keeps what it does not name, and null takes an optional field away', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const change = (body: object) =>
    call(app, `PATCH /clinics/${clinicId}`, { as: people.admin, body })
  await change({ address: { street: '14 quai de Valmy' }, email: 'canal@example.org' })
  const changed = await change({ email: null, name: 'Canal II' })
  assert.deepEqual(changed.body, {
    id: clinicId,
    name: 'Canal II',
    timeZone: 'Europe/Paris',
    address: { street: '14 quai de Valmy', city: 'Paris', country: 'FR' },
    changeNoticeMinutesMin: 0,
    requestLapsesMinutes: 2880,
    reminderMinutes: [2880, 120],
    messagesCloseDays: 14,
    version: 3,
  })
  assert.deepEqual(pointersOf(await change({ name: null })), ['/name'])
  assert.equal((await change({})).status, 422)
})

test('an admin says how late patients may change a visit, and how long a request waits', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const rules = { changeNoticeMinutesMin: 1440, requestLapsesMinutes: 60 }
  const change = (as: string, body: object) => call(app, `PATCH /clinics/${clinicId}`, { as, body })
  assert.equal((await change(people.deskHere, rules)).status, 403)
  const { body } = await change(people.admin, rules)
  assert.deepEqual([body.changeNoticeMinutesMin, body.requestLapsesMinutes], [1440, 60])
  const wrong = await change(people.admin, { changeNoticeMinutesMin: -1, requestLapsesMinutes: 0 })
  assert.deepEqual(pointersOf(wrong), ['/changeNoticeMinutesMin', '/requestLapsesMinutes'])
})

test('an admin says when patients are reminded, and for how long visits are written about', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const change = (as: string, body: object) => call(app, `PATCH /clinics/${clinicId}`, { as, body })
  const rules = { reminderMinutes: [60, 20_160, 15], messagesCloseDays: 0 }
  assert.equal((await change(people.deskHere, rules)).status, 403)
  const { body } = await change(people.admin, rules)
  assert.deepEqual([body.reminderMinutes, body.messagesCloseDays], [[20_160, 60, 15], 0])
  const none = await change(people.admin, { reminderMinutes: [] })
  assert.deepEqual([none.body.reminderMinutes, none.body.messagesCloseDays], [[], 0])
  for (const [wrong, pointer] of [
    [{ reminderMinutes: [14] }, '/reminderMinutes/0'],
    [{ reminderMinutes: [20_161] }, '/reminderMinutes/0'],
    [{ reminderMinutes: [60.5] }, '/reminderMinutes/0'],
    [{ reminderMinutes: [60, 60] }, '/reminderMinutes'],
    [{ reminderMinutes: [15, 16, 17, 18, 19] }, '/reminderMinutes'],
    [{ messagesCloseDays: -1 }, '/messagesCloseDays'],
    [{ messagesCloseDays: 366 }, '/messagesCloseDays'],
    [{ reminderMinutes: null }, '/reminderMinutes'],
  ] as const)
    assert.deepEqual(pointersOf(await change(people.admin, wrong)), [pointer])
  const shown = await call(app, `GET /clinics/${clinicId}`)
  assert.deepEqual(shown.body, none.body)
})

test('a change that is based on an older version is refused and changes nothing', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const change = (ifMatch: string, timeZone: string) =>
    call(app, `PATCH /clinics/${clinicId}`, { as: people.admin, ifMatch, body: { timeZone } })
  assert.equal((await change('"1"', 'Europe/Berlin')).etag, '"2"')
  const version = await scheduleVersion(runtime, clinicId)
  const stale = await change('"1"', 'Europe/Rome')
  assert.equal(stale.status, 412)
  assert.equal(stale.body.version, 2)
  assert.equal(await scheduleVersion(runtime, clinicId), version)
  assert.equal((await call(app, `GET /clinics/${clinicId}`)).body.timeZone, 'Europe/Berlin')
})

test('a new time zone raises the schedule version, a new telephone number does not', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const before = await scheduleVersion(runtime, clinicId)
  const change = (body: object) =>
    call(app, `PATCH /clinics/${clinicId}`, { as: people.admin, body })
  await change({ phone: '+33 1 42 68 53 00' })
  assert.equal(await scheduleVersion(runtime, clinicId), before)
  await change({ timeZone: 'Europe/Berlin' })
  assert.equal(await scheduleVersion(runtime, clinicId), before + 1)
})

test('a clinic that does not exist is not found, by anyone', async () => {
  const { app, runtime } = await testVisita()
  const { people } = await makeNetwork(runtime)
  assert.equal((await call(app, `GET /clinics/${newId()}`)).status, 404)
  for (const body of [{ name: 'x' }, { timeZone: 'Europe/Berlin' }])
    assert.equal(
      (await call(app, `PATCH /clinics/${newId()}`, { as: people.admin, body })).status,
      404,
    )
})

test('the list has each matching clinic once, by name, whatever the size of its pages', async () => {
  const { app, runtime } = await testVisita()
  const { admin: as } = (await makeNetwork(runtime)).people
  const city = `Ville-${newId()}`
  for (const name of ['Beta', 'alpha', 'Beta', 'Gamma %_'])
    await call(app, 'POST /clinics', {
      as,
      body: { name, timeZone: 'Europe/Paris', address: { city, country: 'FR' } },
    })
  const names: string[] = []
  let cursor = ''
  do {
    const page = await call(app, `GET /clinics?limit=3&city=${city.toLowerCase()}${cursor}`)
    names.push(...page.body.items.map(({ name }: { name: string }) => name))
    cursor = page.body.nextCursor === null ? '' : `&cursor=${page.body.nextCursor}`
  } while (cursor !== '')
  assert.deepEqual(names.toSorted(), ['Beta', 'Beta', 'Gamma %_', 'alpha'])
  const found = await call(app, `GET /clinics?q=${encodeURIComponent('GAMMA %_')}&city=${city}`)
  assert.deepEqual(
    found.body.items.map(({ name }: { name: string }) => name),
    ['Gamma %_'],
  )
  assert.equal((await call(app, 'GET /clinics?cursor=bm9wZQ')).status, 422)
  assert.equal((await call(app, 'GET /clinics?town=Lyon')).status, 422)
})
