import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { testVisita } from '#test/support/visita.ts'
import { createEventBus, transact } from './events.ts'
import { currentCursor, insertEvents, type StoredEvent } from './queries.ts'
import { passOver, readEvents } from './reader.ts'

const { runtime } = await testVisita()
const context = { ...runtime, events: createEventBus(), actor: null }

/** A reader that stands at the end of what has happened. */
async function newReader(): Promise<string> {
  const name = newId()
  const { xid, seq } = await currentCursor(runtime.db)
  await runtime.db.insertInto('event_reader').values({ name, xid, seq }).execute()
  return name
}

function append(db: typeof runtime.db, type: string, doctorId: string): Promise<void> {
  return insertEvents(db, {
    origin: newId(),
    actorId: null,
    occurredAt: runtime.clock(),
    events: [{ type, subjects: { doctorId } }],
  })
}

/** Reads until nothing comes, and answers the types of the events about the doctor. */
async function readAll(name: string, doctorId: string): Promise<string[]> {
  const types: string[] = []
  const read = () =>
    readEvents(context, name, async (_tx, events) => {
      types.push(
        ...events.filter(({ subjects }) => subjects.doctorId === doctorId).map(({ type }) => type),
      )
    })
  while ((await read()) > 0);
  return types
}

test('an event whose lower number commits later is read, and in its place', async () => {
  const name = await newReader()
  const doctorId = newId()
  let finishFirst = () => {}
  const mayFinish = new Promise<void>((resolve) => {
    finishFirst = resolve
  })
  let noteWritten = () => {}
  const written = new Promise<void>((resolve) => {
    noteWritten = resolve
  })
  const first = runtime.db.transaction().execute(async (tx) => {
    await append(tx, 'doctor.first', doctorId)
    noteWritten()
    await mayFinish
  })
  await written
  await append(runtime.db, 'doctor.second', doctorId)
  assert.deepEqual(await readAll(name, doctorId), [])
  finishFirst()
  await first
  assert.deepEqual(await readAll(name, doctorId), ['doctor.first', 'doctor.second'])
  assert.deepEqual(await readAll(name, doctorId), [], 'and not again')
})

test('events whose work failed are read again, with nothing left of the first time', async () => {
  const name = await newReader()
  const doctorId = newId()
  await append(runtime.db, 'doctor.changed', doctorId)
  const other = newId()
  await assert.rejects(
    readEvents(context, name, async (tx) => {
      tx.append({ type: 'doctor.half', subjects: { doctorId: other } })
      throw new Error('The work has failed.')
    }),
    /failed/,
  )
  const types: string[] = []
  await readEvents(context, name, async (_tx, events) => {
    types.push(
      ...events
        .filter(({ subjects }) => [doctorId, other].includes(subjects.doctorId ?? ''))
        .map(({ type }) => type),
    )
  })
  assert.deepEqual(types, ['doctor.changed'])
})

test('what readers append is read with what others did, each event once by many readers at once', async () => {
  const name = await newReader()
  const doctorId = newId()
  const seen: string[] = []
  const writers = Array.from({ length: 40 }, (_, index) =>
    transact({ ...context, actor: null }, async (tx) =>
      tx.append({ type: `doctor.${index}`, subjects: { doctorId } }),
    ),
  )
  const readers = Array.from({ length: 6 }, async () => {
    for (let round = 0; round < 20; round += 1) seen.push(...(await readAll(name, doctorId)))
  })
  await Promise.all([...writers, ...readers])
  seen.push(...(await readAll(name, doctorId)))
  assert.deepEqual(
    seen.toSorted(),
    Array.from({ length: 40 }, (_, index) => `doctor.${index}`).toSorted(),
  )
})

test('a reader of a database that was restored elsewhere reads on from what happens now', async () => {
  const name = await newReader()
  await runtime.db
    .updateTable('event_reader')
    .set({ xid: '99999999999' })
    .where('name', '=', name)
    .execute()
  const doctorId = newId()
  assert.deepEqual(await readAll(name, doctorId), [])
  await append(runtime.db, 'doctor.changed', doctorId)
  assert.deepEqual(await readAll(name, doctorId), ['doctor.changed'])
})

test('an event is passed over while it is the next one, and no other in its place', async () => {
  const name = await newReader()
  const doctorId = newId()
  await append(runtime.db, 'doctor.bad', doctorId)
  await append(runtime.db, 'doctor.good', doctorId)
  let bad: StoredEvent | undefined
  const failing = async (_tx: unknown, [event]: readonly StoredEvent[]) => {
    bad = event
    throw new Error('The work has failed.')
  }
  // What other tests left unread comes first.
  for (;;) {
    await assert.rejects(readEvents(context, name, failing, { limit: 1 }))
    assert.equal(await passOver(context, name, bad!), true)
    if (bad!.type === 'doctor.bad') break
  }
  assert.equal(await passOver(context, name, bad!), false)
  assert.deepEqual(await readAll(name, doctorId), ['doctor.good'])
})
