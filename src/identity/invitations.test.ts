import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SignedInContext } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, makeNetwork, pointersOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { authenticate } from './authenticate.ts'
import { invitationAddress, invite } from './invitations.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)
const { people, clinicId } = network
const password = 'four wet herons wait'

async function invitation(body: object) {
  const answer = await call(app, 'POST /invitations', { as: people.admin, body })
  assert.equal(answer.status, 201)
  return answer.body
}

function register(body: object) {
  const email = `${newId()}@example.org`
  return call(app, 'POST /auth/register', {
    body: { email, password, name: 'Noor Okafor', ...body },
  })
}

function statusesOf(answers: { status: number }[]): number[] {
  return answers.map(({ status }) => status).toSorted((one, other) => one - other)
}

test('only an admin invites', async () => {
  const body = { role: 'admin' }
  for (const as of [people.doctor, people.deskHere, people.patient])
    assert.equal((await call(app, 'POST /invitations', { as, body })).status, 403)
  assert.equal((await call(app, 'POST /invitations', { body })).status, 401)
})

test('an invitation tells its code once and stores only the hash', async () => {
  const { id, code, link, role, expiresAt } = await invitation({ role: 'admin' })
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{24}$/)
  assert.equal(link, `http://visita.test/join#${code}`)
  assert.equal(role, 'admin')
  const row = await runtime.db
    .selectFrom('invitation')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  assert.equal(row.code_hash.length, 32)
  assert(!JSON.stringify(row).includes(code))
  assert.equal(
    new Set([row.expires_at, Temporal.Instant.from(expiresAt).epochMilliseconds]).size,
    1,
  )
})

test('an invitation can be written into a mail later, and is told of where it has an address', async () => {
  const madeOf = async (id: string) =>
    runtime.db
      .selectFrom('event')
      .select('subjects')
      .where('type', '=', 'invitation.made')
      .where((column) => column(column.ref('subjects', '->>').key('invitationId'), '=', id))
      .execute()
  const byHand = await invitation({ role: 'admin' })
  assert.deepEqual(await madeOf(byHand.id), [])
  const email = `${newId()}@example.org`
  const byMail = await invitation({ role: 'admin', email })
  assert.deepEqual(await madeOf(byMail.id), [{ subjects: { invitationId: byMail.id } }])
  const address = invitationAddress(runtime, byMail.id)
  assert.equal(address, byMail.link)
  assert.notEqual(address, invitationAddress(runtime, byHand.id))
  const invitationCode = new URL(address).hash.slice(1)
  assert.equal((await register({ email, invitationCode })).status, 201)
})

test('an invitation of the front desk makes a member of that clinic', async () => {
  const { code } = await invitation({ role: 'front_desk', clinicId })
  const { status, body } = await register({ role: 'front_desk', invitationCode: code })
  assert.equal(status, 201)
  assert.equal(body.account.role, 'front_desk')
  assert.deepEqual(body.account.clinicIds, [clinicId])
  assert.equal('patientId' in body.account, false)
  const actor = await authenticate(runtime, `Bearer ${body.accessToken}`)
  assert.deepEqual(actor?.clinicIds, [clinicId])
})

test('an invitation bound to a profile makes its doctor, and adds the clinic', async () => {
  const { doctorId, clinicId: added } = await newDoctor()
  const { code } = await invitation({ role: 'doctor', doctorId, clinicId: added })
  const heard: unknown[] = []
  runtime.events.subscribe((event) => void heard.push(event))
  const { status, body } = await register({ role: 'doctor', invitationCode: code })
  assert.equal(status, 201)
  assert.equal(body.account.doctorId, doctorId)
  const clinics = await runtime.db
    .selectFrom('doctor_clinic')
    .select('clinic_id')
    .where('doctor_id', '=', doctorId)
    .execute()
  assert.deepEqual(clinics, [{ clinic_id: added }])
  const change = { type: 'doctor.schedule-changed', subjects: { doctorId } }
  assert(heard.some((event) => JSON.stringify(event) === JSON.stringify(change)))
})

async function newDoctor() {
  const doctorId = newId()
  await runtime.db
    .insertInto('doctor')
    .values({ id: doctorId, name: 'Noor Okafor', created_at: '2026-01-01Z' })
    .execute()
  return { doctorId, clinicId }
}

test('a doctor invited without a profile gets a new one, which does not publish their contact', async () => {
  const { code } = await invitation({ role: 'doctor', clinicId })
  const { body } = await register({ invitationCode: code, phone: '+33 1 42 68 53 00' })
  assert.equal(body.account.role, 'doctor')
  const doctor = await runtime.db
    .selectFrom('doctor')
    .select(['name', 'email', 'phone', 'account_id'])
    .where('id', '=', body.account.doctorId)
    .executeTakeFirstOrThrow()
  const expected = { name: 'Noor Okafor', email: null, phone: null, account_id: body.account.id }
  assert.deepEqual(doctor, expected)
})

test('an invitation works once, also for many at the same moment', async () => {
  const { code } = await invitation({ role: 'admin' })
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => register({ role: 'admin', invitationCode: code })),
  )
  assert.deepEqual(statusesOf(answers), [201, 422, 422, 422, 422, 422])
  for (const { status, body } of answers)
    if (status === 422) {
      assert.equal(body.type, '/problems/invalid-invitation')
      assert.equal(body.errors[0].pointer, '/invitationCode')
    }
})

test('two invitations for one profile: one who registers gets it', async () => {
  const { doctorId } = await newDoctor()
  const codes = [
    (await invitation({ role: 'doctor', doctorId })).code,
    (await invitation({ role: 'doctor', doctorId })).code,
  ]
  const answers = await Promise.all(codes.map((code) => register({ invitationCode: code })))
  assert.deepEqual(statusesOf(answers), [201, 422])
})

test('a registration that fails leaves the invitation open', async () => {
  const { code } = await invitation({ role: 'admin' })
  const { body: known } = await register({})
  const email = known.account.email
  assert.equal((await register({ email, invitationCode: code })).status, 409)
  assert.equal((await register({ role: 'doctor', invitationCode: code })).status, 422)
  assert.equal((await register({ invitationCode: code })).status, 201)
})

test('an invitation bound to an e-mail address is good for that one alone', async () => {
  const email = `Noor.${newId()}@example.org`
  const { code } = await invitation({ role: 'doctor', email })
  assert.equal((await register({ role: 'doctor', invitationCode: code })).status, 422)
  const { status } = await register({
    email: email.toLowerCase(),
    role: 'doctor',
    invitationCode: code,
  })
  assert.equal(status, 201)
})

test('a code that was copied by hand is still the code', async () => {
  const { code } = await invitation({ role: 'admin' })
  const written = code
    .toLowerCase()
    .replaceAll('0', 'o')
    .replaceAll('1', 'l')
    .replace(/(.{4})/g, '$1-')
  assert.equal((await register({ invitationCode: ` ${written} ` })).status, 201)
})

test('an invitation ends after seven days', async () => {
  const actor = await authenticate(runtime, people.admin)
  assert(actor)
  const eightDays = 8 * 86_400_000
  const context: SignedInContext = {
    ...runtime,
    actor,
    requestId: 'test',
    clock: () => runtime.clock() - eightDays,
  }
  const { code } = await invite(context, { role: 'admin' })
  assert.equal((await register({ invitationCode: code })).status, 422)
})

test('the configured code makes doctors, any number of them, and nothing else', async () => {
  const invitationCode = 'let-me-in-2026'
  for (const role of ['doctor', undefined]) {
    const { status, body } = await register({ invitationCode, ...(role && { role }) })
    assert.equal(status, 201)
    assert.equal(body.account.role, 'doctor')
    assert(body.account.doctorId)
  }
  for (const role of ['admin', 'front_desk', 'patient'])
    assert.equal((await register({ invitationCode, role })).status, 422)
})

test('a role is not to be had by asking', async () => {
  const attempts = [
    { role: 'admin' },
    { role: 'doctor' },
    { role: 'front_desk' },
    { role: 'admin', invitationCode: 'guess' },
    { role: 'doctor', invitationCode: '%00' },
  ]
  for (const body of attempts) {
    const answer = await register(body)
    assert.equal(answer.status, 422)
    assert.equal(answer.body.type, '/problems/invalid-invitation')
  }
})

test('an invitation that contradicts itself is refused by the fields', async () => {
  const { doctorId } = network
  const cases: [object, string[]][] = [
    [{ role: 'front_desk' }, ['/clinicId']],
    [{ role: 'front_desk', clinicId: newId() }, ['/clinicId']],
    [{ role: 'front_desk', clinicId, doctorId }, ['/doctorId']],
    [{ role: 'admin', clinicId, doctorId }, ['/clinicId', '/doctorId']],
    [{ role: 'doctor', doctorId }, ['/doctorId']],
    [{ role: 'doctor', doctorId: newId() }, ['/doctorId']],
    [{ role: 'patient' }, ['/role']],
    [{ role: 'doctor', email: 'nobody' }, ['/email']],
    [{}, ['/role']],
  ]
  for (const [body, pointers] of cases) {
    const answer = await call(app, 'POST /invitations', { as: people.admin, body })
    assert.equal(answer.status, 422)
    assert.deepEqual(pointersOf(answer), pointers)
  }
})
