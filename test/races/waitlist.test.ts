// Freed times that several processes offer at once, and offers that are taken while something else
// happens to them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStartsOf, slotAt } from '#src/availability/open-times.ts'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { makeOffer, offerOpenTimes } from '#src/waitlist/offers.ts'
import { offersFor } from '#src/waitlist/places.ts'
import { book } from '#test/support/patient.ts'
import { assertNoOverlap } from '#test/support/race-checks.ts'
import { until, withServers } from '#test/support/race-servers.ts'
import { changeDoctor } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  answer,
  dateIn,
  entryOf,
  free,
  fullNetwork,
  open,
  tomorrowAt,
  waitWith,
  type Waiting,
} from '#test/support/waitlist.ts'

const { app, runtime } = await testVisita()
const noon = await tomorrowAt()
const atNoon = (of: Runtime) => ({ ...of, clock: () => noon })

function withStatus(entries: { status: string }[], status: string): number {
  return entries.filter((entry) => entry.status === status).length
}

/** Works on the waitlist at noon until so many of them have an offer: a server may be at it right now. */
async function offerTo(waiting: Waiting[], count: number): Promise<void> {
  await until(`${count} have an offer`, async () => {
    await offerOpenTimes(atNoon(runtime))
    return withStatus(await Promise.all(waiting.map(entryOf)), 'offered') === count
  })
}

test('two processes that work on the waitlist at once: each freed time is held once, each patient has one offer', async () => {
  await withServers(1, async ({ runtime: other, database }) => {
    const network = await fullNetwork()
    const waiting: Waiting[] = []
    for (let index = 0; index < 6; index += 1) waiting.push(await waitWith(network, index))
    await free(network, 0)
    await free(network, 1)
    // Each knows of what the other one freed only once it has read that.
    for (let round = 0; round < 5; round += 1)
      await Promise.all([runtime, other, runtime, other].map((of) => offerOpenTimes(atNoon(of))))
    await offerTo(waiting, 2)

    const entries = await Promise.all(waiting.map(entryOf))
    assert.equal(withStatus(entries, 'offered'), 2)
    assert.deepEqual(
      entries.slice(0, 2).map(({ offer }) => offer.slot.startsAt),
      network.near.map(({ startsAt }) => startsAt),
    )
    const offers = await runtime.db
      .selectFrom('waitlist_offer')
      .select('entry_id')
      .where('doctor_id', '=', network.doctorId)
      .execute()
    assert.equal(offers.length, 2)
    await assertNoOverlap(database)
  })
})

test('one time for two patients, or two times for one, in the same moment: one offer is made', async () => {
  await withServers(1, async ({ runtime: other, database }) => {
    for (let round = 0; round < 5; round += 1) {
      const network = await fullNetwork()
      const [anna, ben] = [await waitWith(network, 0), await waitWith(network, 1)]
      await free(network, 0)
      await free(network, 1)
      const offering = async (of: Runtime, who: Waiting, index: number) => {
        const context = { ...atNoon(of), actor: null, requestId: newId(), clientAddress: null }
        of.board.doctors.forget(network.doctorId)
        const [offer] = await offersFor(context, {
          appointment_id: who.visitId,
          visit_type_id: network.visitTypeId,
          doctor_id: network.doctorId,
          specialty_id: null,
          clinic_id: null,
        })
        const date = await dateIn(5)
        const start = openStartsOf(offer!, { from: date, to: date, now: noon })[index]!
        const entry = { id: who.entryId, patient_id: who.patientId }
        return () =>
          makeOffer(context, entry, { offer: offer!, slot: slotAt(offer!, start), now: noon })
      }
      const isForTwo = round % 2 === 0
      const makes = [
        await offering(runtime, anna, 0),
        await offering(other, isForTwo ? ben : anna, isForTwo ? 0 : 1),
      ]
      const made = await Promise.all(makes.map((make) => make()))
      assert.deepEqual(made.toSorted(), [false, true])
      const { rows } = await database.query(
        `select from appointment where doctor_id = $1 and status = 'held'`,
        [network.doctorId],
      )
      assert.equal(rows.length, 1)
    }
    await assertNoOverlap(database)
  })
})

test('an offer that is taken twice at once, and refused, and left, and wanted by another: one of them has it', async () => {
  await withServers(1, async ({ runtime: other, client, database }) => {
    for (let round = 0; round < 12; round += 1) {
      const network = await fullNetwork()
      const [anna, ben] = [await waitWith(network, 0), await waitWith(network, 1)]
      await free(network, 0)
      await offerTo([anna], 1)
      const [first, second, refused, left, booked] = await Promise.all([
        answer(anna, 'take'),
        client.send(`POST /waitlist/${anna.entryId}/take`, { as: anna.as, body: {} }),
        round % 3 === 1 ? answer(anna, 'refuse') : null,
        round % 3 === 2 ? client.send(`DELETE /waitlist/${anna.entryId}`, { as: anna.as }) : null,
        book(app, ben.as, { slotId: network.near[0]!.id }),
        // To whom the offer has run out by now.
        offerOpenTimes({ ...other, clock: () => noon + 1_200_000 }),
      ])
      const taken = [first, second].filter(({ status }) => status === 200)
      for (const reply of [first, second, refused, left, booked])
        assert.ok(reply === null || reply.status < 500, JSON.stringify(reply?.body))
      assert.ok(taken.length <= 1, 'two have taken it')
      const visits = await database.query<{ id: string; starts_at: Date; status: string }>(
        `select id, starts_at, status from appointment
         where doctor_id = $1 and starts_at = $2 and status in ('confirmed', 'held')`,
        [network.doctorId, formatUtc(Date.parse(network.near[0]!.startsAt))],
      )
      assert.ok(visits.rows.length <= 1, JSON.stringify(visits.rows))
      if (taken.length === 1) {
        assert.equal(visits.rows[0]?.id, anna.visitId)
        const { status } = await entryOf(anna)
        assert.ok(status === 'fulfilled' || (left !== null && status === 'ended'), status)
        assert.notEqual(booked.status, 201)
      }
      if (booked.status === 201) assert.equal(visits.rows[0]?.id, booked.body.id)
    }
    await assertNoOverlap(database)
  })
})

test('a doctor with a daily limit: an offer of the day counts, and taking it is no visit more', async () => {
  await withServers(1, async ({ database }) => {
    const network = await fullNetwork()
    await open(network, { date: await dateIn(5), from: '15:00', to: '16:00' })
    await changeDoctor(network, { dailyLimit: 2 })
    const waiting = [await waitWith(network, 0), await waitWith(network, 1)]
    await free(network, 0)
    await offerTo(waiting, 1)
    await offerOpenTimes(atNoon(runtime))
    await offerTo(waiting, 1)
    assert.equal((await answer(waiting[0]!, 'take')).status, 200)
    const { rows } = await database.query(
      `select from appointment where doctor_id = $1 and status = 'confirmed'
         and local_starts_at::date = $2`,
      [network.doctorId, await dateIn(5)],
    )
    assert.equal(rows.length, 2)
  })
})
