import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { makeNetwork } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { removeWhatIsOld } from './housekeeping.ts'

const { app, runtime } = await testVisita()
const day = 86_400_000

test('claims go 30 days after their end and idempotency keys after a day, no sooner', async () => {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const { as, accountId } = await makePatient(runtime)
  const [slot] = await openSlots(app, network.doctorId)
  const { body } = await book(app, as, { slotId: slot!.id })
  const calendarIds = [newId(), newId()]
  for (const [index, daysAgo] of [29, 31].entries()) {
    const endsAt = runtime.clock() - daysAgo * day
    const during = `[${formatUtc(endsAt - 1000)},${formatUtc(endsAt)})`
    await sql`insert into claim (calendar_id, during, appointment_id)
      values (${calendarIds[index]}, ${during}, ${body.id})`.execute(runtime.db)
  }
  for (const [key, hoursAgo] of [
    ['young', 23],
    ['old', 25],
  ] as const)
    await sql`insert into idempotency_key (account_id, route, key, body_hash, created_at, asked_at)
      values (${accountId}, 'POST /test', ${key}, '', now() - ${`${hoursAgo} hours`}::interval, now())`.execute(
      runtime.db,
    )

  await removeWhatIsOld(runtime)

  const claims = await runtime.db
    .selectFrom('claim')
    .select('calendar_id')
    .where('calendar_id', 'in', [...calendarIds, network.doctorId])
    .execute()
  assert.deepEqual(
    new Set(claims.map(({ calendar_id }) => calendar_id)),
    new Set([calendarIds[0], network.doctorId]),
  )
  const keys = await runtime.db
    .selectFrom('idempotency_key')
    .select('key')
    .where('account_id', '=', accountId)
    .execute()
  assert.deepEqual(
    keys.map(({ key }) => key),
    ['young'],
  )
})
