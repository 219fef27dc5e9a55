import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call, makeNetwork } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { auditOf, contextLater, makePatientOf } from '#test/support/visits.ts'
import { choosableKinds } from './preferences.ts'

const { app, runtime } = await testVisita()

interface Choice {
  kind: string
  email: boolean
  sms: boolean
}

const read = async (as: string) => (await call(app, 'GET /notifications/preferences', { as })).body
const change = (as: string, body: unknown) =>
  call(app, 'PATCH /notifications/preferences', { as, body })
const mailed = (kinds: Choice[]) => kinds.filter(({ email }) => email).map(({ kind }) => kind)
const texted = (kinds: Choice[]) => kinds.filter(({ sms }) => sms).map(({ kind }) => kind)

test('an account that chose nothing sees what everyone of its role is told', async () => {
  const { people } = await makeNetwork(runtime)
  const patient = await read(people.patient)
  assert.deepEqual(mailed(patient.kinds), [...choosableKinds])
  assert.deepEqual(texted(patient.kinds), ['waitlist_offer', 'delay'])
  assert.deepEqual([patient.quietHours, patient.language], [null, 'en'])
  const doctor = await read(people.doctor)
  assert.deepEqual(mailed(doctor.kinds), ['requested', 'moved', 'cancelled', 'message'])
  for (const as of [people.deskHere, people.admin]) {
    const desk = await read(as)
    assert.deepEqual([mailed(desk.kinds), texted(desk.kinds)], [[], []])
  }
})

test('a change changes what it names and nothing else', async () => {
  const { as, accountId } = await makePatient(runtime)
  const quietHours = { from: '22:00', to: '07:00', timeZone: 'Europe/Berlin' }
  const first = await change(as, { kinds: [{ kind: 'reminder', sms: true }], quietHours })
  assert.equal(first.status, 200)
  assert.deepEqual(first.body, await read(as))
  assert.deepEqual(first.body.quietHours, quietHours)
  assert.deepEqual(texted(first.body.kinds), ['reminder', 'waitlist_offer', 'delay'])
  assert.deepEqual(mailed(first.body.kinds), [...choosableKinds])
  const second = await change(as, { kinds: [{ kind: 'reminder', email: false }] })
  assert.deepEqual(second.body.quietHours, quietHours)
  assert.ok(texted(second.body.kinds).includes('reminder'))
  assert.ok(!mailed(second.body.kinds).includes('reminder'))
  const third = await change(as, { quietHours: null, kinds: [{ kind: 'reminder', email: true }] })
  assert.equal(third.body.quietHours, null)
  assert.deepEqual(mailed(third.body.kinds), [...choosableKinds])
  const audit = await auditOf(accountId)
  assert.equal(audit.filter(({ action }) => action === 'account.notifications.change').length, 3)
})

test('sending back what was read writes no choice down', async () => {
  const { as, accountId } = await makePatient(runtime)
  await runtime.db
    .updateTable('account')
    .set({ locale: 'de-AT' })
    .where('id', '=', accountId)
    .execute()
  const before = await read(as)
  assert.deepEqual((await change(as, before)).body, before)
  const rows = await runtime.db
    .selectFrom('notification_preference')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute()
  assert.deepEqual(rows, [])
  assert.equal(await localeOf(accountId), 'de-AT')
})

async function localeOf(accountId: string): Promise<string | null> {
  const row = await runtime.db
    .selectFrom('account')
    .select('locale')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  return row.locale
}

test('the language of messages is that of the account', async () => {
  const { as, accountId } = await makePatient(runtime)
  assert.equal((await change(as, { language: 'ar' })).body.language, 'ar')
  assert.equal(await localeOf(accountId), 'ar')
})

test('the choices of two changes at once are both kept', async () => {
  const { as } = await makePatient(runtime)
  await Promise.all(
    choosableKinds.map((kind) => change(as, { kinds: [{ kind, email: false }], language: 'de' })),
  )
  assert.deepEqual(mailed((await read(as)).kinds), [])
})

test('what cannot be chosen is refused', async () => {
  const { as } = await makePatient(runtime)
  const hours = { from: '22:00', to: '07:00', timeZone: 'Europe/Paris' }
  for (const body of [
    {},
    { kinds: [{ kind: 'account', email: false }] },
    { kinds: [{ kind: 'claim_link', email: false }] },
    { kinds: [{ kind: 'reminder', push: true }] },
    { quietHours: { ...hours, to: '22:00' } },
    { quietHours: { ...hours, from: '00:00', to: '24:00' } },
    { quietHours: { ...hours, timeZone: 'Mars/Olympus' } },
    { quietHours: { from: '22:00', to: '07:00' } },
    { language: 'fr' },
  ])
    assert.equal((await change(as, body)).status, 422, JSON.stringify(body))
  const midnight = await change(as, { quietHours: { ...hours, to: '24:00' } })
  assert.equal(midnight.body.quietHours.to, '00:00')
})

test('a receptionist who is a patient too decides about both', async () => {
  const network = await makeNetwork(runtime)
  const as = network.people.deskHere
  assert.ok(!mailed((await read(as)).kinds).includes('reminder'))
  await makePatientOf(as)
  assert.ok(mailed((await read(as)).kinds).includes('reminder'))
  const { body } = await change(as, { kinds: [{ kind: 'reminder', email: false }] })
  assert.ok(!mailed(body.kinds).includes('reminder'))
  const { actor } = await contextLater(as, 0)
  const stored = await runtime.db
    .selectFrom('notification_preference')
    .select(['kind', 'channel', 'wanted'])
    .where('account_id', '=', actor.accountId)
    .execute()
  assert.deepEqual(stored, [{ kind: 'reminder', channel: 'email', wanted: false }])
})
