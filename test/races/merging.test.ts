// Records that are merged, doctors who leave and accounts that end while others go on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { hashPassword } from '#src/identity/passwords.ts'
import { newId } from '#src/kernel/ids.ts'
import { call, signInAs, type Answer } from '../support/network.ts'
import { book, makePatient } from '../support/patient.ts'
import { whileHeld } from '../support/race-blocker.ts'
import { until } from '../support/race-servers.ts'
import { makeVisit, openNetwork, type OpenNetwork } from '../support/visits.ts'
import { testVisita } from '../support/visita.ts'

const { app, runtime, databaseUrl } = await testVisita()
const { db } = runtime

async function registered({ people }: OpenNetwork): Promise<string> {
  const body = { name: `Anna ${newId()}`, dateOfBirth: '1984-07-19', despiteDuplicates: true }
  return (await call(app, 'POST /patients', { as: people.deskHere, body })).body.id
}

function merge(as: string, patientId: string, duplicateId: string): Promise<Answer> {
  return call(app, `POST /patients/${patientId}/merge`, { as, body: { duplicateId } })
}

const password = 'four wet herons wait'

async function withPassword(accountId: string): Promise<void> {
  const password_hash = await hashPassword(password)
  await db.updateTable('account').set({ password_hash }).where('id', '=', accountId).execute()
}

/** The clinic's claims of no appointment's patient, doctor or room. */
async function strayClaims({ clinicId }: OpenNetwork): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from claim join appointment on appointment.id = appointment_id
    where clinic_id = ${clinicId}
      and calendar_id not in (doctor_id, patient_id, coalesce(room_id, doctor_id))`.execute(db)
  return rows[0]!.count
}

test('a visit that is booked for a record while it is merged is of the record that is kept, or refused', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  const outcomes = new Set<string>()
  for (let round = 0; round < 12; round += 1) {
    const [kept, duplicate] = [await registered(network), await registered(network)]
    const wishes = [0, 1, 2].map((index) =>
      book(app, deskHere, { slotId: network.slots[round * 4 + index]!.id, patientId: duplicate }),
    )
    const [merged, ...booked] = await Promise.all([merge(deskHere, kept, duplicate), ...wishes])
    assert.equal(merged.status, 200, JSON.stringify(merged.body))
    for (const answer of booked) {
      outcomes.add(String(answer.status))
      assert.ok([201, 404].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status !== 201) continue
      const row = await db
        .selectFrom('appointment')
        .select('patient_id')
        .where('id', '=', answer.body.id)
        .executeTakeFirstOrThrow()
      assert.equal(row.patient_id, kept)
    }
  }
  assert.equal(await strayClaims(network), 0)
})

test('a visit that is moved while its record is merged claims the time of the one that is kept', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  for (let round = 0; round < 12; round += 1) {
    const [kept, duplicate] = [await registered(network), await registered(network)]
    const slots = network.slots.slice(round * 2, round * 2 + 2)
    const { body } = await book(app, deskHere, { slotId: slots[0]!.id, patientId: duplicate })
    const [merged, moved] = await Promise.all([
      merge(deskHere, kept, duplicate),
      call(app, `POST /appointments/${body.id}/reschedule`, {
        as: deskHere,
        body: { slotId: slots[1]!.id },
      }),
    ])
    assert.equal(merged.status, 200, JSON.stringify(merged.body))
    assert.equal(moved.status, 200, JSON.stringify(moved.body))
  }
  assert.equal(await strayClaims(network), 0)
})

test('of two merges that cross one is made', async () => {
  const network = await openNetwork()
  const { deskHere, admin } = network.people
  for (let round = 0; round < 8; round += 1) {
    const [one, other] = [await registered(network), await registered(network)]
    const answers = await Promise.all([merge(deskHere, one, other), merge(admin, other, one)])
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 404])
  }
})

test('a link that is used while its record is merged gives the record that is kept, or nothing', async () => {
  const network = await openNetwork()
  const { deskHere } = network.people
  for (let round = 0; round < 8; round += 1) {
    const [kept, duplicate] = [await registered(network), await registered(network)]
    const link = await call(app, `POST /patients/${duplicate}/claim-links`, {
      as: deskHere,
      body: {},
    })
    const as = await signInAs(runtime, { role: 'patient' })
    const [merged, claimed] = await Promise.all([
      merge(deskHere, kept, duplicate),
      call(app, 'POST /patients/claims', {
        as,
        body: { code: link.body.code, dateOfBirth: '1984-07-19' },
      }),
    ])
    assert.equal(merged.status, 200, JSON.stringify(merged.body))
    assert.ok([200, 422].includes(claimed.status), JSON.stringify(claimed.body))
    const { body } = await call(app, 'GET /patients', { as })
    assert.deepEqual(
      body.items.map(({ id }: { id: string }) => id),
      claimed.status === 200 ? [kept] : [],
    )
  }
})

test('nobody has a visit ahead with a doctor who left', async () => {
  for (let round = 0; round < 6; round += 1) {
    const network = await openNetwork()
    const { admin, deskHere } = network.people
    const { doctorId, clinicId, visitTypeId, slots } = network
    const patients = await Promise.all([0, 1, 2, 3].map(() => makePatient(runtime)))
    const [left, ...booked] = await Promise.all([
      call(app, `DELETE /doctors/${doctorId}`, { as: admin }),
      ...patients.map(({ as, patientId }, index) =>
        index < 2
          ? book(app, as, { slotId: slots[index]!.id })
          : book(app, deskHere, {
              doctorId,
              clinicId,
              visitTypeId,
              patientId,
              startsAt: slots[index]!.startsAt,
              overbook: { reason: 'In pain.' },
            }),
      ),
    ])
    const made = booked.filter(({ status }) => status === 201).length
    assert.ok(booked.every(({ status }) => status < 500))
    assert.ok(left.status === 204 ? made === 0 : left.status === 409, `${left.status} ${made}`)
  }
})

test('an overbooking that was decided on before the doctor left is refused', async () => {
  const network = await openNetwork()
  const { doctorId, clinicId, visitTypeId, slots, people } = network
  const { patientId } = await makePatient(runtime)
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    await whileHeld(
      async (blocker) =>
        void (await blocker.query('select from doctor where id = $1 for update', [doctorId])),
      async (pid, release) => {
        const waiters = (count: number) =>
          until(`${count} wait`, async () => {
            const { rows } = await database.query<{ count: number }>(
              `select count(*)::integer as count from pg_stat_activity
               where cardinality(pg_blocking_pids(pid)) > 0 and pid <> $1`,
              [pid],
            )
            return rows[0]!.count >= count
          })
        const leaving = call(app, `DELETE /doctors/${doctorId}`, { as: people.admin })
        await waiters(1)
        const booking = book(app, people.deskHere, {
          doctorId,
          clinicId,
          visitTypeId,
          patientId,
          startsAt: slots[0]!.startsAt,
          overbook: { reason: 'In pain.' },
        })
        await waiters(2)
        await release()
        assert.equal((await leaving).status, 204)
        const { status, body } = await booking
        assert.ok(status >= 400 && status < 500, JSON.stringify(body))
      },
    )
  } finally {
    await database.end()
  }
})

test('an account that books while it ends leaves no visit ahead', async () => {
  for (let round = 0; round < 6; round += 1) {
    const network = await openNetwork()
    const patient = await makeVisit(network, 0)
    await withPassword(patient.accountId)
    const [ended, ...booked] = await Promise.all([
      call(app, 'DELETE /me', { as: patient.as, body: { password } }),
      ...[4, 8, 12].map((index) => book(app, patient.as, { slotId: network.slots[index]!.id })),
    ])
    assert.ok([204, 409].includes(ended.status), JSON.stringify(ended.body))
    assert.ok(booked.every(({ status }) => status < 500))
    if (ended.status !== 204) continue
    const ahead = await db
      .selectFrom('appointment')
      .select('id')
      .where('patient_id', '=', patient.patientId)
      .where('status', 'in', ['held', 'requested', 'confirmed'])
      .execute()
    assert.deepEqual(ahead, [])
  }
})

test('whoever is registered by an account that ends is left to nobody’s account, or not at all', async () => {
  const { accountId, as } = await makePatient(runtime)
  await withPassword(accountId)
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    await whileHeld(
      // As a row of somebody else's that refers to the account.
      async (blocker) =>
        void (await blocker.query('select from account where id = $1 for key share', [accountId])),
      async (pid, release) => {
        const waiters = (count: number) =>
          until(`${count} wait`, async () => {
            const { rows } = await database.query<{ count: number }>(
              `select count(*)::integer as count from pg_stat_activity
               where cardinality(pg_blocking_pids(pid)) > 0 and pid <> $1`,
              [pid],
            )
            return rows[0]!.count >= count
          })
        const ending = call(app, 'DELETE /me', { as, body: { password } })
        await waiters(1)
        const body = { name: `Ida ${newId()}`, relation: 'parent', dateOfBirth: '2020-01-01' }
        const registering = call(app, 'POST /patients', { as, body })
        await waiters(2)
        await release()
        assert.equal((await ending).status, 204)
        assert.equal((await registering).status, 401)
        const { rows } = await database.query('select from patient where name = $1', [body.name])
        assert.equal(rows.length, 0)
      },
    )
  } finally {
    await database.end()
  }
})

test('an account that was erased gets no access, be it given while it was erased', async () => {
  const [gone, other] = [await makePatient(runtime), await makePatient(runtime)]
  const [ending, giving] = [1, 2].map(() => new pg.Client({ connectionString: databaseUrl })) as [
    pg.Client,
    pg.Client,
  ]
  await Promise.all([ending.connect(), giving.connect()])
  try {
    await ending.query('begin')
    await ending.query('select leave_patients($1, now())', [gone.accountId])
    await ending.query("select erase_account($1, 'x')", [gone.accountId])
    const given = giving
      .query(
        `insert into patient_access (account_id, patient_id, relation, scope, created_at)
         values ($1, $2, 'carer', 'manage', now())`,
        [gone.accountId, other.patientId],
      )
      .then(
        () => 'given',
        (error: { constraint: string }) => error.constraint,
      )
    const { rows } = await ending.query<{ pid: number }>('select pg_backend_pid() as pid')
    await until('the giving waits', async () => {
      const waiting = await ending.query(
        'select from pg_stat_activity where $1::integer = any (pg_blocking_pids(pid))',
        [rows[0]!.pid],
      )
      return waiting.rows.length > 0
    })
    await ending.query('commit')
    assert.equal(await given, 'patient_access_account')
  } finally {
    await Promise.all([ending.end(), giving.end()])
  }
})

test('an account ends while admins are being referred to, and locked', async () => {
  const { accountId, as } = await makePatient(runtime)
  await withPassword(accountId)
  await openNetwork()
  await whileHeld(
    async (blocker) =>
      void (await blocker.query("select from account where role = 'admin' for update")),
    async (_pid, release) => {
      const ended = await Promise.race([
        call(app, 'DELETE /me', { as, body: { password } }).then(({ status }) => status),
        delay(5000, 'waits for admins', { ref: false }),
      ])
      await release()
      assert.equal(ended, 204)
    },
  )
})

test('who merges or erases has the visits before the records, as who takes steps has', async () => {
  const network = await openNetwork()
  const { admin, deskHere } = network.people
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    for (const [index, act] of [
      (id: string, other: string) => merge(admin, id, other),
      (id: string) => call(app, `POST /admin/patients/${id}/erase`, { as: admin }),
    ].entries()) {
      const [patientId, other] = [await registered(network), await registered(network)]
      const { body } = await book(app, deskHere, { slotId: network.slots[index]!.id, patientId })
      await call(app, `POST /appointments/${body.id}/cancel`, { as: deskHere, body: {} })
      await whileHeld(
        async (blocker) =>
          void (await blocker.query('select from appointment where id = $1 for update', [body.id])),
        async (pid, release) => {
          const acting = act(patientId, other)
          await until('it waits for the visit', async () => {
            const { rows } = await database.query(
              'select from pg_stat_activity where $1::integer = any (pg_blocking_pids(pid))',
              [pid],
            )
            return rows.length > 0
          })
          const { rows } = await database.query(
            'select from patient where id = any ($1) for key share skip locked',
            [[patientId, other]],
          )
          await release()
          assert.ok((await acting).status < 300)
          assert.equal(rows.length, 2)
        },
      )
    }
  } finally {
    await database.end()
  }
})
