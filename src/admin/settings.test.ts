import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { SignedInContext } from '#src/context.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { moveDueChildEnds } from '#src/patients/access-ends.ts'
import { childEndsDue } from '#src/settings/queries.ts'
import { call, makeNetwork, pointersOf, signInAs } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { changeSettings, settingsFor } from './settings.ts'

const { app, runtime } = await testVisita()

/** An admin of a network of the test's own, since all tests share the one there is. */
async function ownAdmin(t: TestContext): Promise<SignedInContext> {
  const { db } = await ownDatabase(t)
  const as = await signInAs({ ...runtime, db }, { role: 'admin' })
  const actor = await authenticate({ ...runtime, db }, as)
  return { ...runtime, db, actor: actor!, requestId: 'test', clientAddress: null }
}

test('settings are read with their version, and refused beyond their bounds', async () => {
  const { people } = await makeNetwork(runtime)
  const { status, etag, body } = await call(app, 'GET /admin/settings', { as: people.admin })
  assert.deepEqual([status, etag], [200, `"${body.version}"`])
  const wrong = await call(app, 'PATCH /admin/settings', {
    as: people.admin,
    body: { childAccessEndsAtAge: 11, keepEventsDays: 6, keepPatientsYears: 0, name: ' ' },
  })
  assert.equal(wrong.status, 422)
  assert.deepEqual(pointersOf(wrong).toSorted(), [
    '/childAccessEndsAtAge',
    '/keepEventsDays',
    '/keepPatientsYears',
    '/name',
  ])
  const stale = await call(app, 'PATCH /admin/settings', {
    as: people.admin,
    body: { keepEventsDays: 90 },
    ifMatch: `"${body.version + 1000}"`,
  })
  assert.equal(stale.status, 412)
})

test('a change keeps what it leaves out, raises the version, and is audited by the names of its fields', async (t) => {
  const context = await ownAdmin(t)
  const before = await settingsFor(context)
  const after = await changeSettings(context, {
    change: { name: ' Canal Clinics ', keepPatientsYears: 10 },
    requestedVersion: 1,
  })
  assert.deepEqual(after, { ...before, name: 'Canal Clinics', keepPatientsYears: 10, version: 2 })
  const cleared = await changeSettings(context, {
    change: { keepPatientsYears: null },
    requestedVersion: null,
  })
  assert.equal(cleared.keepPatientsYears, null)
  await assert.rejects(
    changeSettings(context, { change: { name: 'x' }, requestedVersion: 1 }),
    (error) => error instanceof Refusal && error.code === 'stale-version',
  )
  const { details } = await context.db
    .selectFrom('audit_entry')
    .select('details')
    .where('action', '=', 'settings.update')
    .orderBy('seq')
    .executeTakeFirstOrThrow()
  assert.deepEqual(details, { fields: ['name', 'keepPatientsYears'], version: 2 })
})

test('another age leaves it due that the ends of accesses follow it, and the same age does not', async (t) => {
  const context = await ownAdmin(t)
  const { db } = context
  const { accountId, patientId } = await makePatient({ ...runtime, db })
  await db
    .updateTable('patient')
    .set({ date_of_birth: '2015-03-02' })
    .where('id', '=', patientId)
    .execute()
  await db
    .updateTable('patient_access')
    .set({ relation: 'parent', ends_at: '2033-03-02T00:00:00.000Z' })
    .where('account_id', '=', accountId)
    .execute()
  await changeSettings(context, { change: { childAccessEndsAtAge: 16 }, requestedVersion: null })
  // Nobody waits for thousands of them.
  const events = () => db.selectFrom('event').select(['type', 'subjects']).orderBy('seq').execute()
  assert.deepEqual(await events(), [{ type: 'settings.changed', subjects: {} }])
  assert.equal(await moveDueChildEnds(context), 1)
  const { ends_at } = await db
    .selectFrom('patient_access')
    .select('ends_at')
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  assert.equal(formatUtc(ends_at!), '2031-03-02T00:00:00.000Z')
  assert.deepEqual((await events()).slice(1), [
    { type: 'access.changed', subjects: { accountId, patientId } },
  ])
  const same = { childAccessEndsAtAge: 16, keepEventsDays: 30 }
  await changeSettings(context, { change: same, requestedVersion: null })
  assert.equal(await childEndsDue(db), null)
})
