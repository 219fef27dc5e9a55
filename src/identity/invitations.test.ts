import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SignedInContext } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { Refusal } from '#src/kernel/errors.ts'
import { register as registerAt, type Registration } from '#src/patients/registration.ts'
import { strangersContext } from '#test/support/account.ts'
import { call, makeNetwork, pointersOf, signInAs, type AnswerBody } from '#test/support/network.ts'
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

test('an address that has an account is not invited, and whose it is is told', async () => {
  const email = `${newId()}@example.org`
  const { body } = await register({ email })
  const answer = await call(app, 'POST /invitations', {
    as: people.admin,
    body: { role: 'front_desk', clinicId, email: email.toUpperCase() },
  })
  assert.deepEqual([answer.status, answer.body.type], [409, '/problems/conflict'])
  assert.equal(answer.body.accountId, body.account.id)
  assert.deepEqual(pointersOf(answer), ['/email'])
  assert.match(answer.body.errors[0].detail, new RegExp(`PUT /admin/users/${body.account.id}/role`))
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
  const address = invitationAddress(runtime, { id: byMail.id, codeHash: undefined })
  assert.equal(address, byMail.link)
  assert.notEqual(address, invitationAddress(runtime, { id: byHand.id, codeHash: undefined }))
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
    clientAddress: null,
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

async function listed(query = ''): Promise<AnswerBody[]> {
  const all: AnswerBody[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page = await call(
      app,
      `GET /invitations?limit=100${query}${cursor && `&cursor=${cursor}`}`,
      {
        as: people.admin,
      },
    )
    assert.equal(page.status, 200)
    all.push(...page.body.items)
    cursor = page.body.nextCursor
  }
  return all
}

async function revoke(id: string): Promise<number> {
  return (await call(app, `DELETE /invitations/${id}`, { as: people.admin })).status
}

test('invitations are listed newest first, with what became of each and never a code', async () => {
  const [open, used, revoked, expired] = [
    await invitation({ role: 'front_desk', clinicId, email: 'desk@example.org' }),
    await invitation({ role: 'admin' }),
    await invitation({ role: 'admin' }),
    await invitation({ role: 'admin' }),
  ]
  assert.equal((await register({ invitationCode: used.code })).status, 201)
  assert.equal(await revoke(revoked.id), 204)
  await runtime.db
    .updateTable('invitation')
    .set({ expires_at: '2026-01-01Z' })
    .where('id', '=', expired.id)
    .execute()
  const items = await listed()
  const ours = items.filter(({ id }) => [open, used, revoked, expired].some((one) => one.id === id))
  assert.deepEqual(
    ours.map(({ id, status }) => [id, status]),
    [
      [expired.id, 'expired'],
      [revoked.id, 'revoked'],
      [used.id, 'used'],
      [open.id, 'open'],
    ],
  )
  const { createdAt, ...first } = ours[3]
  assert.ok(createdAt < first.expiresAt)
  assert.deepEqual(first, {
    id: open.id,
    role: 'front_desk',
    status: 'open',
    email: 'desk@example.org',
    clinicId,
    expiresAt: open.expiresAt,
  })
  assert.ok(ours[2].usedAt >= ours[2].createdAt)
  for (const { code } of [open, used, revoked, expired])
    assert.ok(!JSON.stringify(items).includes(code))
  const stillOpen = await listed('&status=open')
  assert.ok(stillOpen.some(({ id }) => id === open.id))
  assert.ok(stillOpen.every(({ status }) => status === 'open'))
})

test('an invitation that was taken back opens nothing, and one that was used is not taken back', async () => {
  const { id, code } = await invitation({ role: 'admin' })
  assert.equal(await revoke(id), 204)
  assert.equal(await revoke(id), 204)
  assert.equal((await register({ invitationCode: code })).status, 422)
  const used = await invitation({ role: 'admin' })
  assert.equal((await register({ invitationCode: used.code })).status, 201)
  const answer = await call(app, `DELETE /invitations/${used.id}`, { as: people.admin })
  assert.equal(answer.body.type, '/problems/wrong-state')
  assert.equal(await revoke(newId()), 404)
  for (const as of [people.doctor, people.deskHere, people.patient])
    assert.equal((await call(app, `DELETE /invitations/${id}`, { as })).status, 403)
})

test('an invitation for one address is void after five tries with others, and keeps the count', async () => {
  const email = `${newId()}@example.org`
  const { id, code } = await invitation({ role: 'admin', email })
  const tries = await Promise.all(
    Array.from({ length: 4 }, () => register({ invitationCode: code })),
  )
  assert.deepEqual(statusesOf(tries), [422, 422, 422, 422])
  const fifth = await invitation({ role: 'admin', email: `b.${email}` })
  for (let round = 0; round < 4; round += 1) await register({ invitationCode: fifth.code })
  assert.equal((await register({ invitationCode: fifth.code, email: `b.${email}` })).status, 201)
  assert.equal((await register({ invitationCode: code })).status, 422)
  assert.equal((await register({ invitationCode: code, email })).status, 422)
  assert.equal((await listed()).find((one) => one.id === id).status, 'revoked')
})

test('whoever was invited by their address need not show that it is theirs', async () => {
  const email = `${newId()}@example.org`
  const named = await invitation({ role: 'admin', email })
  const { body } = await register({ invitationCode: named.code, email: email.toUpperCase() })
  assert.equal(body.account.emailVerified, true)
  const unnamed = await invitation({ role: 'admin' })
  const { body: other } = await register({ invitationCode: unnamed.code })
  assert.equal(other.account.emailVerified, false)
  const byDoctorCode = await register({ invitationCode: 'let-me-in-2026' })
  assert.equal(byDoctorCode.body.account.emailVerified, false)
})

test('ten wrong codes from one place, of whatever kind, and none is tried for a while; right ones are free', async () => {
  const context = await strangersContext({ clientAddress: '192.0.2.51' })
  const input = () => ({ email: `${newId()}@example.org`, password, name: 'Noor Okafor' })
  const outcome = (more: Partial<Registration>) =>
    registerAt(context, { ...input(), ...more }).then(
      () => 'done',
      (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
    )
  for (let round = 0; round < 3; round += 1)
    assert.equal(await outcome({ invitationCode: 'let-me-in-2026' }), 'done')
  const outcomes = await Promise.all([
    ...Array.from({ length: 6 }, () => outcome({ invitationCode: newId() })),
    ...Array.from({ length: 6 }, () => outcome({ claim: { code: newId() } })),
  ])
  const counted = (code: string) => outcomes.filter((one) => one === code).length
  assert.equal(counted('invalid-invitation') + counted('invalid-claim'), 10)
  assert.equal(counted('too-many-requests'), 2)
  assert.equal(await outcome({ invitationCode: 'let-me-in-2026' }), 'too-many-requests')
  const elsewhere = await strangersContext({ clientAddress: '192.0.2.52' })
  await registerAt(elsewhere, { ...input(), invitationCode: 'let-me-in-2026' })
})

test('an admin who was disabled, or is none any more, while inviting invites nobody', async () => {
  const disabled = { status: 'disabled' } as const
  for (const change of [disabled, { role: 'patient' } as const]) {
    const as = await signInAs(runtime, { role: 'admin' })
    const actor = await authenticate(runtime, as)
    const context = { ...(await strangersContext()), actor: actor! } satisfies SignedInContext
    const { accountId } = context.actor
    await runtime.db.updateTable('account').set(change).where('id', '=', accountId).execute()
    await assert.rejects(invite(context, { role: 'admin' }), { code: 'not-signed-in' })
    const made = await runtime.db
      .selectFrom('invitation')
      .select('id')
      .where('invited_by', '=', accountId)
      .execute()
    assert.deepEqual(made, [])
  }
})
