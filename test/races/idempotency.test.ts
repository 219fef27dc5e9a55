// Requests that are sent again with the same Idempotency-Key: whatever was lost on the way, each
// booking happens once, and whoever made it is told so.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import type { Client, Reply } from '#test/support/client.ts'
import { appointmentsOf, assertNoOverlap } from '#test/support/race-checks.ts'
import {
  makeRaceNetwork,
  opensAt,
  type RaceNetwork,
  type RacePatient,
} from '#test/support/race-network.ts'
import { until, withServers, type RaceServers } from '#test/support/race-servers.ts'

function networkFor({ runtime }: RaceServers, patients: number): Promise<RaceNetwork> {
  return makeRaceNetwork(runtime, { doctors: 1, patients, visitTypes: [{ durationMinutes: 10 }] })
}

function wishFor(network: RaceNetwork, minute = opensAt) {
  return { doctorId: network.doctorIds[0], startsAt: network.textAt(minute) }
}

function book(
  client: Client,
  patient: RacePatient | undefined,
  { key, body }: { key: string; body: unknown },
): Promise<Reply> {
  assert.ok(patient)
  return client.send('POST /appointments', { as: patient.as, key, body })
}

/** What is the same for the first answer and each repeat. */
function content({ status, headers, body }: Reply) {
  return { status, body, location: headers.location, etag: headers.etag }
}

test('100 requests with one key at once, on two servers, make one appointment and get one answer', async () => {
  await withServers(2, async (servers) => {
    const network = await networkFor(servers, 1)
    const key = newId()
    const body = wishFor(network)
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        book(servers.clients[index % 2]!, network.patients[0], { key, body }),
      ),
    )
    const [first] = replies
    assert.equal(first?.status, 201)
    for (const reply of replies) assert.deepEqual(content(reply), content(first))
    assert.deepEqual(await appointmentsOf(servers.database, network.doctorIds), [first.body.id])
  })
})

test('100 requests with 10 keys for times that overlap: each key is answered alike, one of them wins', async () => {
  await withServers(2, async (servers) => {
    const network = await networkFor(servers, 10)
    const keys = network.patients.map(() => newId())
    const body = wishFor(network)
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => ({
        patient: index % 10,
        reply: await book(
          servers.clients[Math.floor(index / 10) % 2]!,
          network.patients[index % 10],
          {
            key: keys[index % 10]!,
            body,
          },
        ),
      })),
    )
    assert.deepEqual([...new Set(replies.map(({ reply }) => reply.status))].toSorted(), [201, 409])
    const winners = new Set(
      replies.filter(({ reply }) => reply.status === 201).map(({ patient }) => patient),
    )
    assert.equal(winners.size, 1)
    const ofWinner = replies.filter(({ patient }) => winners.has(patient))
    assert.equal(ofWinner.length, 10)
    for (const { reply } of ofWinner) assert.deepEqual(content(reply), content(ofWinner[0]!.reply))
    await assertNoOverlap(servers.database)
  })
})

test('a key that comes with another body is refused, and books nothing', async () => {
  await withServers(1, async (servers) => {
    const network = await networkFor(servers, 1)
    const [patient] = network.patients
    const key = newId()
    const first = await book(servers.client, patient, { key, body: wishFor(network) })
    assert.equal(first.status, 201)
    const bodies = [wishFor(network, opensAt + 60), { ...wishFor(network), reason: 'Cough' }]
    for (const body of bodies) {
      const { status, body: problem } = await book(servers.client, patient, { key, body })
      assert.equal(status, 422)
      assert.equal(problem.type, '/problems/idempotency-key-reused')
    }
    assert.equal((await appointmentsOf(servers.database, network.doctorIds)).length, 1)
    const { doctorId, startsAt } = wishFor(network)
    const reordered = await book(servers.client, patient, { key, body: { startsAt, doctorId } })
    assert.deepEqual(content(reordered), content(first))
  })
})

test('a refused request does not use its key up', async () => {
  await withServers(1, async (servers) => {
    const network = await networkFor(servers, 2)
    const [winner, loser] = network.patients
    const { client } = servers
    const body = wishFor(network)
    const won = await book(client, winner, { key: newId(), body })
    assert.equal(won.status, 201)
    const key = newId()
    assert.equal((await book(client, loser, { key, body })).status, 409)
    await client.send(`POST /appointments/${won.body.id}/cancel`, { as: winner?.as, body: {} })
    const retried = await book(client, loser, { key, body })
    assert.equal(retried.status, 201)

    const freed = newId()
    const closed = await book(client, loser, { key: freed, body: wishFor(network, 0) })
    assert.equal(closed.status, 422)
    const other = await book(client, loser, { key: freed, body: wishFor(network, opensAt + 60) })
    assert.equal(other.status, 201, 'another body may come with a key that was refused')
  })
})

test('a booking sent again after it was cancelled, and its time booked by another, gets its first answer', async () => {
  await withServers(1, async (servers) => {
    const network = await networkFor(servers, 2)
    const [first, second] = network.patients
    const { client } = servers
    const booking = { key: newId(), body: wishFor(network) }
    const booked = await book(client, first, booking)
    const cancelling = { as: first?.as, key: newId(), body: { reason: 'Found an earlier time.' } }
    const path = `POST /appointments/${booked.body.id}/cancel` as const
    const cancelled = await client.send(path, cancelling)
    assert.equal(cancelled.body.status, 'cancelled')
    assert.deepEqual(content(await book(client, first, booking)), content(booked))

    assert.equal((await book(client, second, { ...booking, key: newId() })).status, 201)
    assert.deepEqual(content(await book(client, first, booking)), content(booked))
    assert.deepEqual(content(await client.send(path, cancelling)), content(cancelled))
    const { body } = await client.send(`GET /appointments/${booked.body.id}`, { as: first?.as })
    assert.equal(body.status, 'cancelled')
  })
})

test('the same key of another account is another key', async () => {
  await withServers(1, async (servers) => {
    const network = await networkFor(servers, 2)
    const key = newId()
    const replies = await Promise.all(
      network.patients.map((patient, index) =>
        book(servers.client, patient, { key, body: wishFor(network, opensAt + index * 10) }),
      ),
    )
    assert.deepEqual(
      replies.map(({ status }) => status),
      [201, 201],
    )
    assert.notEqual(replies[0]?.body.id, replies[1]?.body.id)
  })
})

test('100 cancellations with one key at once change the appointment once', async () => {
  await withServers(2, async (servers) => {
    const network = await networkFor(servers, 1)
    const [patient] = network.patients
    const booked = await book(servers.client, patient, { key: newId(), body: wishFor(network) })
    const key = newId()
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        servers.clients[index % 2]!.send(`POST /appointments/${booked.body.id}/cancel`, {
          as: patient?.as,
          key,
          body: {},
        }),
      ),
    )
    for (const reply of replies) assert.deepEqual(content(reply), content(replies[0]!))
    assert.equal(replies[0]?.body.version, 2)
  })
})

test('a patient whose connection is cut and who asks again gets the own appointment, never "taken"', async () => {
  await withServers(1, async (servers) => {
    const network = await networkFor(servers, 24)
    const { database, client } = servers
    const outcomes = await Promise.all(
      network.patients.map(async (patient, index) => {
        const booking = { key: newId(), body: wishFor(network, opensAt + index * 10) }
        const socket = sendRaw(servers.url, {
          line: 'POST /appointments',
          as: patient.as,
          ...booking,
        })
        // Some are cut at once, the others when the booking has been committed.
        if (index % 2 === 1)
          await until('the booking is committed', async () => {
            const { rows } =
              await sql`select from claim where calendar_id = ${patient.patientId}`.execute(
                servers.runtime.db,
              )
            return rows.length > 0
          })
        else await new Promise((resolve) => void socket.write('', resolve))
        socket.destroy()
        const retried = await book(client, patient, booking)
        return { retried, again: await book(client, patient, booking) }
      }),
    )
    for (const { retried, again } of outcomes) {
      assert.equal(retried.status, 201, JSON.stringify(retried.body))
      assert.deepEqual(content(again), content(retried))
    }
    assert.deepEqual(
      await appointmentsOf(database, network.doctorIds),
      outcomes.map(({ retried }) => String(retried.body.id)).toSorted(),
    )
  })
})

/** A step that a client asks for, and how to tell in the database that it was made. */
interface Asked {
  line: `POST /${string}`
  as: string
  key: string
  body: object
  patientId: string
  /** The steps of the patient's appointment once this one was made. */
  steps: number
}

const stepsToRepeat: Record<
  string,
  (servers: RaceServers, network: RaceNetwork, index: number) => Promise<Asked>
> = {
  async 'a move'(servers, network, index) {
    const { as, patientId } = network.patients[index]!
    const booking = { key: newId(), body: wishFor(network, opensAt + index * 20) }
    const { body: booked } = await book(servers.client, network.patients[index], booking)
    const line = `POST /appointments/${booked.id}/reschedule` as const
    const body = { startsAt: network.textAt(opensAt + 10 + index * 20) }
    return { line, as, key: newId(), body, patientId, steps: 2 }
  },
  async 'the booking of a hold'(servers, network, index) {
    const { as, patientId } = network.patients[index]!
    const body = { ...wishFor(network, opensAt + index * 20), hold: true }
    const { body: held } = await book(servers.client, network.patients[index], {
      key: newId(),
      body,
    })
    const line = `POST /appointments/${held.id}/confirm-hold` as const
    return { line, as, key: newId(), body: {}, patientId, steps: 2 }
  },
  async 'a walk-in'(_, network, index) {
    const { patientId } = network.patients[index]!
    const body = { patientId, doctorId: network.doctorIds[0], overbook: { reason: 'Fainted' } }
    const line = 'POST /appointments/walk-in'
    return { line, as: network.admin, key: newId(), body, patientId, steps: 1 }
  },
}

/** How many steps the patient's appointments have had. */
async function stepCount({ runtime }: RaceServers, patientId: string): Promise<number> {
  const { rows } = await sql`select from appointment_event join appointment on id = appointment_id
    where patient_id = ${patientId}`.execute(runtime.db)
  return rows.length
}

for (const [name, prepare] of Object.entries(stepsToRepeat)) {
  test(`100 requests for ${name} with one key at once make one step and get one answer, and another body is refused`, async () => {
    await withServers(2, async (servers) => {
      const network = await networkFor(servers, 1)
      const { line, patientId, steps, ...sending } = await prepare(servers, network, 0)
      const replies = await Promise.all(
        Array.from({ length: 100 }, (_, index) => servers.clients[index % 2]!.send(line, sending)),
      )
      assert.ok([200, 201].includes(replies[0]!.status), JSON.stringify(replies[0]!.body))
      for (const reply of replies) assert.deepEqual(content(reply), content(replies[0]!))
      const other = { ...sending, body: { ...sending.body, reason: 'Cough' } }
      const refused = await servers.client.send(line, other)
      assert.equal(refused.status, 422)
      assert.equal(refused.body.type, '/problems/idempotency-key-reused')
      assert.equal(await stepCount(servers, patientId), steps)
    })
  })

  test(`whoever asks for ${name}, is cut off and asks again gets the own appointment, and made one step`, async () => {
    await withServers(1, async (servers) => {
      const network = await networkFor(servers, 8)
      const asked = await Promise.all(
        network.patients.map((_, index) => prepare(servers, network, index)),
      )
      const outcomes = await Promise.all(
        asked.map(async ({ patientId, steps, ...request }, index) => {
          const socket = sendRaw(servers.url, request)
          // Some are cut at once, the others when the step has been committed.
          if (index % 2 === 1)
            await until('the step is committed', async () => {
              return (await stepCount(servers, patientId)) === steps
            })
          else await new Promise((resolve) => void socket.write('', resolve))
          socket.destroy()
          const retried = await servers.client.send(request.line, request)
          const again = await servers.client.send(request.line, request)
          return { patientId, steps, retried, again }
        }),
      )
      for (const { patientId, steps, retried, again } of outcomes) {
        assert.ok([200, 201].includes(retried.status), JSON.stringify(retried.body))
        assert.equal(retried.body.patientId, patientId)
        assert.deepEqual(content(again), content(retried))
        assert.equal(await stepCount(servers, patientId), steps)
      }
    })
  })
}

/** Sends a request on a socket of its own, and reads nothing of the answer. */
function sendRaw(
  url: string,
  { line, as, key, body }: { line: string; as: string; key: string; body: unknown },
) {
  const { hostname, port } = new URL(url)
  const text = JSON.stringify(body)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(
    [
      `${line.replace(' ', ' /api/v1')} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: ${as}`,
      `Idempotency-Key: ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      '',
      text,
    ].join('\r\n'),
  )
  return socket
}
