import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { commandAppointment } from '#src/booking/commands.ts'
import { rescheduleAppointment } from '#src/booking/reschedule.ts'
import { createSmtpSender } from '#src/delivery/smtp.ts'
import type { Instant } from '#src/kernel/time.ts'
import { startMailServer } from '#test/support/mail-server.ts'
import { ledgerOf, skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  addDoctor,
  command,
  contextAt,
  instantOf,
  makeVisit,
  openNetwork,
} from '#test/support/visits.ts'
import { remind } from './remind.ts'
import { sendDue } from './send.ts'

const { runtime } = await testVisita()
const server = await startMailServer()
const from = 'North Clinics <visits@example.org>'
const mail = createSmtpSender({ url: server.url, from })

after(async () => {
  mail.close()
  await server.close()
})

const minute = 60_000
const hour = 60 * minute
const step = 10 * minute

/** Sets the mark to an instant, as if reminders had been told until then. */
async function remindedUntil(at: Instant): Promise<void> {
  await runtime.db.deleteFrom('clock_mark').where('name', '=', 'reminders').execute()
  await remind({ ...runtime, clock: () => at })
}

test('in a week every visit is reminded of once for each of its times, where it then is, and none that is off', async () => {
  await skipEarlierNews()
  const network = await openNetwork()
  const start = runtime.clock()
  await remindedUntil(start)
  const indexes = [3, 9, 20, 27, 38, 44, 52, 60, 71, 83, 90]
  const visits = await Promise.all(indexes.map((index) => makeVisit(network, index)))
  const at = (index: number) => instantOf(network.slots[index]!.startsAt)
  await tellEverything()

  /** What happens at which time of the week: to another time, or off. */
  const changes = [
    // Before any reminder, to a later day.
    { visit: 4, when: at(38) - 60 * hour, to: 95 },
    // Between its two reminders, to two days later: reminded twice more.
    { visit: 5, when: at(44) - 20 * hour, to: 76 },
    // To a time that is nearer than its longest reminder: the move itself is the news.
    { visit: 6, when: at(52) - 30 * hour, to: 49 },
    { visit: 7, when: at(60) - 70 * hour, to: null },
    { visit: 8, when: at(71) - 10 * hour, to: null },
  ]
  const expected = new Map<string, number[][]>(visits.map(({ id }) => [id, []]))
  const expect = (id: string, startsAt: Instant, from_: Instant, until: Instant) => {
    for (const ahead of [48 * hour, 2 * hour]) {
      const due = startsAt - ahead
      if (due > from_ && due <= until) expected.get(id)!.push([startsAt, ahead / minute])
    }
  }
  visits.forEach(({ id }, index) => {
    const change = changes.find(({ visit }) => visit === index)
    const first = at(indexes[index]!)
    expect(id, first, start, change?.when ?? Number.POSITIVE_INFINITY)
    if (change?.to) expect(id, at(change.to), change.when, Number.POSITIVE_INFINITY)
  })

  const pending = changes.toSorted((one, other) => one.when - other.when)
  for (let now = start; now < start + 8 * 24 * hour; now += step) {
    const clock = () => now
    while (pending[0] && pending[0].when <= now) {
      const { visit, to } = pending.shift()!
      const { id, as } = visits[visit]!
      const context = { ...(await contextAt(as, now)), clock }
      const common = { requestedVersion: null, request: null }
      await (to === null
        ? commandAppointment(context, id, { ...common, command: 'cancel', reason: null })
        : rescheduleAppointment(context, id, {
            ...common,
            body: { slotId: network.slots[to]!.id },
          }))
      await tellEverything(clock)
    }
    await remind({ ...runtime, clock })
    // Twice, as two processes would.
    await remind({ ...runtime, clock })
    const sending = {
      ...runtime,
      clock,
      config: { ...runtime.config, mail: { ...runtime.config.mail, from } },
      senders: { mail, sms: null },
    }
    while ((await sendDue(sending)) > 0);
  }

  for (const { id, accountId } of visits) {
    const rows = (await ledgerOf(id)).filter(({ kind }) => kind === 'reminder')
    for (const channel of ['in_app', 'email'])
      assert.deepEqual(
        rows
          .filter((row) => row.channel === channel && row.status === 'sent')
          .map(({ details }) => [details['startsAt'], details['minutes']])
          .toSorted(
            (one, other) => Number(one[0]) - Number(other[0]) || Number(other[1]) - Number(one[1]),
          ),
        expected.get(id)!.toSorted((one, other) => one[0]! - other[0]! || other[1]! - one[1]!),
      )
    const mails = server.received.filter(
      ({ envelope, email }) =>
        envelope.to.includes(`${accountId}@example.org`) && email.subject?.startsWith('Reminder'),
    )
    assert.equal(mails.length, expected.get(id)!.length)
  }
})

test('after a standstill each visit is reminded of once, by the time that is nearest', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 50)
  await tellEverything()
  const startsAt = instantOf(network.slots[50]!.startsAt)
  await remindedUntil(startsAt - 60 * hour)
  await remind({ ...runtime, clock: () => startsAt - hour })
  const rows = (await ledgerOf(id)).filter(
    (row) => row.kind === 'reminder' && row.channel === 'in_app',
  )
  assert.deepEqual(
    rows.map(({ details }) => details['minutes']),
    [120],
  )
})

test('what was booked later than its reminder would have come is not reminded of by it', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 8)
  const startsAt = instantOf(network.slots[8]!.startsAt)
  await remindedUntil(startsAt - 49 * hour)
  await remind(runtime)
  assert.deepEqual(
    (await ledgerOf(id)).filter(({ kind }) => kind === 'reminder'),
    [],
  )
})

test('a reminder that waits is not sent when a colleague sees the patient at that time', async () => {
  await skipEarlierNews()
  const network = await openNetwork()
  const colleague = await addDoctor(network)
  const { id, accountId } = await makeVisit(network, 50)
  await tellEverything()
  const startsAt = instantOf(network.slots[50]!.startsAt)
  await remindedUntil(startsAt - 49 * hour)
  await remind({ ...runtime, clock: () => startsAt - 47 * hour })
  const moved = await command(network.people.deskHere, id, 'reschedule', {
    body: {
      doctorId: colleague,
      startsAt: network.slots[50]!.startsAt,
      visitTypeId: network.visitTypeId,
    },
  })
  assert.equal(moved.status, 200, JSON.stringify(moved.body))
  await sendDue({
    ...runtime,
    clock: () => startsAt - 46 * hour,
    config: { ...runtime.config, mail: { ...runtime.config.mail, from } },
    senders: { mail, sms: null },
  })
  const row = (await ledgerOf(id)).find(
    ({ kind, channel, account_id }) =>
      kind === 'reminder' && channel === 'email' && account_id === accountId,
  )
  assert.equal(row!.status, 'withdrawn')
})

test('a visit that has begun is reminded of no more', async () => {
  const network = await openNetwork()
  const { id } = await makeVisit(network, 50)
  const startsAt = instantOf(network.slots[50]!.startsAt)
  await remindedUntil(startsAt - 60 * hour)
  await remind({ ...runtime, clock: () => startsAt + minute })
  assert.deepEqual(
    (await ledgerOf(id)).filter(({ kind }) => kind === 'reminder'),
    [],
  )
})

test('a clinic chooses how long before its visits it reminds', async () => {
  const network = await openNetwork()
  await runtime.db
    .updateTable('clinic')
    .set({ reminder_minutes: [24 * 60] })
    .where('id', '=', network.clinicId)
    .execute()
  const { id } = await makeVisit(network, 50)
  const startsAt = instantOf(network.slots[50]!.startsAt)
  await remindedUntil(startsAt - 60 * hour)
  for (const ahead of [47, 23, 1])
    await remind({ ...runtime, clock: () => startsAt - ahead * hour })
  assert.deepEqual(
    (await ledgerOf(id))
      .filter((row) => row.kind === 'reminder' && row.channel === 'in_app')
      .map(({ details }) => details['minutes']),
    [1440],
  )
})
