import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf, type Answer } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { clinicById } from './clinic-queries.ts'

const christmas = { startsOn: '2031-12-24', endsOn: '2031-12-26', from: '12:00', name: 'Christmas' }

async function scheduleVersion(runtime: Runtime, clinicId: string): Promise<number> {
  return (await clinicById(runtime.db, clinicId))!.schedule_version
}

function holidays(...lines: string[]): string {
  const events = lines.map(
    (line, index) =>
      `BEGIN:VEVENT\r\nUID:${index}@holidays.example.org\r\n${line}\r\nSUMMARY:Day ${index}\r\nEND:VEVENT\r\n`,
  )
  return `BEGIN:VCALENDAR\r\n${events.join('')}END:VCALENDAR\r\n`
}

async function upload(
  app: App,
  clinicId: string,
  options: { as?: string; file: string | Buffer; type?: string },
): Promise<Pick<Answer, 'status' | 'body'>> {
  const answer = await app.inject({
    method: 'POST',
    url: `/api/v1/clinics/${clinicId}/closures/import`,
    headers: {
      'content-type': options.type ?? 'text/calendar; charset=utf-8',
      ...(options.as !== undefined && { authorization: options.as }),
    },
    payload: options.file,
  })
  return { status: answer.statusCode, body: answer.json() }
}

test('a clinic is closed and opened by admins and its own front desk alone', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, otherClinicId, people } = await makeNetwork(runtime)
  const path = `/clinics/${clinicId}/closures`
  for (const as of [people.admin, people.deskHere]) {
    const before = await scheduleVersion(runtime, clinicId)
    const added = await call(app, `POST ${path}`, { as, body: christmas })
    assert.equal(added.status, 201)
    assert.deepEqual(added.body, { id: added.body.id, clinicId, ...christmas })
    assert.equal(await scheduleVersion(runtime, clinicId), before + 1)

    const closure = `${path}/${added.body.id}`
    assert.equal((await call(app, `DELETE ${closure}`)).status, 401)
    for (const other of [people.patient, people.doctor, people.deskElsewhere])
      assert.equal((await call(app, `DELETE ${closure}`, { as: other })).status, 403)
    const elsewhere = `/clinics/${otherClinicId}/closures/${added.body.id}`
    for (const other of [people.deskElsewhere, people.admin])
      assert.equal((await call(app, `DELETE ${elsewhere}`, { as: other })).status, 404)
    assert.equal((await call(app, `DELETE ${closure}`, { as })).status, 204)
    assert.equal(await scheduleVersion(runtime, clinicId), before + 2)
    assert.equal((await call(app, `DELETE ${closure}`, { as })).status, 404)
    assert.equal(await scheduleVersion(runtime, clinicId), before + 2)
  }
  assert.equal((await call(app, `POST ${path}`, { body: christmas })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await call(app, `POST ${path}`, { as, body: christmas })).status, 403)
  const nowhere = `POST /clinics/${newId()}/closures` as const
  assert.equal((await call(app, nowhere, { as: people.admin, body: christmas })).status, 404)
})

test('a closure that is no stretch of time is refused by the field that is wrong', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const cases: [object, string][] = [
    [{ endsOn: '2031-12-23' }, '/endsOn'],
    [{ startsOn: '2031-02-29' }, '/startsOn'],
    [{ from: '24:00' }, '/from'],
    [{ from: '9:00' }, '/from'],
    [{ to: '00:00' }, '/to'],
    [{ endsOn: '2031-12-24', to: '12:00' }, '/to'],
    [{ name: ' ' }, '/name'],
    [{ clinicId: newId() }, '/clinicId'],
  ]
  for (const [change, pointer] of cases) {
    const body = { ...christmas, ...change }
    const as = people.deskHere
    const refused = await call(app, `POST /clinics/${clinicId}/closures`, { as, body })
    assert.equal(refused.status, 422, pointer)
    assert.deepEqual(pointersOf(refused), [pointer])
  }
})

test('anyone sees the closures that touch the dates they ask for, soonest first', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const path = `/clinics/${clinicId}/closures`
  for (const [startsOn, endsOn] of [
    ['2031-05-01', '2031-05-01'],
    ['2031-12-24', '2032-01-02'],
    ['2031-01-01', '2031-01-01'],
  ])
    await call(app, `POST ${path}`, {
      as: people.admin,
      body: { startsOn, endsOn, name: 'Closed' },
    })
  const starts = async (query: string) =>
    (await call(app, `GET ${path}${query}`)).body.items.map(
      ({ startsOn }: { startsOn: string }) => startsOn,
    )
  assert.deepEqual(await starts(''), ['2031-01-01', '2031-05-01', '2031-12-24'])
  assert.deepEqual(await starts('?from=2032-01-02'), ['2031-12-24'])
  assert.deepEqual(await starts('?from=2031-01-01&to=2031-05-01'), ['2031-01-01', '2031-05-01'])
  const first = await call(app, `GET ${path}?limit=2`)
  assert.deepEqual(await starts(`?limit=2&cursor=${first.body.nextCursor}`), ['2031-12-24'])
  assert.equal((await call(app, `GET ${path}?from=2032-01-01&to=2031-01-01`)).status, 422)
  assert.equal((await call(app, `GET /clinics/${newId()}/closures`)).status, 404)
})

test('importing the same holidays again changes nothing, a longer holiday replaces itself', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const before = await scheduleVersion(runtime, clinicId)
  const file = holidays(
    'DTSTART;VALUE=DATE:20310501',
    'DTSTART;VALUE=DATE:20311225\r\nDTEND;VALUE=DATE:20311227',
    'DTSTART;VALUE=DATE:20310508\r\nSTATUS:CANCELLED',
  )
  const skipped = [{ summary: 'Day 2', reason: 'is cancelled' }]
  const as = people.deskHere
  assert.deepEqual((await upload(app, clinicId, { as, file })).body, {
    imported: 2,
    unchanged: 0,
    skipped,
  })
  assert.ok((await scheduleVersion(runtime, clinicId)) > before)
  assert.deepEqual((await upload(app, clinicId, { as, file })).body, {
    imported: 0,
    unchanged: 2,
    skipped,
  })
  const longer = file.replace('20311227', '20311228')
  assert.equal((await upload(app, clinicId, { as, file: longer })).body.imported, 1)
  const listed = await call(app, `GET /clinics/${clinicId}/closures`)
  assert.deepEqual(
    listed.body.items.map((closure: { startsOn: string; endsOn: string }) => [
      closure.startsOn,
      closure.endsOn,
    ]),
    [
      ['2031-05-01', '2031-05-01'],
      ['2031-12-25', '2031-12-27'],
    ],
  )
})

test('holidays that return each year are there for this year and the next three', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const file = holidays('DTSTART;VALUE=DATE:20000714\r\nRRULE:FREQ=YEARLY')
  const answer = await upload(app, clinicId, { as: people.admin, file })
  assert.deepEqual(answer.body, { imported: 4, unchanged: 0, skipped: [] })
})

test('a holiday file is taken from admins and the front desk of the clinic alone', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const file = holidays('DTSTART;VALUE=DATE:20310501')
  assert.equal((await upload(app, clinicId, { file })).status, 401)
  for (const as of [people.patient, people.doctor, people.deskElsewhere])
    assert.equal((await upload(app, clinicId, { as, file })).status, 403)
  assert.equal((await upload(app, newId(), { as: people.admin, file })).status, 404)
})

test('a file that is no calendar is refused with what is wrong and imports nothing', async () => {
  const { app, runtime } = await testVisita()
  const { clinicId, people } = await makeNetwork(runtime)
  const as = people.deskHere
  const good = holidays('DTSTART;VALUE=DATE:20310501')
  const broken = await upload(app, clinicId, { as, file: good.replace('END:VCALENDAR', 'oops') })
  assert.equal(broken.status, 422)
  assert.match(broken.body.detail, /Line 7 /)
  assert.equal((await upload(app, clinicId, { as, file: '' })).status, 422)
  const latin1 = Buffer.from(good.replace('Day', 'é'), 'latin1')
  assert.equal((await upload(app, clinicId, { as, file: latin1 })).status, 400)
  const large = `${good}${' '.repeat(1024 * 1024)}`
  assert.equal((await upload(app, clinicId, { as, file: large })).status, 413)
  assert.equal(
    (await upload(app, clinicId, { as, file: '{}', type: 'application/json' })).status,
    415,
  )
  const listed = await call(app, `GET /clinics/${clinicId}/closures`)
  assert.deepEqual(listed.body.items, [])
})
