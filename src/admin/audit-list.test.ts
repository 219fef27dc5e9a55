import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { decodeJwt } from 'jose'
import { record } from '#src/audit/audit.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, type Network } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

async function list(network: Network, query: string) {
  const { status, body } = await call(app, `GET /admin/audit?${query}`, {
    as: network.people.admin,
  })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

test('the audit is listed newest first by who, what, to what, refused or not, and when', async () => {
  const network = await makeNetwork(runtime)
  const { as, accountId, patientId } = await makePatient(runtime)
  const stranger = await makePatient(runtime)
  await call(app, `GET /patients/${patientId}`, { as })
  await call(app, `GET /patients/${patientId}`, { as: stranger.as })
  await call(app, `PATCH /patients/${patientId}`, { as, body: { phone: '+33 1 42 68 53 00' } })
  await runtime.db
    .updateTable('account')
    .set({ name: 'Anna Renamed' })
    .where('id', '=', accountId)
    .execute()
  const subject = `subjectType=patient&subjectId=${patientId}`
  const actions = async (query: string) =>
    (await list(network, query)).items.map(
      ({ action, allowed }: { action: string; allowed: boolean }) => `${action} ${allowed}`,
    )
  assert.deepEqual(await actions(subject), [
    'patient.change true',
    'patient.read false',
    'patient.read true',
  ])
  assert.deepEqual(await actions(`${subject}&allowed=false`), ['patient.read false'])
  assert.deepEqual(await actions(`${subject}&action=patient.change`), ['patient.change true'])
  assert.deepEqual(await actions(`actorId=${stranger.accountId}`), ['patient.read false'])
  assert.deepEqual(await actions(`${subject}&to=2020-01-01T00:00:00Z`), [])
  const [newest] = (await list(network, subject)).items
  assert.deepEqual(newest.actor, { id: accountId, name: 'Anna Renamed', role: 'patient' })
  const from = encodeURIComponent(newest.occurredAt)
  assert.equal((await actions(`${subject}&from=${from}&limit=1`))[0], 'patient.change true')

  const first = await list(network, `${subject}&limit=2`)
  const second = await list(network, `${subject}&limit=2&cursor=${first.nextCursor}`)
  assert.deepEqual([first.items.length, second.items.length, second.nextCursor], [2, 1, null])
})

test('the audit is listed by an action of three words as by one of two', async () => {
  const network = await makeNetwork(runtime)
  const { as, patientId } = await makePatient(runtime)
  await call(app, `GET /patients/${patientId}/dashboard`, { as })
  const query = `action=patient.dashboard.read&subjectType=patient&subjectId=${patientId}`
  assert.equal((await list(network, query)).items.length, 1)
})

test('reading the audit is audited, with what was asked for', async () => {
  const network = await makeNetwork(runtime)
  const subjectId = newId()
  await list(network, `subjectId=${subjectId}&subjectType=patient`)
  await app.inject({
    url: `/api/v1/admin/audit.csv?subjectId=${subjectId}`,
    headers: { authorization: network.people.admin },
  })
  const actorId = decodeJwt(network.people.admin.slice('Bearer '.length)).sub
  const { items } = await list(network, `actorId=${actorId}`)
  assert.deepEqual(
    items.map(({ action, details }: { action: string; details: object }) => [action, details]),
    [
      ['audit.export', { subjectId }],
      ['audit.list', { subjectId, subjectType: 'patient' }],
    ],
  )
})

test('a file of the audit says what the list says, and no cell is a formula', async () => {
  const network = await makeNetwork(runtime)
  const { accountId } = await makePatient(runtime)
  const subjectId = newId()
  const names = ['=1+1', '+1', '-1', '@sum(a1)', '\tx', '\rx']
  const happenedAt = runtime.clock() - 3_600_000
  for (const [index, name] of names.entries()) {
    await runtime.db.updateTable('account').set({ name }).where('id', '=', accountId).execute()
    const actor = { accountId } as never
    const context = { actor, clock: () => happenedAt + index, requestId: name }
    await record(context, runtime.db, { action: 'test.read', subjectType: 'test', subjectId })
  }
  const answer = await app.inject({
    url: `/api/v1/admin/audit.csv?subjectId=${subjectId}`,
    headers: { authorization: network.people.admin },
  })
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.headers['content-type'], 'text/csv; charset=utf-8')
  assert.equal(answer.headers['content-disposition'], 'attachment; filename="audit.csv"')
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers.link, undefined)
  const rows: Record<string, string>[] = parse(answer.body, { bom: true, columns: true })
  assert.deepEqual(
    rows.map(({ requestId }) => requestId),
    names.map((name) => `'${name}`).toReversed(),
  )
  const entries = (await list(network, `subjectId=${subjectId}`)).items
  assert.deepEqual(
    rows.map(({ id, allowed }) => [id, allowed]),
    entries.map(({ id }: Record<string, string>) => [id, 'yes']),
  )
  assert.ok(rows.every(({ actorName }) => actorName === "'\rx"))
  assert.deepEqual(
    rows.map(({ occurredAt }) => occurredAt),
    names.map((_name, index) => formatUtc(happenedAt + index)).toReversed(),
  )
})
