import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { testVisita } from '#test/support/visita.ts'
import { createEventBus, followEvents, transact, type NewEvent } from './events.ts'
import { currentCursor, eventsAfter, insertEvents } from './queries.ts'

const { runtime } = await testVisita()

test('an event whose lower number commits later is not skipped', async () => {
  const { db } = runtime
  const doctorId = newId()
  const insert = (tx: typeof db, type: string) =>
    insertEvents(tx, {
      origin: newId(),
      actorId: null,
      occurredAt: runtime.clock(),
      events: [{ type, subjects: { doctorId } }],
    })
  const start = await currentCursor(db)
  const ours = async (cursor: typeof start) =>
    (await eventsAfter(db, cursor, 500)).filter(({ subjects }) => subjects.doctorId === doctorId)

  let finishFirst = () => {}
  const mayFinish = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  let firstHasWritten = () => {}
  const written = new Promise<void>((resolve) => {
    firstHasWritten = resolve
  })
  const first = db.transaction().execute(async (tx) => {
    await insert(tx, 'doctor.first')
    firstHasWritten()
    await mayFinish
  })
  await written
  await insert(db, 'doctor.second')
  assert.deepEqual(await ours(start), [], 'the second is held back while the first runs')
  finishFirst()
  await first
  assert.deepEqual(
    (await ours(start)).map(({ type }) => type),
    ['doctor.first', 'doctor.second'],
  )
})

test('what another process does is heard here, and what this one does is heard once', async () => {
  const { db } = runtime
  const here = createEventBus()
  const there = createEventBus()
  const heard: NewEvent[] = []
  const stop = new AbortController()
  const doctorId = newId()
  let heardEnough = () => {}
  const enough = new Promise<void>((resolve) => {
    heardEnough = resolve
  })
  here.subscribe((event) => {
    if (event.subjects.doctorId !== doctorId) return
    heard.push(event)
    if (event.type === 'doctor.last') heardEnough()
  })
  const following = followEvents({
    db,
    events: here,
    cursor: await currentCursor(db),
    signal: stop.signal,
    pauseMilliseconds: 1,
    onError: (error) => assert.fail(String(error)),
  })
  const append = (events: typeof here, type: string) =>
    transact({ ...runtime, events, actor: null }, async (tx) =>
      tx.append({ type, subjects: { doctorId } }),
    )
  await append(here, 'doctor.own')
  await append(there, 'doctor.other')
  await append(there, 'doctor.last')
  await enough
  stop.abort()
  await following
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['doctor.own', 'doctor.other', 'doctor.last'],
  )
})

test('nothing is announced of a transaction that fails', async () => {
  const events = createEventBus()
  events.subscribe(() => assert.fail('announced'))
  await assert.rejects(
    transact({ ...runtime, events, actor: null }, async (tx) => {
      tx.append({ type: 'doctor.changed', subjects: {} })
      throw new Error('on second thoughts')
    }),
    /second thoughts/,
  )
})
