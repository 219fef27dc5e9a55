// Messages about one visit that are written and read by many at once: none is marked as read unseen.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { signInAs } from '#test/support/network.ts'
import { makeRaceNetwork, opensAt } from '#test/support/race-network.ts'
import { withServers } from '#test/support/race-servers.ts'

test('64 write about a visit at once, each message later than those before it, and who reads along misses none', async () => {
  await withServers(2, async ({ runtime, clients, client, database }) => {
    const network = await makeRaceNetwork(runtime, {
      doctors: 1,
      patients: 1,
      visitTypes: [{ durationMinutes: 10 }],
    })
    const { as } = network.patients[0]!
    const desk = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
    const booked = await client.send('POST /appointments', {
      as,
      body: { doctorId: network.doctorIds[0], startsAt: network.textAt(opensAt) },
    })
    assert.equal(booked.status, 201, JSON.stringify(booked.body))
    const path = `/appointments/${booked.body.id}/messages` as const
    const writers = 64
    const each = 4
    let isOver = false
    const written: string[] = []
    const writing = Promise.all(
      Array.from({ length: writers }, async (_, index) => {
        for (let count = 0; count < each; count += 1) {
          const sent = await clients[index % 2]!.send(`POST ${path}`, {
            as,
            // Half of them with a key, which must not change the order.
            ...(index % 4 < 2 && { key: newId() }),
            body: { text: `${index}.${count}` },
          })
          assert.equal(sent.status, 201, JSON.stringify(sent.body))
          written.push(sent.body.id)
        }
      }),
    ).finally(() => {
      isOver = true
    })

    /** Marks what it has seen as read, and asks what it has not: together they must be everything. */
    const seen = new Set<string>()
    const reading = (async () => {
      let last = false
      let rounds = 0
      while (!last) {
        last = isOver
        const reader = clients[rounds % 2]!
        let cursor = ''
        const page: { id: string }[] = []
        do {
          const { body } = await reader.send(`GET ${path}?limit=100${cursor}`, {
            as: desk,
          })
          page.push(...body.items)
          cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
        } while (cursor !== '')
        for (const { id } of page) seen.add(id)
        const [newest] = page
        if (newest === undefined) continue
        await reader.send(`POST ${path}/read`, { as: desk, body: { until: newest.id } })
        const { rows } = await database.query<{ id: string }>(
          `select message.id from message join message_read as mark using (appointment_id)
           where appointment_id = $1 and sent_at <= read_until`,
          [booked.body.id],
        )
        const unseen = rows.filter(({ id }) => !seen.has(id))
        assert.deepEqual(unseen, [], 'messages were marked as read that nobody saw')
        rounds += 1
      }
      return rounds
    })()
    const [rounds] = await Promise.all([reading, writing])
    assert.ok(rounds > 1, 'nobody read while others wrote')
    assert.equal(seen.size, writers * each)
    assert.deepEqual([...seen].toSorted(), written.toSorted())

    // In the order of commits, which the events tell: each message is later than the one before it.
    const { rows } = await database.query<{ id: string }>(
      `select message.id from event join message on message.id = (subjects ->> 'messageId')::uuid
       where type = 'message.sent' and appointment_id = $1 order by xid, seq`,
      [booked.body.id],
    )
    const inTime = await database.query<{ id: string; sent_at: string }>(
      'select id, sent_at::text from message where appointment_id = $1 order by sent_at',
      [booked.body.id],
    )
    assert.equal(new Set(inTime.rows.map((row) => row.sent_at)).size, writers * each)
    assert.deepEqual(
      rows.map(({ id }) => id),
      inTime.rows.map(({ id }) => id),
    )
    const unread = await client.send('GET /messages/unread', { as: desk })
    assert.equal(unread.body.unreadCount, 0)
  })
})
