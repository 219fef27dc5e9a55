// Many patients at once on few doctors, over real connections: visits of unequal lengths, steps and
// buffers, so that the times wanted overlap without being equal.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotId } from '#src/availability/slot-id.ts'
import type { Reply } from '#test/support/client.ts'
import {
  appointmentsOf,
  assertNoOverlap,
  claimsOf,
  type StoredClaim,
} from '#test/support/race-checks.ts'
import {
  closesAt,
  makeRaceNetwork,
  opensAt,
  type RaceNetwork,
  type RacePatient,
} from '#test/support/race-network.ts'
import { throughGate, withServers, type RaceServers } from '#test/support/race-servers.ts'

const clientCount = 64
const doctorCount = 4
const roundCount = 10
/** So many calls meet in the database; a server has 24 connections. */
const waitersMin = 12
const bandMinutes = 40
const minute = 60_000

const visitTypes = [
  { durationMinutes: 20, bufferBeforeMinutes: 5, bufferAfterMinutes: 5, stepMinutes: 10 },
  { durationMinutes: 30, bufferBeforeMinutes: 0, bufferAfterMinutes: 10, stepMinutes: 15 },
  { durationMinutes: 45, bufferBeforeMinutes: 10, bufferAfterMinutes: 0, stepMinutes: 20 },
]

interface Interval {
  startsAt: number
  endsAt: number
}

interface Attempt {
  patient: RacePatient
  doctorId: string
  visitTypeId: string
  visit: Interval
  /** The visit and its buffers: what it takes of the doctor. */
  taken: Interval
  /** How many bookings had been acknowledged when this one was sent. */
  acknowledgedBefore: number
  reply: Reply
}

interface Race {
  network: RaceNetwork
  attempts: Attempt[]
  /** What the acknowledged bookings take, in the order of their answers. */
  acknowledged: { doctorId: string; taken: Interval }[]
}

/** Each round, all clients at once want times of the same stretch. */
async function race(servers: RaceServers): Promise<Race> {
  const { runtime, clients } = servers
  const network = await makeRaceNetwork(runtime, {
    doctors: doctorCount,
    patients: clientCount,
    visitTypes,
  })
  const attempts: Attempt[] = []
  const acknowledged: Race['acknowledged'] = []
  const attempt = async (patient: RacePatient, index: number, round: number) => {
    const doctorId = network.doctorIds[(index + round) % doctorCount]!
    const choice = Math.floor(index / doctorCount)
    const type = choice % visitTypes.length
    const { durationMinutes, bufferBeforeMinutes, bufferAfterMinutes, stepMinutes } =
      visitTypes[type]!
    const visitTypeId = network.visitTypeIds[type]!
    const step = Math.ceil((round * bandMinutes) / stepMinutes) + (choice % 4)
    const startMinute = opensAt + step * stepMinutes
    const startsAt = network.at(startMinute)
    const endsAt = startsAt + durationMinutes * minute
    const acknowledgedBefore = acknowledged.length
    const reply = await clients[index % clients.length]!.send('POST /appointments', {
      as: patient.as,
      // Both ways to name a time.
      body:
        index % 2 === 0
          ? { doctorId, visitTypeId, startsAt: network.textAt(startMinute) }
          : {
              slotId: slotId({ doctorId, clinicId: network.clinicId, visitTypeId, startsAt }),
            },
    })
    const taken = {
      startsAt: startsAt - bufferBeforeMinutes * minute,
      endsAt: endsAt + bufferAfterMinutes * minute,
    }
    attempts.push({
      patient,
      doctorId,
      visitTypeId,
      visit: { startsAt, endsAt },
      taken,
      acknowledgedBefore,
      reply,
    })
    if (reply.status === 201) acknowledged.push({ doctorId, taken })
  }
  for (let round = 0; round < roundCount; round += 1) {
    const sends = network.patients.map((patient, index) => () => attempt(patient, index, round))
    await throughGate(servers, { waitersMin: waitersMin * clients.length }, sends)
  }
  return { network, attempts, acknowledged }
}

function overlaps(one: Interval, other: Interval): boolean {
  return one.startsAt < other.endsAt && other.startsAt < one.endsAt
}

/** What must hold of the answers and the database, however many servers took part. */
async function assertFair({ network, attempts }: Race, { database }: RaceServers): Promise<void> {
  await assertNoOverlap(database)

  const won = attempts.filter(({ reply }) => reply.status === 201)
  const lost = attempts.filter(({ reply }) => reply.status !== 201)
  assert.equal(attempts.length, clientCount * roundCount)
  assert.ok(won.length >= doctorCount * 3, `only ${won.length} bookings`)

  // What was answered is what is stored, and nothing else is.
  const ids = won.map(({ reply }) => String(reply.body.id))
  assert.deepEqual(await appointmentsOf(database, network.doctorIds), ids.toSorted())
  const ofDoctors = await claimsOf(database, network.doctorIds)
  const ofPatients = await claimsOf(
    database,
    network.patients.map(({ patientId }) => patientId),
  )
  const expected = (pick: (attempt: Attempt) => Omit<StoredClaim, 'appointmentId'>) =>
    won.map((attempt) => Object.assign(pick(attempt), { appointmentId: attempt.reply.body.id }))
  assert.deepEqual(
    sorted(ofDoctors),
    sorted(expected(({ doctorId, taken }) => ({ calendarId: doctorId, ...taken }))),
  )
  assert.deepEqual(
    sorted(ofPatients),
    sorted(expected(({ patient, visit }) => ({ calendarId: patient.patientId, ...visit }))),
  )

  for (const { reply, doctorId, patient, taken, visit } of lost) {
    assert.equal(reply.status, 409, JSON.stringify(reply.body))
    const problem = String(reply.body.type).replace('/problems/', '')
    assert.ok(['slot-taken', 'patient-busy'].includes(problem), problem)
    // Nobody was refused for nothing.
    const inTheWay =
      problem === 'slot-taken'
        ? ofDoctors.some((claim) => claim.calendarId === doctorId && overlaps(claim, taken))
        : ofPatients.some(
            (claim) => claim.calendarId === patient.patientId && overlaps(claim, visit),
          )
    assert.ok(inTheWay, `${problem} although nothing is in the way`)
  }
}

function sorted(claims: StoredClaim[]): StoredClaim[] {
  return claims.toSorted((one, other) => (one.appointmentId < other.appointmentId ? -1 : 1))
}

interface AnsweredSlot {
  id: string
  doctorId: string
  clinicId: string
  visitTypeId: string
  startsAt: string
  endsAt: string
}

/** Each slot lies in the hours and on the grid, and names itself; answers what it takes. */
function takenBy(slot: AnsweredSlot, network: RaceNetwork): Interval {
  const [startsAt, endsAt] = [Date.parse(slot.startsAt), Date.parse(slot.endsAt)]
  const type = network.visitTypeIds.indexOf(slot.visitTypeId)
  const visitType = visitTypes[type]
  assert.ok(visitType, 'a visit type that the doctor does not offer')
  assert.equal(endsAt - startsAt, visitType.durationMinutes * minute)
  assert.equal(slot.id, slotId({ ...slot, startsAt }))
  const [hour = 0, minutes = 0] = slot.startsAt.slice(11, 16).split(':').map(Number)
  const startMinute = hour * 60 + minutes
  assert.equal((startMinute - opensAt) % visitType.stepMinutes, 0)
  assert.ok(startMinute >= opensAt && startMinute + visitType.durationMinutes <= closesAt)
  return {
    startsAt: startsAt - visitType.bufferBeforeMinutes * minute,
    endsAt: endsAt + visitType.bufferAfterMinutes * minute,
  }
}

test('64 patients who want overlapping times of 4 doctors at once: no two visits overlap, and who lost is offered times that are free', async () => {
  await withServers(1, async (servers) => {
    const outcome = await race(servers)
    await assertFair(outcome, servers)
    const { network, attempts, acknowledged } = outcome
    const refused = attempts.filter(({ reply }) => reply.body.type === '/problems/slot-taken')
    assert.ok(refused.length > 0)
    for (const { reply, doctorId, visitTypeId, visit, acknowledgedBefore } of refused) {
      const alternatives: AnsweredSlot[] = reply.body.alternatives
      const others: AnsweredSlot[] = reply.body.otherDoctors.map(
        ({ slot }: { slot: AnsweredSlot }) => slot,
      )
      assert.equal(alternatives.length, 3)
      assert.equal(new Set(alternatives.map(({ id }) => id)).size, 3)
      assert.equal(new Set(others.map((slot) => slot.doctorId)).size, 2)
      assert.ok(others.every((slot) => slot.doctorId !== doctorId))
      assert.ok(alternatives.every((slot) => slot.doctorId === doctorId))
      assert.ok(alternatives.every((slot) => slot.visitTypeId === visitTypeId))
      assert.ok(alternatives.every((slot) => Date.parse(slot.startsAt) !== visit.startsAt))
      // One process knows all that it has acknowledged.
      const known = acknowledged.slice(0, acknowledgedBefore)
      for (const slot of [...alternatives, ...others]) {
        const taken = takenBy(slot, network)
        const clash = known.find(
          (claim) => claim.doctorId === slot.doctorId && overlaps(claim.taken, taken),
        )
        assert.equal(clash, undefined, 'a time was offered that had been taken')
      }
    }
  })
})

test('two servers on one database that book the same doctors at once: no two visits overlap', async () => {
  await withServers(2, async (servers) => {
    await assertFair(await race(servers), servers)
  })
})
