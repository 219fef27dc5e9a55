import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, type Answer } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { onlyWaiter, whileHeld } from '#test/support/race-blocker.ts'
import { testVisita } from '#test/support/visita.ts'
import { claimLinkAddress } from './claim-links.ts'

const { app, runtime, databaseUrl } = await testVisita()
const network = await makeNetwork(runtime)
const { people } = network
const dateOfBirth = '1984-07-19'
const password = 'four wet herons wait'

/** A person that the desk registered, and the code of a link to the record. */
async function claimable(person: object = { dateOfBirth }): Promise<{ id: string; code: string }> {
  const body = { name: `Anna ${newId()}`, despiteDuplicates: true, ...person }
  const { id } = (await call(app, 'POST /patients', { as: people.deskHere, body })).body
  return { id, code: (await makeLink(id)).body.code }
}

function makeLink(id: string, as = people.deskHere): Promise<Answer> {
  return call(app, `POST /patients/${id}/claim-links`, { as })
}

/** An account that has no record of its own. */
async function accountAlone(): Promise<string> {
  const { as, patientId } = await makePatient(runtime)
  await runtime.db.deleteFrom('patient').where('id', '=', patientId).execute()
  return as
}

function claim(as: string, body: object): Promise<Answer> {
  return call(app, 'POST /patients/claims', { as, body })
}

function register(claimed: object, email = `${newId()}@example.org`): Promise<Answer> {
  return call(app, 'POST /auth/register', {
    body: { email, password, name: 'Anna Berg', claim: claimed },
  })
}

function statusesOf(answers: readonly Answer[]): number[] {
  return answers.map(({ status }) => status).toSorted((one, other) => one - other)
}

async function appointmentOf(patientId: string): Promise<void> {
  const startsAt = runtime.clock() + 3_600_000
  await runtime.db
    .insertInto('appointment')
    .values({
      id: newId(),
      status: 'cancelled',
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      patient_id: patientId,
      visit_type_id: network.visitTypeId,
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(startsAt + 1_800_000),
      time_zone: 'Europe/Paris',
      local_starts_at: '2026-11-24 10:40:00',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
}

async function linkOf(patientId: string) {
  return runtime.db
    .selectFrom('patient_claim_link')
    .selectAll()
    .where('patient_id', '=', patientId)
    .executeTakeFirstOrThrow()
}

async function accessesTo(patientId: string) {
  return runtime.db
    .selectFrom('patient_access')
    .select(['relation', 'scope'])
    .where('patient_id', '=', patientId)
    .execute()
}

test('a link names a long random code, of which only the hash is kept, and is good for 14 days', async () => {
  const { id } = (
    await call(app, 'POST /patients', { as: people.deskHere, body: { name: `Anna ${newId()}` } })
  ).body
  const answer = await makeLink(id)
  assert.equal(answer.status, 201)
  const { code, link, expiresAt } = answer.body
  // 26 symbols of five bits are the first to hold 128 bits.
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{26,}$/)
  assert.equal(link, `http://visita.test/claim#${code}`)
  const row = await linkOf(id)
  assert.equal(row.expires_at, Date.parse(expiresAt))
  assert.equal(row.expires_at - row.created_at, 14 * 86_400_000)
  assert.equal(row.code_hash.length, 32)
  assert.ok(!JSON.stringify(row).includes(code))
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'patient.claim-link-made')
    .execute()
  assert.ok(events.some(({ subjects }) => subjects['patientId'] === id))
})

/** The link to the record that can still be used, if there is one. */
async function openLinkOf(patientId: string) {
  return runtime.db
    .selectFrom('patient_claim_link')
    .select(['id', 'expires_at as expiresAt'])
    .where('patient_id', '=', patientId)
    .where('used_at', 'is', null)
    .where('tries', '<', 5)
    .executeTakeFirst()
}

test('a link can be written into a mail later, until it is used or tried dead', async () => {
  const { id, code } = await claimable()
  const open = await openLinkOf(id)
  assert.ok(open)
  assert.equal(
    claimLinkAddress(runtime, { linkId: open.id, codeHash: undefined }),
    `http://visita.test/claim#${code}`,
  )
  assert.equal(open.expiresAt, (await linkOf(id)).expires_at)
  const later = (await makeLink(id)).body
  const latest = await openLinkOf(id)
  assert.ok(latest)
  assert.equal(claimLinkAddress(runtime, { linkId: latest.id, codeHash: undefined }), later.link)
  assert.notEqual(later.code, code)

  await claim(await accountAlone(), { code: later.code, dateOfBirth })
  assert.equal(await openLinkOf(id), undefined)
  const dead = await claimable()
  await runtime.db
    .updateTable('patient_claim_link')
    .set({ tries: 5 })
    .where('patient_id', '=', dead.id)
    .execute()
  assert.equal(await openLinkOf(dead.id), undefined)
})

test('staff who may see the record make a link to it, and nobody else', async () => {
  const { id } = await claimable()
  assert.equal((await makeLink(id, people.admin)).status, 201)
  for (const stranger of [people.deskElsewhere, people.doctor])
    assert.equal((await makeLink(id, stranger)).status, 404)
  assert.equal((await makeLink(id, people.patient)).status, 403)
  assert.equal((await makeLink(newId(), people.admin)).status, 404)
  const denied = await runtime.db
    .selectFrom('audit_entry')
    .select('seq')
    .where('subject_id', '=', id)
    .where('action', '=', 'patient.claim-link')
    .where('allowed', '=', false)
    .execute()
  assert.equal(denied.length, 2)
})

test('no link is made to the record of someone whose account acts for it', async () => {
  const { patientId } = await makePatient(runtime)
  const answer = await makeLink(patientId, people.admin)
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/conflict')
})

test('a new link makes the earlier one void, also when two are made at once', async () => {
  const { id, code } = await claimable()
  const links = await Promise.all([makeLink(id), makeLink(id), makeLink(id)])
  assert.deepEqual(statusesOf(links), [201, 201, 201])
  const { as } = await makePatient(runtime)
  const codes = [code, ...links.map(({ body }) => body.code)]
  const answers = await Promise.all(codes.map((each) => claim(as, { code: each, dateOfBirth })))
  assert.deepEqual(statusesOf(answers), [200, 422, 422, 422])
})

test('a corrected e-mail address voids the link that was mailed to the wrong one, and nothing else does', async () => {
  const as = people.deskHere
  const wrong = `${newId()}@example.org`
  const change = (id: string, body: object) => call(app, `PATCH /patients/${id}`, { as, body })
  for (const email of [`${newId()}@example.org`, null]) {
    const { id, code } = await claimable({ dateOfBirth, email: wrong })
    assert.equal((await change(id, { email })).status, 200)
    const refused = await claim(await accountAlone(), { code, dateOfBirth })
    assert.equal(refused.body.type, '/problems/invalid-claim')
    assert.equal((await makeLink(id)).status, 201)
  }
  const unchanged = await claimable({ dateOfBirth, email: `${newId()}@example.org` })
  const { body } = await call(app, `GET /patients/${unchanged.id}`, { as })
  await change(unchanged.id, { email: body.email, phone: '+33 1 42 68 53 01' })
  // No mail went out to nobody: the code was handed over.
  const added = await claimable({ dateOfBirth })
  await change(added.id, { email: `${newId()}@example.org` })
  // A change that is refused voids none.
  const stale = await claimable({ dateOfBirth, email: `${newId()}@example.org` })
  const refused = await call(app, `PATCH /patients/${stale.id}`, {
    as,
    body: { email: wrong },
    ifMatch: '"7"',
  })
  assert.equal(refused.body.type, '/problems/stale-version')
  for (const { id, code } of [unchanged, added, stale]) {
    const claimed = await claim(await accountAlone(), { code, dateOfBirth })
    assert.equal(claimed.body.id, id, JSON.stringify(claimed.body))
  }
})

test('a claim with code and date of birth lets the account manage the record, once', async () => {
  const { id, code } = await claimable()
  const { as, accountId } = await makePatient(runtime)
  const answer = await claim(as, { code: ` ${code.toLowerCase()} `, dateOfBirth })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.id, id)
  assert.deepEqual(await accessesTo(id), [{ relation: 'self', scope: 'manage' }])
  assert.equal((await call(app, 'GET /auth/me', { as })).body.patientId, id)
  assert.equal((await linkOf(id)).used_by, accountId)
  const body = { phone: '+33 1 42 68 53 01' }
  assert.equal((await call(app, `PATCH /patients/${id}`, { as, body })).status, 200)
  assert.equal(
    (await call(app, `PATCH /patients/${id}`, { as: people.deskHere, body })).status,
    403,
  )

  assert.equal((await claim(await accountAlone(), { code, dateOfBirth })).status, 422)
  assert.equal((await makeLink(id)).status, 403)
  assert.equal((await makeLink(id, people.admin)).status, 409)
})

test('a record without a date of birth is claimed by the code alone', async () => {
  for (const given of [{}, { dateOfBirth }]) {
    const { id, code } = await claimable({})
    const answer = await claim(await accountAlone(), { code, ...given })
    assert.equal(answer.body.id, id)
  }
})

test('every claim that fails is told the same', async () => {
  const { as } = await makePatient(runtime)
  const [wrong, old, used, dead] = await Promise.all([1, 2, 3, 4].map(() => claimable()))
  await runtime.db
    .updateTable('patient_claim_link')
    .set({ expires_at: formatUtc(runtime.clock() - 1) })
    .where('patient_id', '=', old!.id)
    .execute()
  await claim(await accountAlone(), { code: used!.code, dateOfBirth })
  await runtime.db
    .updateTable('patient_claim_link')
    .set({ tries: 5 })
    .where('patient_id', '=', dead!.id)
    .execute()
  const failures = [
    { code: 'NO-SUCH-CODE', dateOfBirth },
    { code: wrong!.code, dateOfBirth: '1984-07-20' },
    { code: wrong!.code },
    { code: old!.code, dateOfBirth },
    { code: used!.code, dateOfBirth },
    { code: dead!.code, dateOfBirth },
  ]
  const told = new Set<string>()
  for (const body of failures) {
    const answer = await claim(as, body)
    assert.equal(answer.status, 422, JSON.stringify(body))
    const { requestId, ...problem } = answer.body
    assert.ok(requestId)
    told.add(JSON.stringify(problem))
  }
  assert.equal(told.size, 1)
  const [problem] = [...told].map((text) => JSON.parse(text))
  assert.equal(problem.type, '/problems/invalid-claim')
  assert.deepEqual(
    problem.errors.map(({ pointer }: { pointer: string }) => pointer),
    ['/code'],
  )
  assert.deepEqual(await accessesTo(wrong!.id), [])
})

test('after five wrong dates of birth the link is dead, however many are tried at once', async () => {
  const { id, code } = await claimable()
  const account = await accountAlone()
  const days = Array.from({ length: 20 }, (_, day) => `1984-08-${String(day + 1).padStart(2, '0')}`)
  await Promise.all(days.map((day) => claim(account, { code, dateOfBirth: day })))
  assert.equal((await linkOf(id)).tries, 5)
  assert.equal((await claim(account, { code, dateOfBirth })).status, 422)

  const { code: fresh } = (await makeLink(id)).body
  for (const day of days.slice(0, 4)) await claim(account, { code: fresh, dateOfBirth: day })
  assert.equal((await claim(account, { code: fresh, dateOfBirth })).status, 200)
})

test('of two accounts that claim a record at once, one gets it', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { id, code } = await claimable()
    const accounts = await Promise.all([accountAlone(), accountAlone()])
    const relation = round % 2 === 0 ? 'self' : 'carer'
    const answers = await Promise.all([
      ...accounts.map((as) => claim(as, { code, dateOfBirth, relation })),
      register({ code, dateOfBirth }),
    ])
    const [won, ...lost] = statusesOf(answers)
    assert.ok(won === 200 || won === 201)
    assert.deepEqual(lost, [422, 422])
    assert.equal((await accessesTo(id)).length, 1)
  }
})

test('an own record without a visit makes way for the claimed one', async () => {
  const { id, code } = await claimable()
  const { as, patientId } = await makePatient(runtime)
  assert.equal((await claim(as, { code, dateOfBirth })).status, 200)
  const { items } = (await call(app, 'GET /patients', { as })).body
  assert.deepEqual(
    items.map((patient: { id: string }) => patient.id),
    [id],
  )
  assert.equal((await call(app, `GET /patients/${patientId}`, { as: people.admin })).status, 404)
})

test('an own record that is in use stays, the claim is refused, and the link stays open', async () => {
  const inUse = await makePatient(runtime)
  await appointmentOf(inUse.patientId)
  const ofOthersToo = await makePatient(runtime)
  const { accountId: account_id } = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id,
      patient_id: ofOthersToo.patientId,
      relation: 'carer',
      scope: 'see',
      created_at: '2026-01-01Z',
    })
    .execute()
  const { id, code } = await claimable()
  for (const { as, patientId } of [inUse, ofOthersToo]) {
    const answer = await claim(as, { code, dateOfBirth })
    assert.equal(answer.status, 409)
    assert.match(answer.body.detail, /front desk/)
    assert.equal((await call(app, 'GET /auth/me', { as })).body.patientId, patientId)
  }
  assert.deepEqual(await accessesTo(id), [])
  const asCarer = await claim(inUse.as, { code, dateOfBirth, relation: 'carer' })
  assert.equal(asCarer.status, 200)
  assert.deepEqual(await accessesTo(id), [{ relation: 'carer', scope: 'manage' }])
})

test('a parent claims, and the person still can when grown up, by an admin’s link alone', async () => {
  const birth = '2020-02-29'
  const { id, code } = await claimable({ dateOfBirth: birth })
  const parent = await makePatient(runtime)
  const answer = await claim(parent.as, {
    code,
    dateOfBirth: birth,
    relation: 'parent',
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.endsAt, '2038-02-28T00:00:00.000Z')
  assert.equal(
    (await call(app, 'GET /auth/me', { as: parent.as })).body.patientId,
    parent.patientId,
  )
  const refused = await makeLink(id)
  assert.equal(refused.status, 403)
  assert.match(refused.body.detail, /manages this patient already/)
  const { code: later } = (await makeLink(id, people.admin)).body
  assert.equal((await register({ code: later, dateOfBirth: birth })).status, 201)
  assert.deepEqual((await accessesTo(id)).map(({ relation }) => relation).toSorted(), [
    'parent',
    'self',
  ])
})

test('nobody claims a grown-up as a parent, and the link stays good', async () => {
  const { id, code } = await claimable()
  const parent = await makePatient(runtime)
  const refused = await claim(parent.as, { code, dateOfBirth, relation: 'parent' })
  assert.equal(refused.status, 409)
  assert.deepEqual(await accessesTo(id), [])
  assert.equal((await claim(parent.as, { code, dateOfBirth, relation: 'carer' })).status, 200)
})

test('one account that claims two records as its own at once gets one, and the other stays', async () => {
  const [one, other] = [await claimable(), await claimable()]
  const account = await accountAlone()
  const answers = await Promise.all(
    [one, other].map(({ code }) => claim(account, { code, dateOfBirth })),
  )
  assert.deepEqual(statusesOf(answers), [200, 409])
  const { items } = (await call(app, 'GET /patients', { as: account })).body
  assert.equal(items.length, 1)
  for (const { id } of [one, other])
    assert.equal((await call(app, `GET /patients/${id}`, { as: people.deskHere })).status, 200)
})

test('only patients’ accounts claim', async () => {
  const { code } = await claimable()
  for (const as of [people.doctor, people.deskHere, people.admin])
    assert.equal((await claim(as, { code, dateOfBirth })).status, 403)
})

test('who registers with a claim has the record as the own one, and no other', async () => {
  const { id, code } = await claimable()
  const answer = await register({ code, dateOfBirth })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  assert.equal(answer.body.account.patientId, id)
  const as = `Bearer ${answer.body.accessToken}`
  const { items } = (await call(app, 'GET /patients', { as })).body
  assert.equal(items.length, 1)
  assert.match(items[0].name, /^Anna [0-9a-f-]{36}$/)
})

test('a registration whose claim fails leaves nothing but the counted try', async () => {
  const { id, code } = await claimable()
  const email = `${newId()}@example.org`
  const refused = await register({ code, dateOfBirth: '1984-07-20' }, email)
  assert.equal(refused.status, 422)
  assert.equal(refused.body.type, '/problems/invalid-claim')
  assert.equal(refused.body.errors[0].pointer, '/claim/code')
  assert.equal((await linkOf(id)).tries, 1)
  const accounts = await runtime.db
    .selectFrom('account')
    .select('id')
    .where('email', '=', email)
    .execute()
  assert.deepEqual(accounts, [])
  // A known address refuses the registration after the claim was good: the link must stay open.
  await call(app, 'POST /auth/register', { body: { email, password, name: 'Anna Berg' } })
  const known = await register({ code, dateOfBirth }, email)
  assert.equal(known.body.type, '/problems/email-taken')
  const { used_at, tries } = await linkOf(id)
  assert.deepEqual([used_at, tries], [null, 1])
  assert.equal((await register({ code, dateOfBirth })).status, 201)
})

test('an invitation and a claim do not go together', async () => {
  const { code } = await claimable()
  const body = {
    email: `${newId()}@example.org`,
    password,
    name: 'Anna Berg',
    invitationCode: 'let-me-in-2026',
    claim: { code, dateOfBirth },
  }
  const answer = await call(app, 'POST /auth/register', { body })
  assert.equal(answer.status, 422)
  assert.equal(answer.body.errors[0].pointer, '/claim')
})

test('claims leave audit rows, refused ones too, and neither log nor audit holds code or birthday', async () => {
  const born = '1933-03-31'
  const { id, code } = await claimable({ dateOfBirth: born })
  const { as, accountId } = await makePatient(runtime)
  await claim(as, { code, dateOfBirth: '1933-03-30' })
  await claim(as, { code, dateOfBirth: born, relation: 'carer' })
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['actor_id', 'allowed', 'details'])
    .where('subject_id', '=', id)
    .where('action', '=', 'patient.claim')
    .orderBy('seq')
    .execute()
  assert.deepEqual(rows, [
    { actor_id: accountId, allowed: false, details: {} },
    { actor_id: accountId, allowed: true, details: { accountId, relation: 'carer' } },
  ])
  const audit = await runtime.db.selectFrom('audit_entry').selectAll().execute()
  const kept = JSON.stringify(audit) + (await testVisita()).logged()
  for (const secret of [code, born, '1933-03-30']) assert.ok(!kept.includes(secret))
})

test('an account with 20 records of others claims no further one, and the link stays good', async () => {
  const full = await makePatient(runtime)
  const created_at = formatUtc(runtime.clock())
  const ids = Array.from({ length: 19 }, () => newId())
  await runtime.db
    .insertInto('patient')
    .values(ids.map((id) => ({ id, name: 'Ben Berg', created_at })))
    .execute()
  const access = {
    account_id: full.accountId,
    relation: 'carer' as const,
    scope: 'manage' as const,
  }
  await runtime.db
    .insertInto('patient_access')
    .values(ids.map((patient_id) => ({ ...access, patient_id, created_at })))
    .execute()
  const others = await Promise.all(Array.from({ length: 8 }, () => claimable()))
  const answers = await Promise.all(
    others.map(({ code }) => claim(full.as, { code, dateOfBirth, relation: 'carer' })),
  )
  assert.deepEqual(statusesOf(answers), [200, ...Array(7).fill(409)])
  const refused = others[answers.findIndex(({ status }) => status === 409)]!
  assert.equal((await linkOf(refused.id)).used_at, null)
  const own = await claim(full.as, { code: refused.code, dateOfBirth })
  assert.equal(own.status, 200, JSON.stringify(own.body))
})

test('who claims locks the two records in the order of their ids, as whoever merges them does', async () => {
  const owner = await makePatient(runtime)
  const { id, code } = await claimable()
  assert.ok(owner.patientId < id)
  await whileHeld(
    async (blocker) => {
      await blocker.query('select from patient where id = $1 for update', [owner.patientId])
    },
    async (pid, release) => {
      const claimed = claim(owner.as, { code, dateOfBirth })
      const database = new pg.Client({ connectionString: databaseUrl })
      await database.connect()
      try {
        await onlyWaiter(database, pid)
        await database.query('select from patient where id = $1 for update nowait', [id])
      } finally {
        await release()
        await database.end()
      }
      assert.equal((await claimed).status, 200)
    },
  )
})
