import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call } from '#test/support/network.ts'
import { writeNotification } from '#test/support/notifications.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { auditOf, makeVisit, openNetwork } from '#test/support/visits.ts'

const { app, runtime } = await testVisita()
const network = await openNetwork()

/** A patient with a visit, and so many rows about it a second apart, the newest last. */
async function told(count: number, visitIndex: number) {
  const patient = await makeVisit(network, visitIndex)
  const start = runtime.clock() - count * 1000
  const ids: string[] = []
  for (let index = 0; index < count; index += 1)
    ids.push(
      await writeNotification(runtime, {
        account_id: patient.accountId,
        appointment_id: patient.id,
        queued_at: formatUtc(start + index * 1000),
      }),
    )
  const list = (query = '') => call(app, `GET /notifications?${query}`, { as: patient.as })
  return { ...patient, ids, list }
}

const idsOf = (body: { items: { id: string }[] }) => body.items.map(({ id }) => id)

test('an account reads what it was told, newest first and page by page, each once', async () => {
  const { ids, list } = await told(5, 0)
  const seen: string[] = []
  let cursor = ''
  do {
    const { status, body } = await list(`limit=2${cursor}`)
    assert.equal(status, 200)
    assert.equal(body.unreadCount, 5)
    seen.push(...idsOf(body))
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  assert.deepEqual(seen, ids.toReversed())
  assert.equal((await list('cursor=nonsense')).status, 422)
})

test('a notification says who, where and when in the language and at the time of its reader’s clinic', async () => {
  const { id, accountId, visit, list } = await told(1, 1)
  const [item] = (await list()).body.items
  const day = visit.startsAt.slice(8, 10).replace(/^0/, '')
  assert.equal(item.kind, 'confirmed')
  assert.equal(item.appointmentId, id)
  assert.equal(item.readAt, undefined)
  assert.match(
    item.title,
    new RegExp(
      `^Confirmed: \\w+,? ${day} \\w+, ${visit.startsAt.slice(11, 16).replace(/^0/, '')}$`,
    ),
  )
  assert.match(item.text, /^Your appointment with Claire Moreau on .* is confirmed\.$/)
  assert.match(item.createdAt, /\+0[12]:00$/)
  const german = { locale: 'de-AT' }
  await runtime.db.updateTable('account').set(german).where('id', '=', accountId).execute()
  assert.match((await list()).body.items[0].title, /^Bestätigt: .* Uhr$/)
})

test('what is read is counted no more, and is marked once', async () => {
  const { as, ids, list } = await told(3, 2)
  const read = await call(app, `POST /notifications/${ids[1]}/read`, { as })
  assert.deepEqual([read.status, read.body], [200, { unreadCount: 2 }])
  const first = (await list()).body.items.find(({ id }: { id: string }) => id === ids[1])
  assert.ok(first.readAt)
  await call(app, `POST /notifications/${ids[1]}/read`, { as })
  const again = (await list()).body.items.find(({ id }: { id: string }) => id === ids[1])
  assert.equal(again.readAt, first.readAt)
  assert.deepEqual(idsOf((await list('unread=true')).body), [ids[2], ids[0]])
  assert.equal((await list('unread=false')).body.items.length, 3)
})

test('what came unseen since stays unread when everything seen is marked', async () => {
  const { as, ids, list } = await told(3, 3)
  const body = { until: ids[1] }
  const some = await call(app, 'POST /notifications/read', { as, body })
  assert.deepEqual(some.body, { unreadCount: 1 })
  assert.deepEqual(idsOf((await list('unread=true')).body), [ids[2]])
  const all = await call(app, 'POST /notifications/read', { as, body: {} })
  assert.deepEqual(all.body, { unreadCount: 0 })
})

test('an account’s other devices learn that something was read, and of nothing when nothing was', async () => {
  const { as, accountId, ids } = await told(2, 4)
  const heard: unknown[] = []
  runtime.events.subscribe(({ type, subjects }) => {
    if (type === 'notification.read' && subjects.accountId === accountId) heard.push(subjects)
  })
  await call(app, `POST /notifications/${ids[0]}/read`, { as })
  await call(app, `POST /notifications/${ids[0]}/read`, { as })
  await call(app, 'POST /notifications/read', { as, body: {} })
  await call(app, 'POST /notifications/read', { as, body: {} })
  assert.deepEqual(heard, [{ accountId }, { accountId }])
})

test('nobody reads or marks what another account, another channel or nobody was told', async () => {
  const { accountId, as, ids, list, id: appointmentId } = await told(1, 5)
  const other = await makePatient(runtime)
  const about = { account_id: accountId, appointment_id: appointmentId }
  const hidden = [
    await writeNotification(runtime, { ...about, channel: 'email' }),
    await writeNotification(runtime, { ...about, status: 'skipped' }),
  ]
  const theirs = await call(app, 'GET /notifications', { as: other.as })
  assert.deepEqual(theirs.body, { items: [], nextCursor: null, unreadCount: 0 })
  assert.deepEqual(idsOf((await list()).body), ids)
  for (const [header, id] of [
    [other.as, ids[0]!],
    [as, hidden[0]!],
    [as, hidden[1]!],
    [as, newId()],
  ] as const) {
    assert.equal((await call(app, `POST /notifications/${id}/read`, { as: header })).status, 404)
    const until = await call(app, 'POST /notifications/read', { as: header, body: { until: id } })
    assert.equal(until.status, 404)
    assert.equal(until.body.errors[0].pointer, '/until')
  }
  assert.equal((await list()).body.unreadCount, 1)
  await call(app, 'POST /notifications/read', { as: other.as, body: {} })
  assert.equal((await list()).body.unreadCount, 1)
})

test('reading the list leaves an audit row with the visits in it', async () => {
  const { accountId, id, list } = await told(2, 6)
  await list()
  const rows = await auditOf(accountId)
  assert.deepEqual(
    rows.map(({ action, details }) => [action, details]),
    [['notification.list', { appointmentIds: [id] }]],
  )
})
