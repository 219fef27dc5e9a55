import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf, type Network } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { createEventBus, followEvents } from '#src/events/events.ts'
import { currentCursor } from '#src/events/queries.ts'
import { createBoard } from './board.ts'
import { availabilityOf } from './search.ts'
import { parseSlotId, slotId } from './slot-id.ts'

const { app, runtime } = await testVisita()

/** Three more doctors of the network's specialty, clinic and visit type. */
async function addColleagues({ people, ...network }: Network, hours: [string, string][]) {
  const ids: string[] = []
  for (const [from, to] of hours) {
    const { body } = await call(app, 'POST /doctors', {
      as: people.admin,
      body: {
        name: `Colleague ${from}`,
        specialtyIds: [network.specialtyId],
        clinicIds: [network.clinicId],
        visitTypeIds: [network.visitTypeId],
      },
    })
    const week = [1, 2, 3, 4, 5, 6, 7]
    const rules = week.map((weekday) => ({ clinicId: network.clinicId, weekday, from, to }))
    await call(app, `PUT /doctors/${body.id}/hours`, { as: people.admin, body: { hours: rules } })
    ids.push(body.id)
  }
  return ids
}

async function allPages(path: string): Promise<Record<string, string>[]> {
  const items: Record<string, string>[] = []
  let cursor = ''
  for (;;) {
    const { status, body } = await call(app, `GET ${path}${cursor}`)
    assert.equal(status, 200)
    items.push(...body.items)
    if (body.nextCursor === null) return items
    cursor = `&cursor=${body.nextCursor}`
  }
}

test('the pages of slots across doctors hold each open time once, soonest first', async () => {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const others = await addColleagues(network, [
    ['09:00', '11:00'],
    ['09:00', '11:00'],
    ['10:15', '13:00'],
  ])
  const range = `from=${dateIn(1)}&to=${dateIn(3)}`
  const found = await allPages(`/slots?specialty=${network.specialtyId}&${range}&limit=7`)
  const expected: string[] = []
  for (const id of [network.doctorId, ...others]) {
    const { body } = await call(app, `GET /doctors/${id}/availability?${range}`)
    for (const { slots } of body.days)
      expected.push(...slots.map((slot: { id: string }) => slot.id))
  }
  assert.deepEqual(found.map(({ id }) => id).sort(), expected.sort())
  const starts = found.map(({ startsAt }) => startsAt!)
  assert.deepEqual(starts, starts.toSorted())
})

test('doctors come soonest first, each once over the pages, those without a time last', async () => {
  const network = await makeNetwork(runtime)
  const [early, late] = await addColleagues(network, [
    ['08:00', '09:00'],
    ['15:00', '16:00'],
  ])
  const found = await allPages(
    `/doctors?specialty=${network.specialtyId}&from=${dateIn(2)}&limit=1`,
  )
  assert.deepEqual(
    found.map(({ id }) => id),
    [early, late, network.doctorId],
  )
})

test('with a date, only doctors with an open time on that day are found', async () => {
  const network = await makeNetwork(runtime)
  const [busy, free] = await addColleagues(network, [
    ['08:00', '08:30'],
    ['08:00', '09:00'],
  ])
  const date = dateIn(3)
  const { as } = await makePatient(runtime)
  const { body } = await call(app, `GET /doctors/${busy}/availability?from=${date}&to=${date}`)
  await book(app, as, { slotId: body.days[0].slots[0].id })
  const found = await allPages(`/doctors?specialty=${network.specialtyId}&date=${date}`)
  assert.deepEqual(
    found.map(({ id }) => id),
    [free],
  )
})

test('a specialty is found by id, code and name, a doctor by part of a name', async () => {
  const network = await makeNetwork(runtime)
  const [id] = await addColleagues(network, [['08:00', '09:00']])
  const name = `Łucja ${newId()}`
  await call(app, `PATCH /doctors/${id}`, {
    as: network.people.admin,
    body: { name, languages: ['pt-BR'] },
  })
  const byName = encodeURIComponent(`SPECIALTY ${network.specialtyId}`)
  for (const query of [
    `specialty=${network.specialtyId}&q=colleague`,
    `specialty=s-${network.specialtyId}&language=pt`,
    `specialty=${byName}&clinicId=${network.clinicId}&language=PT-br`,
    `q=${encodeURIComponent(name.slice(2).toUpperCase())}`,
  ]) {
    const found = await allPages(`/doctors?${query}`)
    assert.equal(found.length, query.includes('colleague') ? 0 : 1, query)
  }
})

test('every day asked for is listed, and the next open date lies after them', async () => {
  const network = await makeNetwork(runtime)
  const [id] = await addColleagues(network, [['08:00', '09:00']])
  await call(app, `POST /doctors/${id}/time-off`, {
    as: network.people.admin,
    body: { startsAt: `${dateIn(2)}T00:00:00+01:00`, endsAt: `${dateIn(6)}T00:00:00+01:00` },
  })
  const { body } = await call(
    app,
    `GET /doctors/${id}/availability?from=${dateIn(2)}&to=${dateIn(4)}`,
  )
  assert.deepEqual(
    body.days.map(({ date, slots }: { date: string; slots: [] }) => [date, slots.length]),
    [2, 3, 4].map((days) => [dateIn(days), 0]),
  )
  assert.ok(body.nextOpenDate >= dateIn(5))
})

test('a patient is not shown what only known patients may book', async () => {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const { as } = await makePatient(runtime)
  const path =
    `/doctors/${network.doctorId}/availability?from=${dateIn(1)}&to=${dateIn(1)}` as const
  const countFor = async (who?: string) =>
    (await call(app, `GET ${path}`, { as: who })).body.days[0].slots.length
  assert.ok((await countFor(as)) > 0)
  await call(app, `PATCH /doctors/${network.doctorId}`, {
    as: network.people.admin,
    body: { acceptingNewPatients: false },
  })
  assert.equal(await countFor(as), 0)
  assert.ok((await countFor()) > 0)
  assert.ok((await countFor(network.people.deskHere)) > 0)
})

test('dates that make no sense are refused by name', async () => {
  const { doctorId, otherClinicId, otherClinicVisitTypeId } = await makeNetwork(runtime)
  for (const [query, pointer] of [
    ['from=2026-02-30', '/from'],
    ['from=9999-12-31', '/from'],
    ['from=0001-01-01', '/from'],
    [`from=${dateIn(5)}&to=${dateIn(4)}`, '/to'],
    [`from=${dateIn(0)}&to=${dateIn(62)}`, '/to'],
    [`clinicId=${otherClinicId}`, '/clinicId'],
    [`visitTypeId=${otherClinicVisitTypeId}`, '/visitTypeId'],
    ['form=2026-01-01', '/form'],
  ] as const) {
    const answer = await call(app, `GET /doctors/${doctorId}/availability?${query}`)
    assert.equal(answer.status, 422, query)
    assert.deepEqual(pointersOf(answer), [pointer])
  }
  assert.equal((await call(app, `GET /doctors/${newId()}/availability`)).status, 404)
  assert.equal((await call(app, 'GET /slots?cursor=nonsense')).status, 422)
})

test('what another process books or changes leaves the memory of this one', async () => {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const events = createEventBus()
  const elsewhere = { ...runtime, events, board: createBoard({ ...runtime, events }) }
  const stop = new AbortController()
  const following = followEvents({
    db: runtime.db,
    events,
    cursor: await currentCursor(runtime.db),
    signal: stop.signal,
    pauseMilliseconds: 1,
    onError: (error) => assert.fail(String(error)),
  })
  const context = { ...elsewhere, actor: null, requestId: 'test', clientAddress: null }
  const range = { from: dateIn(0), to: dateIn(2) }
  const countOpen = async () => {
    const { days } = await availabilityOf(context, network.doctorId, range)
    return days.flatMap(({ slots }) => slots).length
  }
  const before = await countOpen()
  const { as } = await makePatient(runtime)
  const [slot] = await openSlots(app, network.doctorId)
  assert.equal((await book(app, as, { slotId: slot!.id })).status, 201)
  while ((await countOpen()) !== before - 1) await new Promise(setImmediate)
  stop.abort()
  await following
})

test('a slot id says which slot it is, and nothing else passes for one', () => {
  const slot = {
    doctorId: newId(),
    clinicId: newId(),
    visitTypeId: newId(),
    startsAt: 1_795_000_000_000,
  }
  assert.deepEqual(parseSlotId(slotId(slot)), slot)
  for (const text of ['', 'x', slotId(slot).slice(1), `${slotId(slot)}=`, `${slotId(slot)}AAAA`])
    assert.equal(parseSlotId(text), null)
})

function dateIn(days: number): string {
  return new Date(runtime.clock() + days * 86_400_000).toISOString().slice(0, 10)
}
