import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { commandAppointment } from '#src/booking/commands.ts'
import { undoStep } from '#src/booking/undo.ts'
import { call } from '#test/support/network.ts'
import { book, makePatient } from '#test/support/patient.ts'
import { whileHeld } from '#test/support/race-blocker.ts'
import { until } from '#test/support/race-servers.ts'
import {
  addDoctor,
  changeDoctor,
  contextAt,
  instantOf,
  storedClaims,
  storedStatus,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  answer,
  dateIn,
  entryOf,
  free,
  fullNetwork,
  must,
  open,
  tomorrowAt,
  waitWith,
  workAt,
  type FullNetwork,
} from '#test/support/waitlist.ts'

const { app, runtime } = await testVisita()
const second = 1000
const minute = 60_000
const plain = { requestedVersion: null, request: null }
const noon = await tomorrowAt()

/** The holder of the near slot cancels at that instant. */
async function freeAt({ near }: FullNetwork, index: number, instant: number) {
  const { visitId, holder } = near[index]!
  const context = { ...(await contextAt(holder.as, instant)), clock: () => instant }
  await commandAppointment(context, visitId, { ...plain, command: 'cancel', reason: null })
  return { context, visitId }
}

test('an entry that ends while it is served leaves the time to the next in turn', async () => {
  const network = await fullNetwork()
  const [anna, ben] = [await waitWith(network, 0), await waitWith(network, 1)]
  await free(network, 0)
  let leaver: pg.Client | undefined
  await whileHeld(
    async (blocker) => {
      leaver = blocker
      await blocker.query(`update waitlist_entry set status = 'ended' where id = $1`, [
        anna.entryId,
      ])
    },
    async (pid) => {
      const working = workAt(noon)
      await until('the pass waits for the entry', async () => {
        const { rows } = await leaver!.query(
          'select from pg_locks where not granted and $1::int = any (pg_blocking_pids(pid))',
          [pid],
        )
        return rows.length > 0
      })
      await leaver!.query('commit')
      await working
    },
  )
  await workAt(noon + 5 * second)
  assert.equal((await entryOf(ben)).status, 'offered')
})

test('a freed time is offered once nobody can undo freeing it, and is then held for twenty minutes', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  await freeAt(network, 0, noon)
  await workAt(noon + 59 * second)
  assert.equal((await entryOf(anna)).status, 'waiting')
  await workAt(noon + 61 * second)
  const { status, offer } = await entryOf(anna)
  assert.equal(status, 'offered')
  assert.equal(offer.slot.startsAt, network.near[0]!.startsAt)
  assert.equal(instantOf(offer.heldUntil), noon + 61 * second + 20 * minute)
  const claims = await storedClaims(offer.appointmentId)
  assert.deepEqual(
    claims.map(({ calendar_id, lane }) => [calendar_id, lane]),
    [[network.doctorId, 0]],
  )

  const ben = await makePatient(runtime)
  const lost = await book(app, ben.as, { slotId: network.near[0]!.id })
  assert.equal(lost.body.type, '/problems/slot-taken')
})

test('whoever frees a time and undoes that within the minute has it back', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  const { context, visitId } = await freeAt(network, 0, noon)
  await workAt(noon + 30 * second)
  await undoStep({ ...context, clock: () => noon + 55 * second }, visitId, plain)
  assert.equal(await storedStatus(visitId), 'confirmed')
  await workAt(noon + 120 * second)
  assert.equal((await entryOf(anna)).status, 'waiting')
})

test('with a daily limit the whole day waits for the undo', async () => {
  const network = await fullNetwork()
  await open(network, { date: await dateIn(5), from: '15:00', to: '15:30' })
  await changeDoctor(network, { dailyLimit: 2 })
  const anna = await waitWith(network, 0, { from: '15:00' })
  await workAt(noon)
  assert.equal((await entryOf(anna)).status, 'waiting', 'the day is full')
  await freeAt(network, 0, noon)
  await workAt(noon + 30 * second)
  assert.equal((await entryOf(anna)).status, 'waiting')
  await workAt(noon + 61 * second)
  assert.equal((await entryOf(anna)).status, 'offered')
  // The offer counts: the day is full again, though 10:00 is free.
  const ben = await makePatient(runtime)
  const lost = await book(app, ben.as, { slotId: network.near[0]!.id })
  assert.equal(lost.body.type, '/problems/slot-taken')
  assert.equal((await answer(anna, 'take')).status, 200)
})

test('times are offered in turn: whoever names the doctor first, then who waits longest; refused or run out, they pass on', async () => {
  const network = await fullNetwork()
  const { specialtyId } = network
  const sam = await waitWith(network, 0, { specialtyId })
  const anna = await waitWith(network, 1)
  const ben = await waitWith(network, 2)
  const statuses = async () => {
    const entries = await Promise.all([sam, anna, ben].map(entryOf))
    return entries.map(({ status }) => status)
  }
  await free(network, 0)
  await workAt(noon)
  assert.deepEqual(await statuses(), ['waiting', 'offered', 'waiting'])

  const refused = await answer(anna, 'refuse')
  assert.equal(refused.status, 200, JSON.stringify(refused.body))
  assert.equal(refused.body.status, 'waiting')
  await workAt(noon + second)
  assert.deepEqual(await statuses(), ['waiting', 'waiting', 'offered'])

  // The hold runs out on the clock of whoever looks, whether or not that was written down.
  await workAt(noon + 21 * minute)
  assert.deepEqual(await statuses(), ['offered', 'waiting', 'waiting'])
  await workAt(noon + 42 * minute)
  assert.deepEqual(await statuses(), ['waiting', 'waiting', 'waiting'], 'nobody is asked twice')
  const outcomes = await runtime.db
    .selectFrom('waitlist_offer')
    .select(['entry_id', 'outcome'])
    .where('doctor_id', '=', network.doctorId)
    .orderBy('offered_at')
    .execute()
  assert.deepEqual(
    outcomes.map(({ entry_id, outcome }) => [entry_id, outcome]),
    [
      [anna.entryId, 'refused'],
      [ben.entryId, 'expired'],
      [sam.entryId, 'expired'],
    ],
  )
})

test('two who wait are offered two times of a doctor in one pass, in turn', async () => {
  const network = await fullNetwork()
  const waiting = [await waitWith(network, 0), await waitWith(network, 1)]
  await free(network, 0)
  await free(network, 1)
  await workAt(noon)
  const entries = await Promise.all(waiting.map(entryOf))
  assert.deepEqual(
    entries.map(({ offer }) => offer?.slot.startsAt),
    network.near.map(({ startsAt }) => startsAt),
  )
})

test('whoever let an offer run out is offered another time an hour later, and the others at once', async () => {
  const network = await fullNetwork()
  const [anna, ben] = [await waitWith(network, 0), await waitWith(network, 1)]
  await free(network, 0)
  await workAt(noon)
  await free(network, 1)
  await workAt(noon + 21 * minute)
  assert.equal((await entryOf(anna)).status, 'waiting')
  assert.equal((await entryOf(ben)).offer.slot.startsAt, network.near[0]!.startsAt)
  await workAt(noon + 79 * minute)
  assert.equal((await entryOf(anna)).status, 'waiting')
  await workAt(noon + 81 * minute)
  assert.equal((await entryOf(anna)).offer.slot.startsAt, network.near[1]!.startsAt)
})

test('nobody is offered anything at night, by the clock of the clinic', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  await free(network, 0)
  for (const minuteOfDay of [7 * 60 + 59, 20 * 60, 23 * 60]) {
    await workAt(await tomorrowAt(minuteOfDay))
    assert.equal((await entryOf(anna)).status, 'waiting')
  }
  await workAt(await tomorrowAt(8 * 60))
  assert.equal((await entryOf(anna)).status, 'offered')
})

test('a time that opens otherwise is offered too, held for twenty minutes, and none that begins within two hours', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  await changeDoctor(network, { noticeMinutesMin: 0 })
  const date = await dateIn(1)
  await open(network, { date, from: '13:30', to: '14:00' })
  await workAt(noon)
  assert.equal((await entryOf(anna)).status, 'waiting')
  await open(network, { date, from: '14:00', to: '14:30' })
  await workAt(noon)
  const { offer } = await entryOf(anna)
  assert.equal(instantOf(offer.slot.startsAt), noon + 120 * minute)
  assert.equal(instantOf(offer.heldUntil), noon + 20 * minute)
})

test("the doctor's shortest notice holds for offers", async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  await changeDoctor(network, { noticeMinutesMin: 240 })
  await open(network, { date: await dateIn(1), from: '15:00', to: '15:30' })
  await workAt(noon)
  assert.equal((await entryOf(anna)).status, 'waiting')
})

test('a patient is offered one time at an instant, however often they wait', async () => {
  const network = await fullNetwork()
  const { doctorId, specialtyId, visitTypeId, people } = network
  const colleagueId = await addDoctor(network)
  const date = await dateIn(5)
  const patient = await makePatient(runtime)
  const wishes = [{ doctorId }, { doctorId: colleagueId }, { specialtyId }]
  const entryIds: string[] = []
  for (const wish of wishes) {
    const body = {
      ...wish,
      visitTypeId,
      fromDate: date,
      untilDate: date,
      from: '10:00',
      to: '10:30',
    }
    entryIds.push((await must(call(app, 'POST /waitlist', { as: patient.as, body }))).body.id)
  }
  await free(network, 0)
  await workAt(noon)
  const entries = await Promise.all(
    entryIds.map((entryId) => entryOf({ ...patient, visitId: '', entryId })),
  )
  assert.deepEqual(
    entries.map(({ status }) => status),
    ['offered', 'waiting', 'waiting'],
  )
  await must(call(app, `POST /waitlist/${entryIds[0]}/refuse`, { as: people.doctor }))
  await workAt(noon + second)
  const again = await entryOf({ ...patient, visitId: '', entryId: entryIds[1]! })
  assert.equal(again.offer.slot.doctorId, colleagueId)
})

test('who comes after an entry that cannot be worked on has their turn in the next pass', async () => {
  const network = await fullNetwork()
  const { doctorId, visitTypeId, otherClinicId, people } = network
  await runtime.db
    .insertInto('doctor_clinic')
    .values({ doctor_id: doctorId, clinic_id: otherClinicId })
    .execute()
  runtime.board.doctors.forget(doctorId)
  const eve = await makePatient(runtime)
  const wish = { doctorId, visitTypeId, clinicId: otherClinicId }
  await must(call(app, 'POST /waitlist', { as: eve.as, body: wish }))
  const anna = await waitWith(network, 0)
  await free(network, 0)
  const setZone = (time_zone: string) =>
    runtime.db.updateTable('clinic').set({ time_zone }).where('id', '=', otherClinicId).execute()
  await setZone('Mars/Base')
  try {
    await assert.rejects(workAt(noon), RangeError)
    assert.notEqual(
      (await call(app, `GET /waitlist/${anna.entryId}`, { as: people.doctor })).body.status,
      'offered',
    )
    await workAt(noon)
    assert.equal((await entryOf(anna)).status, 'offered')
    await assert.rejects(workAt(noon), RangeError)
  } finally {
    await setZone('Europe/Paris')
  }
})

test("the patient's own visit may overlap the offered time, another visit of theirs must not", async () => {
  const network = await fullNetwork()
  const { specialtyId, people } = network
  const colleagueId = await addDoctor(network)
  const patient = await makePatient(runtime)
  const date = await dateIn(7)
  const at = async (doctorId: string, from: string) => {
    const path = `GET /doctors/${doctorId}/availability?from=${date}&to=${date}` as const
    const { body } = await call(app, path)
    return body.days[0].slots.find(({ startsAt }: { startsAt: string }) => startsAt.includes(from))
  }
  const visit = await must(
    book(app, patient.as, { slotId: (await at(colleagueId, '10:00:00')).id }),
  )
  // All that the colleague has earlier is taken, so only the doctor's time can be offered.
  await must(
    call(app, `PUT /doctors/${colleagueId}/hours`, {
      as: people.admin,
      body: { hours: [] },
    }).then(async (refused) =>
      call(app, `PUT /doctors/${colleagueId}/hours`, {
        as: people.admin,
        body: { hours: [], confirmation: refused.body.confirmation },
      }),
    ),
  )
  await open(network, { date, from: '09:45', to: '10:15' })
  const { body: entry } = await must(
    call(app, 'POST /waitlist', {
      as: patient.as,
      body: { appointmentId: visit.body.id, specialtyId, fromDate: date },
    }),
  )
  const anna = { ...patient, visitId: visit.body.id, entryId: entry.id }
  await workAt(noon)
  const { offer } = await entryOf(anna)
  assert.match(offer.slot.startsAt, /T09:45:00/)
  const taken = await answer(anna, 'take')
  assert.equal(taken.status, 200, JSON.stringify(taken.body))
  assert.equal(taken.body.id, visit.body.id)
  assert.equal(taken.body.doctorId, network.doctorId)

  const ben = await waitWith(network, 0)
  await open(network, { date, from: '11:00', to: '11:30' })
  await must(
    call(app, `PUT /doctors/${colleagueId}/hours`, {
      as: people.admin,
      body: {
        hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
          clinicId: network.clinicId,
          weekday,
          from: '09:00',
          to: '17:00',
        })),
      },
    }),
  )
  await must(book(app, ben.as, { slotId: (await at(colleagueId, '11:00:00')).id }))
  await workAt(noon)
  assert.equal((await entryOf(ben)).status, 'waiting')
})

test('only patients whom a doctor knows are offered what is for them', async () => {
  const network = await fullNetwork()
  const { visitTypeId, doctorId } = network
  const anna = await makePatient(runtime)
  const { body } = await must(
    call(app, 'POST /waitlist', { as: anna.as, body: { doctorId, visitTypeId } }),
  )
  await changeDoctor(network, { acceptingNewPatients: false })
  await free(network, 0)
  const stranger = { ...anna, visitId: '', entryId: body.id }
  await workAt(noon)
  assert.equal((await entryOf(stranger)).status, 'waiting')
  await changeDoctor(network, { acceptingNewPatients: true })
  await workAt(noon)
  assert.equal((await entryOf(stranger)).status, 'offered')
})

test('entries end when their visit is off or their dates have passed, and an offer for nothing is let go', async () => {
  const network = await fullNetwork()
  const anna = await waitWith(network, 0)
  const ben = await waitWith(network, 1, { untilDate: await dateIn(2) })
  await free(network, 0)
  await workAt(noon)
  const { offer } = await entryOf(anna)
  await must(call(app, `DELETE /appointments/${anna.visitId}`, { as: anna.as }))
  await workAt(noon + second)
  assert.equal(await storedStatus(offer.appointmentId), 'expired')
  const carl = await makePatient(runtime)
  await must(book(app, carl.as, { slotId: network.near[0]!.id }))
  await workAt(noon + 120 * second)
  assert.equal((await entryOf(anna)).status, 'ended')
  assert.equal((await entryOf(ben)).status, 'waiting')
  await workAt(noon + 2 * 86_400_000)
  assert.equal((await entryOf(ben)).status, 'ended')
})
