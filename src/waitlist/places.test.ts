import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { resolveLocal, type Instant } from '#src/kernel/time.ts'
import { makeRaceNetwork } from '#test/support/race-network.ts'
import { testVisita } from '#test/support/visita.ts'
import { dateIn, tomorrowAt } from '#test/support/waitlist.ts'
import { beginPass, groupOf, keepSeen, newSurvey, openTimesFor } from './places.ts'
import type { EntryRow } from './queries.ts'

const { runtime } = await testVisita()
const minute = 60_000

/** Three doctors, and who waits for their specialty; all of them are open from 09:00 to 17:00. */
async function waitFor(hours: { from: number; to: number }) {
  const network = await makeRaceNetwork(runtime, {
    doctors: 3,
    patients: 1,
    visitTypes: [{ durationMinutes: 30 }],
  })
  const { specialty_id } = await runtime.db
    .selectFrom('doctor_specialty')
    .select('specialty_id')
    .where('doctor_id', '=', network.doctorIds[0]!)
    .executeTakeFirstOrThrow()
  const entry: EntryRow = {
    id: newId(),
    status: 'waiting',
    patient_id: newId(),
    appointment_id: null,
    visit_type_id: network.visitTypeIds[0]!,
    doctor_id: null,
    specialty_id,
    clinic_id: null,
    weekdays: null,
    from_minute: hours.from,
    to_minute: hours.to,
    from_date: null,
    until_date: null,
    created_at: 0,
    visit_status: null,
    visit_doctor_id: null,
    visit_starts_at: null,
    visit_changed_at: null,
    time_zone: null,
    about_doctor_id: null,
    about_clinic_ids: [],
    offer: null,
  }
  const survey = newSurvey()
  /** Which of the doctors a pass at that instant looks at, and how many times it finds. */
  async function pass(now: Instant) {
    beginPass(survey)
    const group = await groupOf(runtime, survey, { entry, now })
    const found = await openTimesFor(survey, entry, { group, now, isNew: () => true })
    const looked = group.places.filter(({ open }) => open !== null).map(({ offer }) => offer.doctor)
    keepSeen(survey)
    return { doctorIds: looked.map(({ id }) => id).sort(), found: found.length }
  }
  return { ...network, entry, pass, doctorIds: network.doctorIds.toSorted() }
}

test('who found nothing looks again only at doctors of whom something changed', async () => {
  const { pass, doctorIds } = await waitFor({ from: 360, to: 420 })
  const noon = await tomorrowAt()
  assert.deepEqual(await pass(noon), { doctorIds, found: 0 })
  assert.deepEqual(await pass(noon + minute), { doctorIds: [], found: 0 })
  runtime.board.doctors.forget(doctorIds[1]!)
  assert.deepEqual(await pass(noon + 2 * minute), { doctorIds: [doctorIds[1]], found: 0 })
  assert.deepEqual(await pass(noon + 3 * minute), { doctorIds: [], found: 0 })
})

test('who found something that must wait looks there again', async () => {
  const { pass, doctorIds } = await waitFor({ from: 540, to: 570 })
  const noon = await tomorrowAt()
  const { found } = await pass(noon)
  assert.ok(found > 0)
  assert.deepEqual(await pass(noon + minute), { doctorIds, found })
})

test('with a new date, in the morning, and with a later visit there may be more to find', async () => {
  const { pass, doctorIds, entry } = await waitFor({ from: 360, to: 420 })
  const night = await tomorrowAt(7 * 60)
  assert.deepEqual((await pass(night)).doctorIds, [])
  assert.deepEqual((await pass(night + 60 * minute)).doctorIds, doctorIds)
  assert.deepEqual((await pass(night + 61 * minute)).doctorIds, [])
  entry.visit_starts_at = resolveLocal('Europe/Paris', await dateIn(20), 600)
  assert.deepEqual((await pass(night + 62 * minute)).doctorIds, doctorIds)
  assert.deepEqual((await pass(night + 63 * minute)).doctorIds, [])
  assert.deepEqual(
    (await pass(resolveLocal('Europe/Paris', await dateIn(2), 720)!)).doctorIds,
    doctorIds,
  )
})

test('a hold that runs out, and a booking of this process, are changes', async () => {
  const { pass, doctorIds, clinicId, textAt, at } = await waitFor({ from: 360, to: 420 })
  const noon = await tomorrowAt()
  await pass(noon)
  const [doctorId] = doctorIds
  runtime.board.take({
    doctorId: doctorId!,
    clinicId,
    takesRoom: false,
    ended: [],
    claim: {
      startsAt: at(600),
      endsAt: at(630),
      expiresAt: noon + 10 * minute,
      appointmentId: newId(),
      date: textAt(600).slice(0, 10),
    },
  })
  assert.deepEqual((await pass(noon + minute)).doctorIds, [doctorId])
  assert.deepEqual((await pass(noon + 2 * minute)).doctorIds, [])
  assert.deepEqual((await pass(noon + 10 * minute)).doctorIds, [doctorId])
  assert.deepEqual((await pass(noon + 11 * minute)).doctorIds, [])
})

test('a doctor who comes to the specialty is looked at, whoever waited before', async () => {
  const { pass, doctorIds, entry } = await waitFor({ from: 360, to: 420 })
  const other = await waitFor({ from: 360, to: 420 })
  const noon = await tomorrowAt()
  await pass(noon)
  const { db, board } = runtime
  await db
    .insertInto('doctor_specialty')
    .values({ doctor_id: other.doctorIds[0]!, specialty_id: entry.specialty_id! })
    .execute()
  await db
    .insertInto('doctor_visit_type')
    .values({ doctor_id: other.doctorIds[0]!, visit_type_id: entry.visit_type_id })
    .execute()
  await db
    .insertInto('doctor_clinic')
    .values({
      doctor_id: other.doctorIds[0]!,
      clinic_id: (
        await db
          .selectFrom('visit_type')
          .select('clinic_id')
          .where('id', '=', entry.visit_type_id)
          .executeTakeFirstOrThrow()
      ).clinic_id!,
    })
    .execute()
  board.doctors.forget(other.doctorIds[0]!)
  const { doctorIds: looked } = await pass(noon + minute)
  assert.ok(looked.includes(other.doctorIds[0]!))
  assert.equal(looked.length, doctorIds.length + 1)
})
