import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { visitTypeById } from './visit-type-queries.ts'

const followUp = { name: 'Follow-up', durationMinutes: 20 }
const video = { ...followUp, mode: 'video', videoLink: 'https://video.example.org/canal' }

async function scheduleVersion(runtime: Runtime, visitTypeId: string): Promise<number> {
  return (await visitTypeById(runtime.db, visitTypeId))!.schedule_version
}

/** All pages of the list, which has the network's visit types that other tests made, too. */
async function listed(query: string, as?: string): Promise<AnswerBody[]> {
  const { app } = await testVisita()
  const items: AnswerBody[] = []
  let cursor = ''
  do {
    const page = await call(app, `GET /visit-types?limit=50${query}${cursor}`, { as })
    items.push(...page.body.items)
    cursor = page.body.nextCursor === null ? '' : `&cursor=${page.body.nextCursor}`
  } while (cursor !== '')
  return items
}

async function idsListed(query: string, as?: string): Promise<string[]> {
  return (await listed(query, as)).map(({ id }) => id)
}

test('visit types of a clinic are added by its front desk, those of the network by admins', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const ofClinic = { ...followUp, clinicId }
  assert.equal((await call(app, 'POST /visit-types', { body: ofClinic })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await call(app, 'POST /visit-types', { as, body: ofClinic })).status, 403)
  assert.equal(
    (await call(app, 'POST /visit-types', { as: people.deskHere, body: followUp })).status,
    403,
  )
  const added = await call(app, 'POST /visit-types', { as: people.deskHere, body: ofClinic })
  assert.equal(added.status, 201)
  assert.deepEqual(added.body, {
    id: added.body.id,
    ...ofClinic,
    bufferBeforeMinutes: 0,
    bufferAfterMinutes: 0,
    mode: 'in_person',
    whoMayBook: 'anyone',
    status: 'active',
    version: 1,
  })
  const ofNetwork = await call(app, 'POST /visit-types', { as: people.admin, body: followUp })
  assert.equal(ofNetwork.status, 201)
  assert.equal(ofNetwork.body.clinicId, undefined)
})

test('a visit type that cannot be is refused by the field that is wrong', async () => {
  const { app, runtime } = await testVisita()
  const { admin: as } = (await makeNetwork(runtime)).people
  const cases: [object, string][] = [
    [{ durationMinutes: 4 }, '/durationMinutes'],
    [{ durationMinutes: '20' }, '/durationMinutes'],
    [{ bufferAfterMinutes: 241 }, '/bufferAfterMinutes'],
    [{ mode: 'telepathy' }, '/mode'],
    [{ videoLink: 'https://video.example.org/canal' }, '/videoLink'],
    [{ mode: 'video', videoLink: 'http://video.example.org/' }, '/videoLink'],
    [{ mode: 'video', videoLink: 'https://' }, '/videoLink'],
    [{ mode: 'video', videoLink: 'javascript:alert(1)' }, '/videoLink'],
    [{ clinicId: newId() }, '/clinicId'],
    [{ status: 'retired' }, '/status'],
  ]
  for (const [change, pointer] of cases) {
    const body = { ...followUp, ...change }
    const refused = await call(app, 'POST /visit-types', { as, body })
    assert.equal(refused.status, 422, JSON.stringify(change))
    assert.deepEqual([...new Set(pointersOf(refused))], [pointer])
  }
})

test('a video link is shown to staff of the clinic and to nobody else', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const body = { ...video, clinicId }
  const { id } = (await call(app, 'POST /visit-types', { as: people.deskHere, body })).body
  const links = async (as?: string) => {
    const shown = await call(app, `GET /visit-types/${id}`, { as })
    const row = (await listed(`&clinicId=${clinicId}`, as)).find((item) => item.id === id)
    return [shown.body.videoLink, row.videoLink]
  }
  for (const as of [undefined, people.patient, people.deskElsewhere])
    assert.deepEqual(await links(as), [undefined, undefined])
  for (const as of [people.admin, people.deskHere, people.doctor])
    assert.deepEqual(await links(as), [video.videoLink, video.videoLink])
})

test('a visit type that only staff may book is known to staff of the clinic alone', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const body = { ...followUp, clinicId, whoMayBook: 'staff' }
  const { id } = (await call(app, 'POST /visit-types', { as: people.deskHere, body })).body
  const list = `&clinicId=${clinicId}`
  for (const as of [undefined, people.patient, people.deskElsewhere]) {
    assert.equal((await call(app, `GET /visit-types/${id}`, { as })).status, 404)
    assert.ok(!(await idsListed(list, as)).includes(id))
  }
  const patch = { as: people.deskElsewhere, body: { name: 'Mine' } }
  assert.equal((await call(app, `PATCH /visit-types/${id}`, patch)).status, 404)
  for (const as of [people.admin, people.deskHere, people.doctor]) {
    assert.equal((await call(app, `GET /visit-types/${id}`, { as })).status, 200)
    assert.ok((await idsListed(list, as)).includes(id))
  }
})

test("a list has the clinic's and the network's visit types, or those of one doctor", async () => {
  const { runtime } = await testVisita()
  const network = await makeNetwork(runtime)
  const { visitTypeId, clinicVisitTypeId, otherClinicVisitTypeId } = network
  const all = async (query: string) => {
    const ids = await idsListed(query)
    assert.equal(new Set(ids).size, ids.length)
    return ids
  }
  const ofClinic = await all(`&clinicId=${network.clinicId}`)
  assert.ok(ofClinic.includes(visitTypeId) && ofClinic.includes(clinicVisitTypeId))
  assert.ok(!ofClinic.includes(otherClinicVisitTypeId))
  assert.deepEqual(
    new Set(await all(`&doctorId=${network.doctorId}`)),
    new Set([visitTypeId, clinicVisitTypeId]),
  )
})

test('a retired visit type is listed for staff alone, and still shown to who knows it', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, clinicVisitTypeId: id, people } = await makeNetwork(runtime)
  const as = people.deskHere
  await call(app, `PATCH /visit-types/${id}`, { as, body: { status: 'retired' } })
  assert.equal((await call(app, `GET /visit-types/${id}`)).body.status, 'retired')
  const list = `&clinicId=${clinicId}`
  assert.ok(!(await idsListed(list)).includes(id))
  assert.ok(!(await idsListed(`${list}&status=retired`)).includes(id))
  assert.ok((await idsListed(`${list}&status=retired`, as)).includes(id))
})

test('a visit type is changed by admins and the front desk of its clinic alone', async () => {
  const { app, runtime } = await testVisita()
  const { visitTypeId, clinicVisitTypeId, people } = await makeNetwork(runtime)
  const body = { name: 'Renamed' }
  const path = `PATCH /visit-types/${clinicVisitTypeId}` as const
  assert.equal((await call(app, path, { body })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await call(app, path, { as, body })).status, 403)
  for (const as of [people.admin, people.deskHere])
    assert.equal((await call(app, path, { as, body })).status, 200)
  const ofNetwork = `PATCH /visit-types/${visitTypeId}` as const
  assert.equal((await call(app, ofNetwork, { as: people.deskHere, body })).status, 403)
  assert.equal(
    (await call(app, `PATCH /visit-types/${newId()}`, { as: people.admin, body })).status,
    404,
  )
})

test('what open times depend on raises the schedule version, the rest does not', async () => {
  const { app, runtime } = await testVisita()
  const { clinicVisitTypeId: id, people } = await makeNetwork(runtime)
  const raisedBy = async (body: object) => {
    const before = await scheduleVersion(runtime, id)
    const changed = await call(app, `PATCH /visit-types/${id}`, { as: people.admin, body })
    assert.equal(changed.status, 200, JSON.stringify(changed.body))
    return (await scheduleVersion(runtime, id)) - before
  }
  for (const body of [{ name: 'Other' }, { mode: 'phone' }, { instructions: 'Come early.' }])
    assert.equal(await raisedBy(body), 0, JSON.stringify(body))
  for (const body of [
    { durationMinutes: 45 },
    { bufferBeforeMinutes: 5 },
    { bufferAfterMinutes: 5 },
    { stepMinutes: 15 },
    { stepMinutes: null },
    { whoMayBook: 'staff' },
    { bookingMode: 'on_request' },
    { roomKind: 'ultrasound' },
    { status: 'retired' },
  ])
    assert.equal(await raisedBy(body), 1, JSON.stringify(body))
})

test('a change that is based on an older version is refused and changes nothing', async () => {
  const { app, runtime } = await testVisita()
  const { clinicVisitTypeId: id, people } = await makeNetwork(runtime)
  const change = (ifMatch: string, durationMinutes: number) =>
    call(app, `PATCH /visit-types/${id}`, {
      as: people.admin,
      ifMatch,
      body: { durationMinutes },
    })
  assert.equal((await change('"1"', 45)).status, 200)
  assert.equal((await change('"1"', 60)).status, 412)
  assert.equal((await call(app, `GET /visit-types/${id}`)).body.durationMinutes, 45)
  assert.equal((await change('2', 60)).status, 422)
})

test('a visit that is no longer by video has no video link', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const as = people.deskHere
  const added = await call(app, 'POST /visit-types', { as, body: { ...video, clinicId } })
  const path = `PATCH /visit-types/${added.body.id}` as const
  const phone = await call(app, path, { as, body: { mode: 'phone' } })
  assert.equal(phone.body.videoLink, undefined)
  const again = await call(app, path, { as, body: { mode: 'video' } })
  assert.equal(again.body.videoLink, undefined)
  const stray = { mode: 'in_person', videoLink: video.videoLink }
  assert.equal((await call(app, path, { as, body: stray })).status, 422)
})
