// How access ends by time: a child that grows up, what was agreed on, and that people are told of it once.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sql } from 'kysely'
import type { Runtime } from '#src/context.ts'
import type { Database, Queryable } from '#src/db/connect.ts'
import { createEventBus, type Subjects } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc, parseInstant, type Instant } from '#src/kernel/time.ts'
import { updateSettings } from '#src/settings/queries.ts'
import { call, makeNetwork, pointersOf } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { until } from '#test/support/race-servers.ts'
import { testVisita } from '#test/support/visita.ts'
import { contextLater } from '#test/support/visits.ts'
import {
  keepAccessEnds,
  moveDueChildEnds,
  noteAccessEnds,
  recomputeChildEnds,
} from './access-ends.ts'
import { readPatient } from './patients.ts'

const { app, runtime } = await testVisita()
const { people } = await makeNetwork(runtime)
const day = 86_400_000

interface Child {
  parent: TestPatient
  patientId: string
}

async function childBorn(dateOfBirth: string): Promise<Child> {
  const parent = await makePatient(runtime)
  const body = { name: 'Ben Berg', relation: 'parent', dateOfBirth }
  const { status, body: child } = await call(app, 'POST /patients', { as: parent.as, body })
  assert.equal(status, 201, JSON.stringify(child))
  return { parent, patientId: child.id }
}

async function endOf({ parent, patientId }: Child, db: Queryable = runtime.db): Promise<string> {
  const { ends_at } = await db
    .selectFrom('patient_access')
    .select('ends_at')
    .where('account_id', '=', parent.accountId)
    .where('patient_id', '=', patientId)
    .executeTakeFirstOrThrow()
  return ends_at === null ? 'never' : formatUtc(ends_at)
}

/** The types of events about the access to the patient. */
async function told(patientId: string): Promise<string[]> {
  const rows = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where('type', 'like', 'access.%')
    .orderBy('seq')
    .execute()
  return rows
    .filter(({ subjects }) => (subjects as Subjects).patientId === patientId)
    .map(({ type }) => type)
}

/** A process of its own at this instant. */
function processAt(instant: Instant): Pick<Runtime, 'db' | 'clock' | 'events'> {
  return { db: runtime.db, clock: () => instant, events: createEventBus() }
}

function change({ patientId }: Child, as: string, dateOfBirth: string | null) {
  return call(app, `PATCH /patients/${patientId}`, { as, body: { dateOfBirth } })
}

test('a parent has access until the midnight of UTC that begins the birthday, and not an instant longer', async () => {
  const child = await childBorn('2020-02-29')
  assert.equal(await endOf(child), '2038-02-28T00:00:00.000Z')
  const end = parseInstant('2038-02-28T00:00:00Z')!
  const before = { ...(await contextLater(child.parent.as, 0)), clock: () => end - 1 }
  assert.equal((await readPatient(before, child.patientId)).id, child.patientId)
  const after = { ...before, clock: () => end }
  await assert.rejects(readPatient(after, child.patientId), { code: 'not-found' })
})

test('the end follows the date of birth, and a parent neither takes it out nor ends the own access by it', async () => {
  const child = await childBorn('2018-05-17')
  const { as } = child.parent
  assert.equal((await change(child, as, '2019-06-18')).body.endsAt, '2037-06-18T00:00:00.000Z')
  assert.equal(await endOf(child), '2037-06-18T00:00:00.000Z')
  assert.deepEqual(await told(child.patientId), ['access.changed'])
  for (const date of [null, '1990-05-17']) {
    const refused = await change(child, as, date)
    assert.deepEqual([refused.status, pointersOf(refused)], [422, ['/dateOfBirth']])
  }
  assert.equal(await endOf(child), '2037-06-18T00:00:00.000Z')
})

test('an end that was agreed on comes first, and the age ends what was agreed for longer', async () => {
  const child = await childBorn('2018-05-17')
  const agree = async (agreed: string) => {
    await runtime.db
      .updateTable('patient_access')
      .set({ agreed_ends_at: agreed })
      .where('patient_id', '=', child.patientId)
      .execute()
    await recomputeChildEnds(runtime.db, { patientId: child.patientId, now: runtime.clock() })
    return endOf(child)
  }
  assert.equal(await agree('2030-01-01T00:00:00.000Z'), '2030-01-01T00:00:00.000Z')
  assert.equal(await agree('2060-01-01T00:00:00.000Z'), '2036-05-17T00:00:00.000Z')
})

test('another age of the network moves the ends of parents, and gives back nobody who has grown up', async () => {
  const [child, grown] = [await childBorn('2018-05-17'), await childBorn('2017-05-17')]
  const passed = formatUtc(runtime.clock() - day)
  await runtime.db
    .updateTable('patient_access')
    .set({ ends_at: passed })
    .where('patient_id', '=', grown.patientId)
    .execute()
  const undone = new Error('undone')
  await assert.rejects(
    runtime.db.transaction().execute(async (db) => {
      await sql`update network_settings set child_access_ends_at_age = 21`.execute(db)
      const now = runtime.clock()
      const move = ({ patientId }: Child) => recomputeChildEnds(db, { patientId, now })
      const { parent, patientId } = child
      assert.deepEqual(await move(child), [{ accountId: parent.accountId, patientId }])
      assert.deepEqual(await move(grown), [])
      assert.equal(await endOf(child, db), '2039-05-17T00:00:00.000Z')
      assert.equal(await endOf(grown, db), passed)
      assert.deepEqual(await move(child), [])
      throw undone
    }),
    undone,
  )
})

test('an account is told 30 days before the end and when it has come, once by however many processes', async () => {
  const child = await childBorn('2018-05-17')
  const end = parseInstant('2036-05-17T00:00:00Z')!
  const pass = async (at: Instant) => {
    await Promise.all(Array.from({ length: 4 }, () => noteAccessEnds(processAt(at))))
    return told(child.patientId)
  }
  assert.deepEqual(await pass(end - 30 * day - 1), [])
  assert.deepEqual(await pass(end - 30 * day), ['access.ending'])
  assert.deepEqual(await pass(end - 1), ['access.ending'])
  assert.deepEqual(await pass(end), ['access.ending', 'access.ended'])
  assert.deepEqual(await pass(end + day), ['access.ending', 'access.ended'])
})

test('an end that moves is told of anew, and one that was agreed on for soon only when it comes', async () => {
  const child = await childBorn('2018-05-17')
  const end = parseInstant('2036-05-17T00:00:00Z')!
  await noteAccessEnds(processAt(end - day))
  assert.equal((await change(child, people.admin, '2018-06-17')).status, 403)
  assert.equal((await change(child, child.parent.as, '2018-06-17')).status, 200)
  await noteAccessEnds(processAt(end + 2 * day))
  assert.deepEqual(await told(child.patientId), [
    'access.ending',
    'access.changed',
    'access.ending',
  ])

  const owner = await makePatient(runtime)
  const taker = await makePatient(runtime)
  const body = {
    email: `${taker.accountId}@example.org`,
    relation: 'carer',
    scope: 'see',
    endsAt: formatUtc(runtime.clock() + 7 * day),
  }
  const request = `POST /patients/${owner.patientId}/access` as const
  const invited = await call(app, request, { as: owner.as, body })
  const token = runtime.links.tokenOf('access', invited.body.id)
  const accept = 'POST /patients/access-invitations/accept'
  assert.equal((await call(app, accept, { as: taker.as, body: { token } })).status, 200)
  await noteAccessEnds(processAt(runtime.clock() + day))
  await noteAccessEnds(processAt(runtime.clock() + 8 * day))
  assert.deepEqual(await told(owner.patientId), [
    'access.invited',
    'access.granted',
    'access.ended',
  ])
})

/** Lets somebody new look at the child from now on, for good. */
async function onlookerOf({ patientId }: Child): Promise<TestPatient> {
  const onlooker = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      patient_id: patientId,
      account_id: onlooker.accountId,
      relation: 'carer',
      scope: 'see',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  return onlooker
}

test('when the last who manages a record goes by time, everyone else does, and each is told once', async () => {
  const [left, managed] = [await childBorn('2018-05-17'), await childBorn('2018-05-17')]
  const end = parseInstant('2036-05-17T00:00:00Z')!
  const [leftOver, staying] = [await onlookerOf(left), await onlookerOf(managed)]
  await runtime.db
    .insertInto('patient_access')
    .values({
      patient_id: managed.patientId,
      account_id: (await makePatient(runtime)).accountId,
      relation: 'carer',
      scope: 'manage',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  await Promise.all(Array.from({ length: 4 }, () => noteAccessEnds(processAt(end + day))))
  await noteAccessEnds(processAt(end + 2 * day))
  assert.deepEqual(await told(left.patientId), ['access.ended', 'access.ended'])
  assert.equal(await endOf({ ...left, parent: leftOver }), formatUtc(end + day))
  assert.deepEqual(await told(managed.patientId), ['access.ended'])
  assert.equal(await endOf({ ...managed, parent: staying }), 'never')
})

test('what is noted is told, also when the process that noted it dies before it commits', async () => {
  const child = await childBorn('2018-05-17')
  const end = parseInstant('2036-05-17T00:00:00Z')!
  const dying = runtime.db.withPlugin({
    transformQuery({ node }) {
      if (JSON.stringify(node).includes('"event"')) throw new Error(`dead ${newId()}`)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  await assert.rejects(noteAccessEnds({ ...processAt(end), db: dying }), /dead/)
  assert.deepEqual(await told(child.patientId), [])
  await noteAccessEnds(processAt(end))
  assert.deepEqual(await told(child.patientId), ['access.ended'])
})

test('access that was ended on purpose is told of by that alone', async () => {
  const child = await childBorn('2018-05-17')
  const { as, accountId } = child.parent
  await call(app, `DELETE /patients/${child.patientId}/access/${accountId}`, { as })
  await noteAccessEnds(processAt(runtime.clock() + day))
  assert.deepEqual(await told(child.patientId), ['access.ended'])
  const again = { patientId: child.patientId, now: runtime.clock() }
  assert.deepEqual(await recomputeChildEnds(runtime.db, again), [])
})

/** A database of the test's own with so many children, whose parents' access was to end at 18. */
async function ownChildren(t: TestContext, count: number): Promise<Database> {
  const { db } = await ownDatabase(t)
  await sql`insert into account (id, email, password_hash, name, role, created_at)
    select id, id || '@example.org', '', 'Anna Berg', 'patient', now()
    from (select gen_random_uuid() as id from generate_series(1, ${count}::integer)) as new`.execute(
    db,
  )
  await sql`with child as (
      insert into patient (id, name, date_of_birth, created_at)
      select id, 'Ben Berg', '2015-03-02', now() from account returning id)
    insert into patient_access (account_id, patient_id, relation, scope, created_at, ends_at)
    select id, id, 'parent', 'manage', now(), '2033-03-02Z' from child`.execute(db)
  return db
}

async function setAge(db: Queryable, childAccessEndsAtAge: number): Promise<void> {
  await updateSettings(db, { childAccessEndsAtAge })
}

/** How many accesses end in each year. */
async function yearsOf(db: Queryable): Promise<Record<string, number>> {
  const { rows } = await sql<{ year: string; count: number }>`
    select extract(year from ends_at at time zone 'UTC')::text as year, count(*)::integer as count
    from patient_access group by 1`.execute(db)
  return Object.fromEntries(rows.map(({ year, count }) => [year, count]))
}

test('the ends of thousands follow another age in small steps, each of which tells of its own', async (t) => {
  const db = await ownChildren(t, 1203)
  await setAge(db, 16)
  assert.deepEqual(await yearsOf(db), { 2033: 1203 })
  assert.equal(await moveDueChildEnds({ ...runtime, db }), 1203)
  assert.deepEqual(await yearsOf(db), { 2031: 1203 })
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from event where type = 'access.changed' group by xid`.execute(
    db,
  )
  assert.deepEqual(
    rows.map(({ count }) => count).toSorted((one, other) => one - other),
    [203, 500, 500],
  )
  assert.equal(await moveDueChildEnds({ ...runtime, db }), 0)
})

test('an age that changes again while ends follow the one before is the one that holds', async (t) => {
  const db = await ownChildren(t, 3)
  await setAge(db, 16)
  const ages = [17, 16, 21]
  const interrupted = db.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      // What a batch has done is there, and its transaction not over.
      const isBatch = result.rows.some((row) => 'patientId' in row)
      const age = isBatch ? ages.shift() : undefined
      if (age !== undefined) void (changing = changing.then(() => setAge(db, age)))
      return result
    },
  })
  let changing = Promise.resolve()
  await moveDueChildEnds({ ...runtime, db: interrupted })
  await changing
  await moveDueChildEnds({ ...runtime, db: interrupted })
  await changing
  await moveDueChildEnds({ ...runtime, db })
  assert.deepEqual(ages, [])
  assert.deepEqual(await yearsOf(db), { 2036: 3 })
})

test('what a process left due is done by the next, as soon as the settings change or it starts', async (t) => {
  const db = await ownChildren(t, 2)
  await setAge(db, 16)
  const events = createEventBus()
  const stop = new AbortController()
  const working = keepAccessEnds({ ...runtime, db, events }, stop.signal)
  const follows = (year: string) =>
    until(`they end in ${year}`, async () => (await yearsOf(db))[year] === 2)
  await follows('2031')
  // It rests by now, or does before the event is told.
  await setAge(db, 21)
  const startedAt = performance.now()
  const settingsChanged = { type: 'settings.changed', subjects: {}, actorId: null, origin: 'other' }
  const position = { xid: '1', seq: '1' }
  const told = { ...settingsChanged, ...position, occurredAt: runtime.clock() }
  events.reading.passOn({ batch: [told], position, isEnd: true })
  await follows('2036')
  assert.ok(performance.now() - startedAt < 5000)
  stop.abort()
  await working
})

test('whoever is given access to a child, as a carer too, has it until the child is of age', async () => {
  const child = await childBorn('2018-05-17')
  const carer = await makePatient(runtime)
  const { as } = child.parent
  const request = `POST /patients/${child.patientId}/claim-links` as const
  const { code } = (await call(app, request, { as: people.admin })).body
  const claimed = await call(app, 'POST /patients/claims', {
    as: carer.as,
    body: { code, dateOfBirth: '2018-05-17', relation: 'carer' },
  })
  assert.equal(claimed.status, 200, JSON.stringify(claimed.body))
  assert.equal(claimed.body.endsAt, '2036-05-17T00:00:00.000Z')
  const ofCarer = { parent: carer, patientId: child.patientId }
  assert.equal((await change(child, as, '2019-05-17')).status, 200)
  assert.equal(await endOf(ofCarer), '2037-05-17T00:00:00.000Z')
  // Nor do carers make the child of age, or take the date out, and so stay for good.
  for (const date of [null, '1990-05-17'])
    assert.deepEqual(pointersOf(await change(child, carer.as, date)), ['/dateOfBirth'])
  assert.equal(await endOf(ofCarer), '2037-05-17T00:00:00.000Z')
})

test('a carer of a grown-up stays, as do the grown-ups themselves, also when access is given anew', async () => {
  const ward = await makePatient(runtime)
  await change({ parent: ward, patientId: ward.patientId }, ward.as, '1990-05-17')
  const carer = await makePatient(runtime)
  const request = `POST /patients/${ward.patientId}/access` as const
  const give = async () => {
    const body = { email: `${carer.accountId}@example.org`, relation: 'carer', scope: 'manage' }
    const token = runtime.links.tokenOf(
      'access',
      (await call(app, request, { as: ward.as, body })).body.id,
    )
    const accept = 'POST /patients/access-invitations/accept'
    return call(app, accept, { as: carer.as, body: { token } })
  }
  assert.equal((await give()).status, 200)
  const key = { patientId: ward.patientId, now: runtime.clock() }
  assert.deepEqual(await recomputeChildEnds(runtime.db, key), [])
  // Given first when the ward was a child, ended with that, and given again.
  await runtime.db
    .updateTable('patient_access')
    .set({ created_at: '2007-01-01Z', ends_at: '2008-05-17Z' })
    .where('account_id', '=', carer.accountId)
    .where('patient_id', '=', ward.patientId)
    .execute()
  assert.equal((await give()).status, 200)
  assert.deepEqual(await recomputeChildEnds(runtime.db, key), [])
  assert.equal(await endOf({ parent: carer, patientId: ward.patientId }), 'never')
  assert.equal(await endOf({ parent: ward, patientId: ward.patientId }), 'never')
})
