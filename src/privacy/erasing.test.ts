import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { hashPassword } from '#src/identity/passwords.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, signInAs, type Answer, type Network } from '#test/support/network.ts'
import { book, makePatient, openSlots, type TestPatient } from '#test/support/patient.ts'
import {
  command,
  contextLater,
  makeVisit,
  openNetwork,
  storedStatus,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const { db } = runtime
const at = () => formatUtc(runtime.clock())
const password = 'four wet herons wait'
const passwordHash = await hashPassword(password)

async function setPassword(as: string): Promise<string> {
  const { accountId } = (await contextLater(as, 0)).actor
  await db
    .updateTable('account')
    .set({ password_hash: passwordHash, email: `${newId()}@example.org`, name: 'Zoe Canary' })
    .where('id', '=', accountId)
    .execute()
  return accountId
}

async function leave(as: string, body: object = { password }): Promise<Answer> {
  return call(app, 'DELETE /me', { as, body })
}

async function recordOf(patientId: string) {
  return db.selectFrom('patient').selectAll().where('id', '=', patientId).executeTakeFirst()
}

/** A visit of the patient that took place. */
async function pastVisit(network: Network, patientId: string): Promise<string> {
  const id = newId()
  const visit = {
    doctor_id: network.doctorId,
    clinic_id: network.clinicId,
    visit_type_id: network.visitTypeId,
    starts_at: '2026-01-05T09:00:00Z',
    ends_at: '2026-01-05T09:30:00Z',
    time_zone: 'Europe/Paris',
    local_starts_at: '2026-01-05T10:00:00',
    reason: 'canary-reason',
    staff_note: 'canary-note',
  }
  await db
    .insertInto('appointment')
    .values({ ...visit, id, patient_id: patientId, status: 'completed', created_at: at() })
    .execute()
  await db
    .insertInto('appointment_event')
    .values({
      ...visit,
      appointment_id: id,
      version: 1,
      occurred_at: at(),
      to_status: 'completed',
      command: 'complete',
      sequence: 0,
      note: 'canary-step',
    })
    .execute()
  await db
    .insertInto('message')
    .values({ id: newId(), appointment_id: id, side: 'staff', text: 'canary-text', sent_at: at() })
    .execute()
  return id
}

/** The tables in which the text stands anywhere. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = current_schema()::regnamespace and relkind = 'r'`.execute(db)
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql`
      select from ${sql.table(name)} as row where position(${text} in row::text) > 0 limit 1`.execute(
      db,
    )
    if (rows.length > 0) found.push(name)
  }
  return found.toSorted()
}

test('an account ends with its password alone, and nothing of it opens anything after', async () => {
  const patient = await makePatient(runtime)
  const accountId = await setPassword(patient.as)
  assert.equal((await leave(patient.as, { password: 'another one' })).status, 401)
  assert.equal((await leave(patient.as)).status, 204)
  assert.equal((await call(app, 'GET /auth/me', { as: patient.as })).status, 401)
  const account = await db
    .selectFrom('account')
    .select(['email', 'name', 'phone', 'status'])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  assert.deepEqual(account, {
    email: `${accountId}@erased.invalid`,
    name: 'Former account',
    phone: null,
    status: 'erased',
  })
  const signIn = { email: account.email, password }
  assert.equal((await call(app, 'POST /auth/login', { body: signIn })).status, 401)
  assert.equal(await recordOf(patient.patientId), undefined)
})

test('visits ahead are cancelled, however late, and waits end', async () => {
  const network = await openNetwork()
  await db
    .updateTable('clinic')
    .set({ change_notice_minutes_min: 500_000 })
    .where('id', '=', network.clinicId)
    .execute()
  const visit = await makeVisit(network, 0)
  await setPassword(visit.as)
  const entry = await call(app, 'POST /waitlist', {
    as: visit.as,
    body: { appointmentId: visit.id, from: '22:00' },
  })
  assert.equal(entry.status, 201)
  assert.equal((await leave(visit.as)).status, 204)
  assert.equal(await storedStatus(visit.id), 'cancelled')
  const events = await db
    .selectFrom('event')
    .select('type')
    .where(sql<boolean>`subjects ->> 'appointmentId' = ${visit.id}`)
    .orderBy('seq')
    .execute()
  assert.equal(events.at(-1)?.type, 'appointment.cancelled')
  const open = await openSlots(app, network.doctorId)
  assert.ok(open.some(({ startsAt }) => startsAt === network.slots[0]!.startsAt))
  // No visit took place: nothing has to be kept.
  assert.ok((await recordOf(visit.patientId))?.erased_at)
  assert.equal(
    (
      await db
        .selectFrom('waitlist_entry')
        .select('id')
        .where('patient_id', '=', visit.patientId)
        .execute()
    ).length,
    0,
  )
})

test('a record with a visit that took place stays with the clinic, without contact data', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime)
  await setPassword(patient.as)
  const id = await pastVisit(network, patient.patientId)
  await db
    .updateTable('patient')
    .set({ date_of_birth: '1984-07-19', city: 'Paris', emergency_name: 'Ben' })
    .where('id', '=', patient.patientId)
    .execute()
  assert.equal((await leave(patient.as)).status, 204)
  const kept = await recordOf(patient.patientId)
  assert.deepEqual(
    [
      kept?.name,
      kept?.date_of_birth,
      kept?.phone,
      kept?.city,
      kept?.emergency_name,
      kept?.erased_at,
    ],
    ['Anna Berg', '1984-07-19', null, null, null, null],
  )
  const seen = await call(app, `GET /appointments/${id}`, { as: network.people.doctor })
  assert.equal(seen.body.reason, 'canary-reason')
})

test('records of others go back to the desk, and what nobody knows goes', async () => {
  const network = await openNetwork()
  const parent = await makePatient(runtime)
  const { accountId } = parent
  await setPassword(parent.as)
  const child = await call(app, 'POST /patients', {
    as: network.people.deskHere,
    body: { name: `Ida ${newId()}`, despiteDuplicates: true },
  })
  const unknown = await makePatient(runtime)
  const shared = await makePatient(runtime)
  await db.deleteFrom('patient_access').where('patient_id', '=', unknown.patientId).execute()
  for (const patient_id of [child.body.id, unknown.patientId, shared.patientId])
    await db
      .insertInto('patient_access')
      .values({
        patient_id,
        account_id: accountId,
        relation: 'parent',
        scope: 'manage',
        created_at: at(),
      })
      .execute()
  assert.equal((await leave(parent.as)).status, 204)
  assert.ok(await recordOf(child.body.id))
  assert.ok(await recordOf(shared.patientId))
  assert.equal(await recordOf(unknown.patientId), undefined)
  const events = await db
    .selectFrom('event')
    .select('type')
    .where(sql<boolean>`subjects ->> 'accountId' = ${accountId}`)
    .execute()
  assert.deepEqual(events.map(({ type }) => type).toSorted(), [
    'access.ended',
    'access.ended',
    'access.ended',
    'access.ended',
    'account.erased',
  ])
})

test('nobody looks on, books or is invited where nobody manages a record any more, and each is told', async () => {
  const network = await openNetwork()
  const outcomes = new Map<string, string>()
  for (const kind of ['kept', 'erased', 'deleted', 'given-back'] as const) {
    const owner = await makePatient(runtime)
    const accountId = await setPassword(owner.as)
    let { patientId } = owner
    if (kind === 'kept') await pastVisit(network, patientId)
    if (kind === 'erased') {
      const { body } = await book(app, owner.as, { slotId: network.slots[outcomes.size]!.id })
      await command(owner.as, body.id, 'cancel')
    }
    const access = { relation: 'carer', created_at: at() } as const
    if (kind === 'given-back') {
      const body = { name: `Ida ${newId()}`, despiteDuplicates: true }
      const child = await call(app, 'POST /patients', { as: network.people.deskHere, body })
      patientId = child.body.id
      await db
        .insertInto('patient_access')
        .values({ ...access, patient_id: patientId, account_id: accountId, scope: 'manage' })
        .execute()
    }
    const others: TestPatient[] = []
    for (const scope of ['see', 'book'] as const) {
      const other = await makePatient(runtime)
      others.push(other)
      await db
        .insertInto('patient_access')
        .values({ ...access, patient_id: patientId, account_id: other.accountId, scope })
        .execute()
    }
    await db
      .insertInto('access_invitation')
      .values({
        ...access,
        id: newId(),
        patient_id: patientId,
        email: 'x@example.org',
        scope: 'see',
        invited_by: others[0]!.accountId,
        expires_at: '2099-01-01T00:00:00Z',
      })
      .execute()
    assert.equal((await leave(owner.as)).status, 204)
    for (const { as } of others)
      assert.equal((await call(app, `GET /patients/${patientId}`, { as })).status, 404, kind)
    const { rows } = await sql<{ account: string }>`
      select subjects ->> 'accountId' as account from event
      where type = 'access.ended' and subjects ->> 'patientId' = ${patientId}`.execute(db)
    assert.deepEqual(
      rows.map(({ account }) => account).toSorted(),
      [accountId, ...others.map((other) => other.accountId)].toSorted(),
      kind,
    )
    const left = await db
      .selectFrom('access_invitation')
      .select('id')
      .where('patient_id', '=', patientId)
      .execute()
    assert.deepEqual(left, [], kind)
    const { details } = await db
      .selectFrom('audit_entry')
      .select('details')
      .where('action', '=', 'access.end')
      .where('subject_id', '=', patientId)
      .executeTakeFirstOrThrow()
    outcomes.set(kind, (details as { outcome: string }).outcome)
  }
  for (const [kind, outcome] of outcomes) assert.equal(outcome, kind)
})

test('what an account booked was booked by the patient’s side after its end too', async () => {
  const network = await openNetwork()
  const { people, slots } = network
  const [owner, child] = [await makePatient(runtime), await makePatient(runtime)]
  const accountId = await setPassword(owner.as)
  await db
    .insertInto('patient_access')
    .values({
      patient_id: child.patientId,
      account_id: accountId,
      relation: 'carer',
      scope: 'manage',
      created_at: at(),
    })
    .execute()
  await call(app, `PATCH /patients/${child.patientId}`, {
    as: child.as,
    body: { dateOfBirth: '1984-07-19' },
  })
  const wish = { slotId: slots[0]!.id, patientId: child.patientId }
  assert.equal((await book(app, owner.as, wish)).status, 201)
  const seen = async () =>
    (await call(app, `GET /patients/${child.patientId}`, { as: people.deskHere })).body.dateOfBirth
  assert.equal(await seen(), '1984-07-19')
  assert.equal((await leave(owner.as)).status, 204)
  assert.equal(await seen(), '1984-07-19')
})

test('no e-mail address of a former account is left, in mails of invitations and of a kept record either', async () => {
  const network = await openNetwork()
  const { patientId, as } = await makePatient(runtime)
  const accountId = await setPassword(as)
  await pastVisit(network, patientId)
  const email = `canary-${newId()}@example.org`
  await db.updateTable('account').set({ email }).where('id', '=', accountId).execute()
  await db.updateTable('patient').set({ email }).where('id', '=', patientId).execute()
  const [used, unused, access] = [newId(), newId(), newId()]
  const dates = { created_at: at(), expires_at: at() }
  for (const [id, used_by] of [
    [used, accountId],
    [unused, null],
  ] as const)
    await db
      .insertInto('invitation')
      .values({ ...dates, id, code_hash: randomBytes(32), role: 'doctor', email, used_by })
      .execute()
  const other = await makePatient(runtime)
  await db
    .insertInto('access_invitation')
    .values({
      ...dates,
      id: access,
      patient_id: other.patientId,
      email,
      relation: 'carer',
      scope: 'see',
      invited_by: other.accountId,
    })
    .execute()
  for (const whom of [
    { account_id: accountId },
    { patient_id: patientId },
    { invitation_id: used },
    { invitation_id: unused },
    { access_invitation_id: access },
  ])
    await db
      .insertInto('notification')
      .values({
        ...whom,
        id: newId(),
        kind: 'account',
        channel: 'email',
        side: 'patient',
        topic: `test:${newId()}`,
        details: '{}',
        status: 'sent',
        address: email,
        queued_at: at(),
      })
      .execute()
  assert.ok((await tablesWith(email)).length >= 5)
  assert.equal((await leave(as)).status, 204)
  assert.ok(await recordOf(patientId))
  assert.deepEqual(await tablesWith(email), [])
})

test('waits for a doctor end with the account of the doctor, in the same transaction', async () => {
  const network = await openNetwork()
  const { people, doctorId, visitTypeId } = network
  const waiting = await makePatient(runtime)
  const entry = await call(app, 'POST /waitlist', {
    as: waiting.as,
    body: { doctorId, visitTypeId, patientId: waiting.patientId },
  })
  assert.equal(entry.status, 201, JSON.stringify(entry.body))
  await setPassword(people.doctor)
  assert.equal((await leave(people.doctor)).status, 204)
  const { rows } = await sql<{ status: string; is_together: boolean }>`
    select entry.status, entry.xmin = doctor.xmin as is_together
    from waitlist_entry as entry join doctor on doctor.id = doctor_id
    where entry.id = ${entry.body.id}`.execute(db)
  assert.deepEqual(rows, [{ status: 'ended', is_together: true }])
})

test('a held time is in nobody’s way when a record is erased', async () => {
  const network = await openNetwork()
  const holder = await makePatient(runtime)
  const hold = await book(app, holder.as, { slotId: network.slots[0]!.id, hold: true })
  assert.equal(hold.status, 201)
  const request = `POST /admin/patients/${holder.patientId}/erase` as const
  assert.equal((await call(app, request, { as: network.people.admin })).status, 204)
  assert.equal(await storedStatus(hold.body.id), 'expired')
})

test('a doctor leaves once there are no visits ahead, and is in no list at once', async () => {
  const network = await openNetwork()
  const { people, doctorId } = network
  const visit = await makeVisit(network, 0)
  const refused = await call(app, `DELETE /doctors/${doctorId}`, { as: people.admin })
  assert.equal(refused.body.type, '/problems/visits-open')
  assert.deepEqual([refused.body.visitCount, refused.body.visits[0].appointmentId], [1, visit.id])
  assert.equal((await command(people.deskHere, visit.id, 'cancel')).status, 200)
  const holder = await makePatient(runtime)
  const hold = await book(app, holder.as, { slotId: network.slots[1]!.id, hold: true })
  assert.equal((await call(app, `DELETE /doctors/${doctorId}`, { as: people.admin })).status, 204)
  assert.equal(await storedStatus(hold.body.id), 'expired')
  const listed = await call(app, `GET /doctors?clinicId=${network.clinicId}`)
  assert.ok(!listed.body.items.some((one: { id: string }) => one.id === doctorId))
  assert.equal((await call(app, `GET /doctors/${doctorId}`)).status, 404)
  const shown = await call(app, `GET /doctors/${doctorId}`, { as: people.admin })
  assert.equal(shown.body.status, 'left')
  assert.deepEqual(await openSlots(app, doctorId), [])
  assert.equal((await call(app, 'GET /auth/me', { as: people.doctor })).status, 401)
  const late = await book(app, holder.as, { slotId: network.slots[2]!.id })
  assert.ok([409, 422, 404].includes(late.status), JSON.stringify(late.body))
  const over = await book(app, people.admin, {
    doctorId,
    clinicId: network.clinicId,
    visitTypeId: network.visitTypeId,
    startsAt: network.slots[3]!.startsAt,
    patientId: holder.patientId,
    overbook: { reason: 'In pain.' },
  })
  assert.ok(over.status >= 400 && over.status < 500, JSON.stringify(over.body))
  // The visit that there was is still told.
  assert.equal((await call(app, `GET /appointments/${visit.id}`, { as: visit.as })).status, 200)
  assert.equal((await call(app, `DELETE /doctors/${doctorId}`, { as: people.admin })).status, 204)
})

test('a doctor with visits ahead cannot end the account; without, the profile leaves too', async () => {
  const network = await openNetwork()
  const { people, doctorId } = network
  const visit = await makeVisit(network, 0)
  const accountId = await setPassword(people.doctor)
  assert.equal((await leave(people.doctor)).body.type, '/problems/visits-open')
  await command(people.deskHere, visit.id, 'cancel')
  assert.equal((await leave(people.doctor)).status, 204)
  const row = await db
    .selectFrom('doctor')
    .select(['status', 'account_id'])
    .where('id', '=', doctorId)
    .executeTakeFirstOrThrow()
  assert.deepEqual(row, { status: 'left', account_id: null })
  assert.deepEqual(await tablesWith(accountId).then((names) => names.includes('session')), false)
})

test('the last admin cannot leave', async () => {
  const admin = await signInAs(runtime, { role: 'admin' })
  const accountId = await setPassword(admin)
  const others = await db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .where('id', '<>', accountId)
    .returning('id')
    .execute()
  assert.equal((await leave(admin)).body.type, '/problems/conflict')
  for (const { id } of others)
    await db.updateTable('account').set({ status: 'active' }).where('id', '=', id).execute()
  if (others.length === 0) await signInAs(runtime, { role: 'admin' })
  assert.equal((await leave(admin)).status, 204)
})

test('the last admin does not leave as a doctor either', async () => {
  const network = await openNetwork()
  const { doctorId, people } = network
  const { accountId } = (await contextLater(people.admin, 0)).actor
  await db.updateTable('doctor').set({ account_id: accountId }).where('id', '=', doctorId).execute()
  const others = await db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .where('id', '<>', accountId)
    .returning('id')
    .execute()
  const request = `DELETE /doctors/${doctorId}` as const
  try {
    assert.equal((await call(app, request, { as: people.admin })).status, 409)
  } finally {
    for (const { id } of others)
      await db.updateTable('account').set({ status: 'active' }).where('id', '=', id).execute()
  }
  const other = await signInAs(runtime, { role: 'admin' })
  assert.equal((await call(app, request, { as: other })).status, 204)
  assert.equal((await call(app, 'GET /auth/me', { as: people.admin })).status, 401)
})

test('an erased record says nothing of who it was, anywhere', async () => {
  const network = await openNetwork()
  const { admin, doctor } = network.people
  const canary = `canary-${newId()}`
  const patient: TestPatient = await makePatient(runtime, `${canary} Surname`)
  const id = await pastVisit(network, patient.patientId)
  await db
    .updateTable('patient')
    .set({ email: `${canary}@example.org`, insurance_number: `${canary}-insurance` })
    .where('id', '=', patient.patientId)
    .execute()
  const ahead = await book(app, patient.as, {
    slotId: network.slots[0]!.id,
    reason: `${canary}-ahead`,
  })
  const request = `POST /admin/patients/${patient.patientId}/erase` as const
  assert.equal((await call(app, request, { as: admin })).body.type, '/problems/visits-open')
  await command(patient.as, ahead.body.id, 'cancel', { body: { reason: `${canary}-cancel` } })
  assert.equal((await call(app, request, { as: admin })).status, 204)
  assert.deepEqual(await tablesWith(canary), [])
  const seen = await call(app, `GET /appointments/${id}`, { as: doctor })
  assert.deepEqual(
    [seen.body.status, seen.body.patient, seen.body.reason, seen.body.staffNote],
    ['completed', { name: 'Erased' }, undefined, undefined],
  )
  assert.equal((await call(app, request, { as: admin })).status, 404)
  const late = await book(app, admin, {
    slotId: network.slots[2]!.id,
    patientId: patient.patientId,
  })
  assert.equal(late.status, 404, JSON.stringify(late.body))
})
