import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate } from '#src/identity/authenticate.ts'
import { addDays, formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, signInAs } from '#test/support/network.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { testVisita } from '#test/support/visita.ts'
import { command, contextLater, instantOf, makeVisit, openNetwork } from '#test/support/visits.ts'
import { readOverview } from './overview.ts'

const { app, runtime } = await testVisita()
const readiness = () => Promise.resolve({ checks: [] })

test('the load of a day is told for each clinic, by status and hour, without visits called off', async () => {
  const network = await openNetwork()
  const first = await makeVisit(network, 0)
  await makeVisit(network, 1)
  await makeVisit(network, 2)
  const cancelled = await makeVisit(network, 3)
  await command(cancelled.as, cancelled.id, 'cancel')
  const date = first.visit.startsAt.slice(0, 10)
  const loadAt = async (day: string) => {
    const request = `GET /admin/overview?date=${day}` as const
    const { status, body } = await call(app, request, { as: network.people.admin })
    assert.equal(status, 200, JSON.stringify(body))
    return body.clinics.find(({ id }: { id: string }) => id === network.clinicId)
  }
  const load = await loadAt(date)
  assert.deepEqual(
    { ...load, visits: [load.visits.confirmed, load.visits.cancelled, load.visits.held] },
    {
      id: network.clinicId,
      name: 'Canal',
      date,
      visits: [3, 1, 0],
      bookedMinutes: 90,
      byHour: [
        { hour: 9, visits: 2 },
        { hour: 10, visits: 1 },
      ],
    },
  )
  const before = await loadAt(addDays(date, -1))
  assert.deepEqual([before.bookedMinutes, before.byHour], [0, []])
})

test('without a date, each clinic is told its own today', async () => {
  const { people, clinicId } = await makeNetwork(runtime)
  await runtime.db
    .updateTable('clinic')
    .set({ time_zone: 'Pacific/Kiritimati' })
    .where('id', '=', clinicId)
    .execute()
  const dateAt = async (time: string) => {
    const at = { ...(await contextLater(people.admin, 0)), clock: () => instantOf(time) }
    const { clinics } = await readOverview(at, { date: undefined, readiness })
    return clinics.find(({ id }) => id === clinicId)?.date
  }
  assert.equal(await dateAt('2026-11-20T09:59:59Z'), '2026-11-20')
  assert.equal(await dateAt('2026-11-20T10:00:00Z'), '2026-11-21')
})

test('what waits is counted, and what is wrong is said', async (t) => {
  const { db } = await ownDatabase(t)
  const own = { ...runtime, db }
  const network = await makeNetwork(own)
  const actor = await authenticate(own, network.people.admin)
  const context = { ...own, actor: actor!, requestId: 'test', clientAddress: null }
  const now = runtime.clock()
  const at = (hours: number) => formatUtc(now + hours * 3_600_000)
  const patientId = network.doctorId
  await db
    .insertInto('patient')
    .values({ id: patientId, name: 'Anna Berg', created_at: at(0) })
    .execute()
  const visit = (hours: number, status: 'requested' | 'no_show' | 'completed') => ({
    id: crypto.randomUUID(),
    status,
    doctor_id: network.doctorId,
    clinic_id: network.clinicId,
    patient_id: patientId,
    visit_type_id: network.visitTypeId,
    starts_at: at(hours),
    ends_at: at(hours + 0.5),
    time_zone: 'Europe/Paris',
    local_starts_at: at(hours).slice(0, 19),
    created_at: at(-1000),
    ...(status === 'requested' && { expires_at: at(hours) }),
  })
  await db
    .insertInto('appointment')
    .values([
      visit(48, 'requested'),
      visit(-48, 'requested'),
      visit(-100, 'no_show'),
      visit(-101, 'completed'),
      visit(-24 * 31, 'no_show'),
    ])
    .execute()
  const overview = await readOverview(context, { date: undefined, readiness })
  assert.deepEqual(overview.requests, { open: 1, oldestAt: at(-1000) })
  assert.partialDeepStrictEqual(overview.noShows, { last30Days: 1, visitsLast30Days: 2 })
  assert.deepEqual(overview.waitlist, { waiting: 0 })
  assert.deepEqual(
    overview.warnings.map(({ code, concerns }) => [code, concerns?.map(({ name }) => name)]),
    [['doctors-without-hours', ['Claire Moreau', 'Hugo Weber']]],
  )

  await db.updateTable('network_settings').set({ second_factor_for_staff: true }).execute()
  await db
    .insertInto('weekly_hours')
    .values({
      id: crypto.randomUUID(),
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      weekday: 1,
      from_minute: 540,
      to_minute: 600,
    })
    .execute()
  await signInAs(own, { role: 'patient' })
  const later = { ...context, clock: () => now + 120_000 }
  const { warnings } = await readOverview(later, {
    date: undefined,
    readiness: () =>
      Promise.resolve({
        checks: [
          { name: 'time zones', status: 'warn', detail: 'They differ.' },
          { name: 'database', status: 'ok', detail: 'It answers.' },
        ],
      }),
  })
  assert.deepEqual(
    warnings.map(({ code, concerns }) => [code, concerns?.length]),
    [
      ['time-zones', undefined],
      ['audit-not-sealed', undefined],
      ['doctors-without-hours', 1],
      ['staff-without-second-factor', 5],
    ],
  )
})

test('bookable doctors whose account is disabled, and an audit of another server, are warned of', async (t) => {
  const { db, owner } = await ownDatabase(t)
  const own = { ...runtime, db }
  const network = await makeNetwork(own)
  const actor = await authenticate(own, network.people.admin)
  const context = { ...own, actor: actor!, requestId: 'test', clientAddress: null }
  const warnings = async () => {
    const overview = await readOverview(context, { date: undefined, readiness })
    return overview.warnings
      .filter(({ code }) => code !== 'doctors-without-hours')
      .map(({ code, concerns }) => [code, concerns?.map(({ id }) => id)])
  }
  assert.deepEqual(await warnings(), [])
  await owner.query(
    "update account set status = 'disabled' where id = (select account_id from doctor where id = $1)",
    [network.doctorId],
  )
  await owner.query(
    `insert into audit_seal (to_xid, to_seq, rows, hash, sealed_at)
     values ('4000000000', 1, 1, 'x', now())`,
  )
  assert.deepEqual(await warnings(), [
    ['audit-ahead', undefined],
    ['doctors-disabled', [network.doctorId]],
  ])
  await owner.query("update doctor set status = 'paused'")
  assert.deepEqual(await warnings(), [['audit-ahead', undefined]])
})

test('the overview asks the database as often for much as for little', async (t) => {
  const { db } = await ownDatabase(t)
  let queries = 0
  const counting = db.withPlugin({
    transformQuery({ node }) {
      queries += 1
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const own = { ...runtime, db }
  const counted = async (as: string) => {
    const actor = await authenticate(own, as)
    const context = { ...own, db: counting, requestId: 'test', clientAddress: null }
    const before = queries
    await readOverview({ ...context, actor: actor! }, { date: undefined, readiness })
    return queries - before
  }
  const { people } = await makeNetwork(own)
  const few = await counted(people.admin)
  assert.ok(few > 0)
  for (let count = 0; count < 3; count += 1) await makeNetwork(own)
  assert.equal(await counted(people.admin), few)
})
