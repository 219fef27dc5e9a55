import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { connect } from '#src/db/connect.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  createEventBus,
  followEvents,
  transact,
  type EventBus,
  type NewEvent,
  type StoredEvent,
} from './events.ts'
import { currentCursor, eventsAfter, insertEvents, oldestUnread } from './queries.ts'

const { runtime, databaseUrl } = await testVisita()

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

test('the events of a transaction are read in order when their numbers get longer', async () => {
  const owner = new pg.Client({ connectionString: databaseUrl })
  await owner.connect()
  await owner.query(`
    select setval(pg_get_serial_sequence('event', 'seq'),
      (10 ^ (1 + length(coalesce(max(seq), 0)::text)))::bigint - 3) from event`)
  await owner.end()
  const start = await currentCursor(runtime.db)
  const doctorId = newId()
  const types = Array.from({ length: 6 }, (_, index) => `doctor.number-${index}`)
  await transact({ ...runtime, actor: null }, async (tx) => {
    for (const type of types) tx.append({ type, subjects: { doctorId } })
  })
  const read: string[] = []
  for (let cursor = start; ;) {
    // Two at a time: whoever takes the wrong one for the last reads some again and others never.
    const batch = await eventsAfter(runtime.db, cursor, 2)
    const last = batch.at(-1)
    if (!last) break
    cursor = last
    for (const { type, subjects } of batch) if (subjects.doctorId === doctorId) read.push(type)
  }
  assert.deepEqual(read, types)
})

/** Follows with this bus until `last` is heard, and answers the types that were listened to. */
async function listenUntil(
  bus: EventBus,
  options: {
    doctorId: string
    last: string
    pauseMilliseconds: number
    meanwhile: () => Promise<void>
  },
): Promise<StoredEvent[]> {
  const heard: StoredEvent[] = []
  const stop = new AbortController()
  const stopListening = bus.listen((batch) => {
    for (const event of batch) {
      if (event.subjects.doctorId === options.doctorId) heard.push(event)
      if (heard.at(-1)?.type === options.last) stop.abort()
    }
  })
  const following = followEvents({
    db: runtime.db,
    events: bus,
    cursor: await currentCursor(runtime.db),
    signal: stop.signal,
    pauseMilliseconds: options.pauseMilliseconds,
    onError: (error) => assert.fail(String(error)),
  })
  await options.meanwhile()
  await following
  stopListening()
  return heard
}

test('who listens hears what every process does, in the order of commits and once', async () => {
  const { db } = runtime
  const [here, there] = [createEventBus(), createEventBus()]
  const doctorId = newId()
  const append = (events: EventBus, type: string) =>
    transact({ ...runtime, events, actor: null }, async (tx) =>
      tx.append({ type, subjects: { doctorId } }),
    )
  const start = await currentCursor(db)
  const heard = await listenUntil(here, {
    doctorId,
    last: 'doctor.last',
    pauseMilliseconds: 1,
    async meanwhile() {
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          append(index % 2 === 0 ? here : there, `doctor.number-${index}`),
        ),
      )
      await append(here, 'doctor.last')
    },
  })
  const stored = (await eventsAfter(db, start, 500)).filter(
    ({ subjects }) => subjects.doctorId === doctorId,
  )
  assert.deepEqual(heard, stored)
  assert.equal(heard.length, 41)
  assert.ok(Math.abs(heard[0]!.occurredAt - runtime.clock()) < 60_000)
})

test('what this process does is heard without waiting for the pause', async () => {
  const here = createEventBus()
  const doctorId = newId()
  const heard = await listenUntil(here, {
    doctorId,
    last: 'doctor.own',
    pauseMilliseconds: 3_600_000,
    meanwhile: () =>
      transact({ ...runtime, events: here, actor: null }, async (tx) =>
        tx.append({ type: 'doctor.own', subjects: { doctorId } }),
      ),
  })
  assert.equal(heard.length, 1)
})

test('what is kept back by a transaction that runs longer is heard soon after it', async () => {
  const here = createEventBus()
  const doctorId = newId()
  const heard = await listenUntil(here, {
    doctorId,
    last: 'doctor.own',
    pauseMilliseconds: 3_600_000,
    meanwhile: () =>
      runtime.db.transaction().execute(async (tx) => {
        await insertEvents(tx, {
          origin: newId(),
          actorId: null,
          occurredAt: runtime.clock(),
          events: [{ type: 'doctor.longer', subjects: {} }],
        })
        await transact({ ...runtime, events: here, actor: null }, async (own) =>
          own.append({ type: 'doctor.own', subjects: { doctorId } }),
        )
      }),
  })
  assert.equal(heard.length, 1)
})

test('a database that is away is asked after pauses that double, and is news once', async () => {
  const { db, pool } = connect({
    url: 'postgresql://nobody@127.0.0.1:1/nothing?sslmode=disable',
    schema: 'public',
    poolSize: 1,
    onLost: () => {},
  })
  const events = createEventBus()
  const stop = new AbortController()
  const heard: { at: number; isNews: boolean }[] = []
  await followEvents({
    db,
    events,
    cursor: { xid: '1', seq: '0' },
    signal: stop.signal,
    pauseMilliseconds: 1,
    onError(_, isNews) {
      heard.push({ at: performance.now(), isNews })
      // Whoever cannot commit either makes it look no sooner.
      events.hurry()
      if (heard.length === 9) stop.abort()
    },
  })
  await pool.end()
  assert.deepEqual(
    heard.map(({ isNews }) => isNews),
    [true, ...Array.from({ length: 8 }, () => false)],
  )
  for (const [index, { at }] of heard.entries())
    if (index > 0) assert.ok(at - heard[index - 1]!.at > 2 ** (index - 1) - 1, `pause ${index}`)
})

test('the oldest event that nobody was told is known, also while it is held back', async () => {
  const cursor = await currentCursor(runtime.db)
  await runtime.db.transaction().execute(async (older) => {
    await insertEvents(older, {
      origin: newId(),
      actorId: null,
      occurredAt: runtime.clock(),
      events: [{ type: 'doctor.longer', subjects: {} }],
    })
    const occurredAt = runtime.clock() - 60_000
    assert.equal(await oldestUnread(runtime.db, cursor), null)
    await transact({ ...runtime, clock: () => occurredAt, actor: null }, async (tx) =>
      tx.append({ type: 'doctor.held-back', subjects: {} }),
    )
    assert.deepEqual(await eventsAfter(runtime.db, cursor, 1), [])
    assert.equal(await oldestUnread(runtime.db, cursor), occurredAt)
  })
})
