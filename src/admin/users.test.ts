import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import type { SignedInContext } from '#src/context.ts'
import type { Database } from '#src/db/connect.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, signInAs } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { command, makeVisit, openNetwork, storedStatus } from '#test/support/visits.ts'
import { changeRole, disableUser } from './users.ts'

const { app, runtime } = await testVisita()

function accountOf(as: string): string {
  return decodeJwt(as.slice('Bearer '.length)).sub!
}

function signedInAs(as: string): Promise<boolean> {
  return authenticate(runtime, as).then(
    () => true,
    () => false,
  )
}

async function auditOf(subjectId: string): Promise<string[]> {
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select('action')
    .where('subject_id', '=', subjectId)
    .orderBy('seq')
    .execute()
  return rows.map(({ action }) => action)
}

async function eventsOf(accountId: string): Promise<string[]> {
  const rows = await runtime.db
    .selectFrom('event')
    .select('type')
    .where((event) => event(event.ref('subjects', '->>').key('accountId'), '=', accountId))
    .orderBy('seq')
    .execute()
  return rows.map(({ type }) => type)
}

test('an admin finds accounts by a part of the name or e-mail, role, status and clinic, page by page', async () => {
  const { people, clinicId } = await makeNetwork(runtime)
  const word = newId().slice(-12)
  const desk = accountOf(people.deskHere)
  const doctor = accountOf(people.doctor)
  const patients = [await makePatient(runtime), await makePatient(runtime)]
  const ids = [desk, doctor, ...patients.map(({ accountId }) => accountId)]
  for (const [index, id] of ids.entries())
    await runtime.db
      .updateTable('account')
      .set({ name: `Élise ${word} ${index}` })
      .where('id', '=', id)
      .execute()
  const find = async (query: string) => {
    const answer = await call(app, `GET /admin/users?${query}`, { as: people.admin })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body
  }
  const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id)
  assert.deepEqual(idsOf(await find(`q=${encodeURIComponent(`élise ${word}`)}`)), ids)
  assert.deepEqual(idsOf(await find(`q=${doctor}@EXAMPLE`)), [doctor])
  assert.deepEqual(idsOf(await find(`q=${word}&role=front_desk`)), [desk])
  assert.deepEqual(idsOf(await find(`q=${word}&clinicId=${clinicId}`)), [desk, doctor])
  assert.deepEqual(idsOf(await find(`q=${word}&status=disabled`)), [])
  const first = await find(`q=${word}&limit=3`)
  const second = await find(`q=${word}&limit=3&cursor=${first.nextCursor}`)
  assert.deepEqual([...idsOf(first), ...idsOf(second)], ids)
  assert.equal(second.nextCursor, null)
  assert.deepEqual(first.items[0].clinics, [{ id: clinicId, name: 'Canal' }])
  assert.equal(first.items[1].doctor.name, 'Claire Moreau')
  assert.deepEqual(
    [first.items[0].sessions, first.items[0].secondFactor, first.items[0].role],
    [1, false, 'front_desk'],
  )
})

test('what disables an account ends its sessions at once and revokes the invitations that it made', async () => {
  const { people } = await makeNetwork(runtime)
  const other = await signInAs(runtime, { role: 'admin' })
  const id = accountOf(other)
  const invited = await call(app, 'POST /invitations', { as: other, body: { role: 'admin' } })
  const answer = await call(app, `POST /admin/users/${id}/disable`, { as: people.admin })
  assert.deepEqual([answer.status, answer.body.status, answer.body.sessions], [200, 'disabled', 0])
  assert.equal(await signedInAs(other), false)
  const joining = await call(app, 'POST /auth/register', {
    body: {
      email: `${newId()}@example.org`,
      password: 'four wet herons wait',
      name: 'Anna Berg',
      invitationCode: invited.body.code,
    },
  })
  assert.equal(joining.status, 422)
  const again = await call(app, `POST /admin/users/${id}/disable`, { as: people.admin })
  assert.equal(again.status, 200)
  const enabled = await call(app, `POST /admin/users/${id}/enable`, { as: people.admin })
  assert.equal(enabled.body.status, 'active')
  assert.equal(await signedInAs(other), false)
  assert.deepEqual(await auditOf(id), ['account.disable', 'account.enable'])
  assert.deepEqual(await eventsOf(id), ['sessions.ended', 'account.disabled', 'account.enabled'])
})

test('an account that does not exist is not found, and one that was erased cannot be changed', async () => {
  const { people } = await makeNetwork(runtime)
  const { accountId } = await makePatient(runtime)
  await runtime.db
    .updateTable('account')
    .set({ status: 'erased' })
    .where('id', '=', accountId)
    .execute()
  const bodies = {
    'POST disable': {},
    'POST enable': {},
    'PUT role': { role: 'admin' },
    'PUT memberships': { clinicIds: [] },
  }
  for (const [command, body] of Object.entries(bodies)) {
    const [method, name] = command.split(' ') as ['POST' | 'PUT', string]
    const give = (id: string) =>
      call(app, `${method} /admin/users/${id}/${name}`, { as: people.admin, body })
    assert.equal((await give(newId())).status, 404, command)
    const erased = await give(accountId)
    assert.deepEqual([erased.status, erased.body.type], [409, '/problems/wrong-state'], command)
  }
  for (const name of ['sessions', 'second-factor']) {
    const { status } = await call(app, `DELETE /admin/users/${newId()}/${name}`, {
      as: people.admin,
    })
    assert.equal(status, 404)
  }
})

test('a new role acts on the next request, and what belonged to the former one ends', async () => {
  const { people, clinicId, otherClinicId, doctorId } = await makeNetwork(runtime)
  const put = (as: string, body: object) =>
    call(app, `PUT /admin/users/${accountOf(as)}/role`, { as: people.admin, body })

  const desk = await put(people.deskHere, { role: 'patient' })
  assert.deepEqual([desk.status, desk.body.role, desk.body.clinics], [200, 'patient', []])
  assert.equal(await signedInAs(people.deskHere), false)

  const doctor = await put(people.doctor, {
    role: 'front_desk',
    clinicIds: [clinicId, otherClinicId],
  })
  assert.deepEqual([doctor.body.doctor, doctor.body.clinics.length], [undefined, 2])
  const profile = await call(app, `GET /doctors/${doctorId}`)
  assert.equal(profile.status, 200)

  const { accountId, as } = await makePatient(runtime)
  const without = await put(as, { role: 'doctor' })
  assert.deepEqual([without.status, pointersOf(without)], [422, ['/doctorId']])
  const taken = await runtime.db
    .selectFrom('doctor')
    .select('id')
    .where('account_id', '=', accountOf(people.otherDoctor))
    .executeTakeFirstOrThrow()
  assert.equal((await put(as, { role: 'doctor', doctorId: taken.id })).status, 409)
  assert.equal(await signedInAs(as), true)
  const promoted = await put(as, { role: 'doctor', doctorId })
  assert.deepEqual([promoted.status, promoted.body.doctor.id], [200, doctorId])
  assert.equal((await put(as, { role: 'doctor', doctorId })).status, 200)
  assert.deepEqual(await auditOf(accountId), ['account.assign-role'])
  assert.deepEqual(await eventsOf(accountId), ['sessions.ended', 'account.role-changed'])
  assert.deepEqual(await eventsOf(accountOf(people.deskHere)), [
    'sessions.ended',
    'account.role-changed',
    'membership.removed',
  ])
})

test('an admin erases an account, its visits ahead are called off, and all of it is the admin’s on record', async () => {
  const network = await openNetwork()
  const as = network.people.admin
  const visit = await makeVisit(network, 0)
  const accountId = accountOf(visit.as)
  const wait = await call(app, 'POST /waitlist', {
    as: visit.as,
    body: { appointmentId: visit.id, from: '22:00' },
  })
  assert.equal(wait.status, 201)
  const erase = (id: string) => call(app, `POST /admin/users/${id}/erase`, { as })
  assert.equal((await erase(accountId)).status, 204)
  assert.equal(await storedStatus(visit.id), 'cancelled')
  assert.equal((await call(app, `GET /waitlist/${wait.body.id}`, { as })).status, 404)
  assert.equal(await signedInAs(visit.as), false)
  assert.equal((await call(app, `GET /admin/users/${accountId}`, { as })).body.status, 'erased')
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'subject_id'])
    .where('actor_id', '=', accountOf(as))
    .where('action', 'in', ['appointment.cancel', 'access.end', 'account.erase'])
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    rows.map((row) => [row.action, row.subject_id]),
    [
      ['appointment.cancel', visit.id],
      ['access.end', visit.patientId],
      ['account.erase', accountId],
    ],
  )
  const again = await erase(accountId)
  assert.deepEqual([again.status, again.body.type], [409, '/problems/wrong-state'])
  assert.equal((await erase(newId())).status, 404)
  const own = await erase(accountOf(as))
  assert.deepEqual([own.status, own.body.type], [409, '/problems/conflict'])
})

test('of erasures of one doctor at once, one is done and on record, and the others are told so', async () => {
  const { people } = await makeNetwork(runtime)
  const id = accountOf(people.doctor)
  const erase = () => call(app, `POST /admin/users/${id}/erase`, { as: people.admin })
  const answers = await Promise.all([erase(), erase(), erase()])
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [204, 409, 409])
  assert.deepEqual(
    (await eventsOf(id)).filter((type) => type === 'account.erased'),
    ['account.erased'],
  )
  assert.equal((await auditOf(id)).filter((action) => action === 'account.erase').length, 1)
})

test('an account whose own access has ended has no record of its own', async () => {
  const { people } = await makeNetwork(runtime)
  const { as, accountId } = await makePatient(runtime)
  const ends_at = formatUtc(runtime.clock())
  await runtime.db
    .updateTable('patient_access')
    .set({ ends_at })
    .where('account_id', '=', accountId)
    .execute()
  const user = await call(app, `GET /admin/users/${accountId}`, { as: people.admin })
  assert.deepEqual([user.status, user.body.patientId], [200, undefined])
  assert.equal((await call(app, 'GET /auth/me', { as })).body.patientId, undefined)
})

test('an admin erases no doctor who has visits ahead; without, the profile leaves too', async () => {
  const network = await openNetwork()
  const as = network.people.admin
  const visit = await makeVisit(network, 0)
  const request = `POST /admin/users/${accountOf(network.people.doctor)}/erase` as const
  const early = await call(app, request, { as })
  assert.deepEqual([early.status, early.body.type], [409, '/problems/visits-open'])
  await command(visit.as, visit.id, 'cancel')
  assert.equal((await call(app, request, { as })).status, 204)
  const { body } = await call(app, `GET /doctors/${network.doctorId}`, { as })
  assert.deepEqual([body.status, body.accountId], ['left', undefined])
})

test('memberships are what an admin puts there, and act on the next request', async () => {
  const { people, clinicId, otherClinicId } = await makeNetwork(runtime)
  const as = people.deskHere
  const path = `/admin/users/${accountOf(as)}/memberships` as const
  const put = (clinicIds: string[]) =>
    call(app, `PUT ${path}`, { as: people.admin, body: { clinicIds } })
  const mayChange = async (id: string) =>
    (await call(app, `PATCH /clinics/${id}`, { as, body: { phone: '+33 1 42 68 53 00' } })).status
  assert.deepEqual([await mayChange(clinicId), await mayChange(otherClinicId)], [200, 403])
  assert.equal((await put([otherClinicId])).status, 200)
  assert.deepEqual([await mayChange(clinicId), await mayChange(otherClinicId)], [403, 200])
  const unknown = await put([otherClinicId, newId()])
  assert.deepEqual([unknown.status, pointersOf(unknown)], [422, ['/clinicIds/1']])
  assert.equal((await put([])).status, 200)
  assert.equal(await mayChange(otherClinicId), 403)
  assert.deepEqual(await eventsOf(accountOf(as)), [
    'membership.removed',
    'membership.added',
    'membership.removed',
  ])
  const doctor = `/admin/users/${accountOf(people.doctor)}/memberships` as const
  const refused = await call(app, `PUT ${doctor}`, {
    as: people.admin,
    body: { clinicIds: [clinicId] },
  })
  assert.deepEqual([refused.status, refused.body.type], [409, '/problems/wrong-state'])
})

test('an admin signs an account out everywhere, and takes off a second factor that was lost', async () => {
  const { people } = await makeNetwork(runtime)
  const { as, accountId } = await makePatient(runtime)
  const ended = await call(app, `DELETE /admin/users/${accountId}/sessions`, { as: people.admin })
  assert.deepEqual([ended.status, await signedInAs(as)], [204, false])
  const now = formatUtc(runtime.clock())
  await runtime.db
    .insertInto('second_factor')
    .values({ account_id: accountId, secret: Buffer.from('x'), created_at: now, confirmed_at: now })
    .execute()
  const read = () => call(app, `GET /admin/users/${accountId}`, { as: people.admin })
  assert.equal((await read()).body.secondFactor, true)
  const path = `/admin/users/${accountId}/second-factor` as const
  assert.equal((await call(app, `DELETE ${path}`, { as: people.admin })).status, 204)
  assert.equal((await read()).body.secondFactor, false)
})

/** Someone who acts in a database of the test's own, where no other test makes admins. */
async function adminIn(db: Database): Promise<SignedInContext> {
  const as = await signInAs({ ...runtime, db }, { role: 'admin' })
  const actor = await authenticate({ ...runtime, db }, as)
  return { ...runtime, db, actor: actor!, requestId: 'test', clientAddress: null }
}

const isLastAdmin = (error: unknown) =>
  error instanceof Refusal && error.code === 'conflict' && /last admin/.test(error.message)

test('the last active admin is neither disabled nor given another role, also by itself', async (t) => {
  const { db } = await ownDatabase(t)
  const one = await adminIn(db)
  const other = await adminIn(db)
  const { accountId } = one.actor
  await disableUser(one, other.actor.accountId)
  await assert.rejects(disableUser(one, accountId), isLastAdmin)
  await assert.rejects(changeRole(one, { accountId, role: 'patient' }), isLastAdmin)
  const third = await adminIn(db)
  const gone = await changeRole(one, { accountId, role: 'patient' })
  assert.equal(gone.role, 'patient')
  await assert.rejects(disableUser(third, third.actor.accountId), isLastAdmin)
})

test('of two admins who disable or demote each other at once, one remains', async (t) => {
  const { db } = await ownDatabase(t)
  await db.updateTable('account').set({ status: 'disabled' }).execute()
  for (let round = 0; round < 20; round += 1) {
    const [one, other] = [await adminIn(db), await adminIn(db)]
    const outcomes = await Promise.allSettled([
      disableUser(one, other.actor.accountId),
      round % 2 === 0
        ? disableUser(other, one.actor.accountId)
        : changeRole(other, { accountId: one.actor.accountId, role: 'patient' }),
    ])
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    const { count } = await db
      .selectFrom('account')
      .select((account) => account.fn.countAll<string>().as('count'))
      .where('role', '=', 'admin')
      .where('status', '=', 'active')
      .executeTakeFirstOrThrow()
    assert.equal(count, '1')
    await db.updateTable('account').set({ status: 'disabled' }).execute()
  }
})
