import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { createBoard } from '#src/availability/board.ts'
import { offersOf } from '#src/availability/open-times.ts'
import type { SignedInContext } from '#src/context.ts'
import { createEventBus } from '#src/events/events.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc, localDateTimeOf, parseInstant } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf } from '#test/support/network.ts'
import { book, makePatient, openEveryDay, openSlots } from '#test/support/patient.ts'
import { whileHeld } from '#test/support/race-blocker.ts'
import { until, waitingFor } from '#test/support/race-servers.ts'
import { losingAnswersOf } from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { findAppointment } from './appointment.ts'
import { bookAppointment, take } from './book.ts'
import { commandAppointment } from './commands.ts'
import { expireWhatIsDue } from './housekeeping.ts'

const { app, runtime, databaseUrl } = await testVisita()

async function openNetwork() {
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  const slots = await openSlots(app, network.doctorId)
  return { ...network, slots }
}

async function withDatabase(work: (database: pg.Client) => Promise<void>): Promise<void> {
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    await work(database)
  } finally {
    await database.end()
  }
}

function change(network: { doctorId: string; people: { admin: string } }, body: object) {
  return call(app, `PATCH /doctors/${network.doctorId}`, { as: network.people.admin, body })
}

test('each side of a visit sees whom it is with and how to reach them', async () => {
  const { slots, people, doctorId } = await openNetwork()
  await call(app, `PATCH /doctors/me`, { as: people.doctor, body: { phone: '+33 1 98 76 54 32' } })
  const patient = await makePatient(runtime)
  const { status, body } = await book(app, patient.as, { slotId: slots[0]!.id, reason: 'A cough.' })
  assert.equal(status, 201)
  assert.equal(body.startsAt, slots[0]!.startsAt)
  assert.equal(body.doctor.phone, '+33 1 98 76 54 32')
  assert.equal(body.clinic.name, 'Canal')
  const list = await call(app, `GET /appointments?doctorId=${doctorId}`, { as: people.doctor })
  assert.equal(list.body.items[0].patient.name, 'Anna Berg')
  assert.equal(list.body.items[0].patient.phone, '+33 1 23 45 67 89')
  assert.equal(list.body.items[0].reason, 'A cough.')
})

test('a time that is lost is answered with others that can be booked', async () => {
  const { slots, doctorId } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  await book(app, anna.as, { slotId: slots[3]!.id })
  const { status, body } = await book(app, ben.as, { slotId: slots[3]!.id })
  assert.equal(status, 409)
  assert.equal(body.type, '/problems/slot-taken')
  assert.equal(body.alternatives.length, 3)
  assert.equal(body.otherDoctors.length, 0)
  for (const alternative of body.alternatives) {
    assert.equal(alternative.doctorId, doctorId)
    assert.notEqual(alternative.id, slots[3]!.id)
  }
  const again = await book(app, ben.as, { slotId: body.alternatives[0].id })
  assert.equal(again.status, 201)
})

test('who books twice is told of their own visit, not that someone else was faster', async () => {
  const { slots, people } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const body = { slotId: slots[0]!.id }
  assert.equal((await book(app, anna.as, body)).status, 201)
  const detailOf = async (as: string, wish: object) => {
    const refused = await book(app, as, { ...body, ...wish })
    assert.equal(refused.body.type, '/problems/slot-taken')
    return refused.body.detail
  }
  for (const wish of [{}, { hold: true }]) assert.match(await detailOf(anna.as, wish), /already/)
  assert.match(await detailOf(people.deskHere, { patientId: anna.patientId }), /already/)
  assert.doesNotMatch(await detailOf(ben.as, {}), /already/)
})

test('times that overlap without being equal exclude each other', async () => {
  const network = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  await call(app, `PATCH /visit-types/${network.clinicVisitTypeId}`, {
    as: network.people.admin,
    body: { durationMinutes: 45, stepMinutes: 15 },
  })
  const echo = await openSlots(app, network.doctorId, `visitTypeId=${network.clinicVisitTypeId}`)
  const first = network.slots[1]!
  const overlapping = echo.find(
    ({ startsAt, endsAt }) => startsAt < first.startsAt && endsAt > first.startsAt,
  )!
  assert.equal((await book(app, anna.as, { slotId: first.id })).status, 201)
  assert.equal(
    (await book(app, ben.as, { slotId: overlapping.id })).body.type,
    '/problems/slot-taken',
  )
})

test('a cancelled visit frees its time at once, and cancelling it again changes nothing', async () => {
  const { slots } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const { body } = await book(app, anna.as, { slotId: slots[0]!.id })
  const path = `/appointments/${body.id}` as const
  const cancelled = await call(app, `POST ${path}/cancel`, {
    as: anna.as,
    body: { reason: 'I am well again.' },
  })
  assert.equal(cancelled.body.status, 'cancelled')
  assert.equal(cancelled.body.sequence, 1)
  assert.equal(cancelled.body.cancelledReason, 'I am well again.')
  assert.equal((await book(app, ben.as, { slotId: slots[0]!.id })).status, 201)
  const again = await call(app, `DELETE ${path}`, { as: anna.as })
  assert.equal(again.status, 200)
  assert.equal(again.body.version, cancelled.body.version)
})

test('a change that is based on an old version is refused', async () => {
  const { slots } = await openNetwork()
  const anna = await makePatient(runtime)
  const { body, etag } = await book(app, anna.as, { slotId: slots[0]!.id })
  assert.equal(etag, '"1"')
  const stale = await call(app, `DELETE /appointments/${body.id}`, { as: anna.as, ifMatch: '"7"' })
  assert.equal(stale.status, 412)
  const fresh = await call(app, `DELETE /appointments/${body.id}`, { as: anna.as, ifMatch: etag })
  assert.equal(fresh.status, 200)
})

test('strangers do not learn that an appointment exists', async () => {
  const { slots, people } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const { body } = await book(app, anna.as, { slotId: slots[0]!.id })
  for (const as of [ben.as, people.otherDoctor, people.deskElsewhere])
    for (const request of ['GET', 'DELETE'] as const) {
      const answer = await call(app, `${request} /appointments/${body.id}`, { as })
      assert.equal(answer.status, 404)
      assert.equal((await call(app, 'GET /appointments', { as })).body.items.length, 0)
    }
  for (const as of [people.doctor, people.deskHere, people.admin, anna.as])
    assert.equal((await call(app, `GET /appointments/${body.id}`, { as })).status, 200)
})

test('what is not offered is refused with the field that named it', async () => {
  const network = await openNetwork()
  const other = await openNetwork()
  const { as, patientId } = await makePatient(runtime)
  const { doctorId, slots } = network
  const slot = slots[0]!
  const minuteLater = new Date(parseInstant(slot.startsAt)! + 60_000).toISOString()
  const cases: [object, string][] = [
    [{ slotId: 'AAAA' }, '/slotId'],
    [{ slotId: `${slot.id}A` }, '/slotId'],
    [{ slotId: slot.id, doctorId: other.doctorId }, '/doctorId'],
    [{ slotId: slot.id, startsAt: minuteLater }, '/startsAt'],
    [{ slotId: mixedSlotId(slot.id, other.slots[0]!.id) }, '/slotId'],
    [{ doctorId, startsAt: minuteLater }, '/startsAt'],
    [{ doctorId, startsAt: '2020-01-01T10:00:00Z' }, '/startsAt'],
    [{ doctorId, startsAt: '9999-12-31T23:59:00Z' }, '/startsAt'],
    [{ doctorId, startsAt: '2026-02-30T10:00:00Z' }, '/startsAt'],
    [{ doctorId }, '/startsAt'],
    [{ startsAt: slot.startsAt }, '/doctorId'],
    [{}, ''],
    [{ patientId }, '/slotId'],
    [{ doctorId, startsAt: slot.startsAt, clinicId: other.clinicId }, '/clinicId'],
    [{ doctorId: other.clinicId, startsAt: slot.startsAt }, '/doctorId'],
    [
      { doctorId, startsAt: slot.startsAt, visitTypeId: network.otherClinicVisitTypeId },
      '/visitTypeId',
    ],
  ]
  for (const [body, pointer] of cases) {
    const answer = await call(app, 'POST /appointments', { as, body })
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.deepEqual(pointersOf(answer), [pointer], JSON.stringify(body))
  }
})

/** The slot of the first id, but the doctor of the second. */
function mixedSlotId(one: string, other: string): string {
  const bytes = Buffer.from(one, 'base64url')
  Buffer.from(other, 'base64url').copy(bytes, 0, 0, 16)
  return bytes.toString('base64url')
}

test('notice and horizon bind patients, and not the staff', async () => {
  const network = await openNetwork()
  await change(network, { noticeMinutesMin: 4 * 24 * 60, horizonDays: 7 })
  const { patientId, as } = await makePatient(runtime)
  const soon = network.slots[0]!
  assert.equal((await book(app, as, { slotId: soon.id })).body.type, '/problems/not-offered')
  const listed = await openSlots(app, network.doctorId)
  assert.ok(listed[0]!.startsAt > network.slots[32]!.startsAt)
  const byStaff = await book(app, network.people.deskHere, { slotId: soon.id, patientId })
  assert.equal(byStaff.status, 201)
})

/** Makes the patient someone whom the doctor saw yesterday. */
async function wasSeen(
  network: { doctorId: string; clinicId: string; visitTypeId: string },
  patientId: string,
): Promise<void> {
  const startsAt = runtime.clock() - 86_400_000
  await runtime.db
    .insertInto('appointment')
    .values({
      id: newId(),
      status: 'completed',
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      visit_type_id: network.visitTypeId,
      patient_id: patientId,
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(startsAt + 1_800_000),
      time_zone: 'Europe/Paris',
      local_starts_at: localDateTimeOf(startsAt, 'Europe/Paris'),
      created_at: formatUtc(startsAt),
    })
    .execute()
}

test('a doctor who takes no new patients is booked by those they have seen, not by those who merely booked', async () => {
  const network = await openNetwork()
  const { as, patientId } = await makePatient(runtime)
  await change(network, { acceptingNewPatients: false })
  const refused = await book(app, as, { slotId: network.slots[0]!.id })
  assert.equal(refused.body.type, '/problems/not-offered')
  const first = await book(app, network.people.doctor, { slotId: network.slots[0]!.id, patientId })
  assert.equal(first.status, 201)
  assert.equal((await book(app, as, { slotId: network.slots[1]!.id })).status, 422)
  await wasSeen(network, patientId)
  assert.equal((await book(app, as, { slotId: network.slots[1]!.id })).status, 201)
})

test('a visit type for staff or known patients is refused to others', async () => {
  const network = await openNetwork()
  const { visitTypeId, people, slots } = network
  const { as } = await makePatient(runtime)
  const restrict = (whoMayBook: string) =>
    call(app, `PATCH /visit-types/${visitTypeId}`, { as: people.admin, body: { whoMayBook } })
  await restrict('existing_patients')
  assert.deepEqual(pointersOf(await book(app, as, { slotId: slots[0]!.id })), ['/slotId'])
  await restrict('staff')
  assert.equal((await book(app, as, { slotId: slots[0]!.id })).body.type, '/problems/not-offered')
  await restrict('anyone')
  assert.equal((await book(app, as, { slotId: slots[0]!.id })).status, 201)
})

test('nobody books for a patient who is not theirs', async () => {
  const { slots, people, doctorId } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const wish = { doctorId, startsAt: slots[0]!.startsAt }
  const attempt = (as: string) => book(app, as, { ...wish, patientId: ben.patientId })
  assert.equal((await attempt(anna.as)).status, 404)
  assert.equal((await attempt(people.deskElsewhere)).status, 403)
  assert.equal((await attempt(people.otherDoctor)).status, 403)
  assert.deepEqual(pointersOf(await book(app, people.deskHere, wish)), ['/patientId'])
})

test('a request claims its time until it is answered or lapses', async () => {
  const network = await openNetwork()
  await change(network, { bookingMode: 'on_request' })
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const slotId = network.slots.at(-1)!.id
  const requested = await book(app, anna.as, { slotId })
  assert.equal(requested.body.status, 'requested')
  assert.ok(requested.body.answerBy)
  assert.equal((await book(app, ben.as, { slotId })).body.type, '/problems/slot-taken')

  const path = `/appointments/${requested.body.id}` as const
  assert.equal((await call(app, `POST ${path}/accept`, { as: anna.as })).status, 403)
  const accepted = await call(app, `POST ${path}/accept`, { as: network.people.doctor })
  assert.equal(accepted.body.status, 'confirmed')
  assert.equal(accepted.body.answerBy, undefined)
  const declined = await call(app, `POST ${path}/decline`, { as: network.people.doctor })
  assert.equal(declined.body.type, '/problems/wrong-state')
})

test('a request past its time is shown as expired and gives its time to the next, with no job run', async () => {
  const network = await openNetwork()
  await change(network, { bookingMode: 'on_request' })
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const slotId = network.slots.at(-1)!.id
  const { body } = await book(app, anna.as, { slotId })

  const later = await contextLater(ben.as, 49 * 3_600_000)
  const annaLater = await contextLater(anna.as, 49 * 3_600_000)
  assert.equal((await findAppointment(annaLater, body.id)).status, 'expired')
  const answer = await bookAppointment(later, { slotId }, null)
  assert.equal((await findAppointment(later, answer.id)).status, 'requested')
  const { status, version } = await runtime.db
    .selectFrom('appointment')
    .select(['status', 'version'])
    .where('id', '=', body.id)
    .executeTakeFirstOrThrow()
  assert.deepEqual({ status, version }, { status: 'expired', version: 2 })
})

async function contextLater(as: string, milliseconds: number): Promise<SignedInContext> {
  const actor = (await authenticate(runtime, as))!
  return {
    ...runtime,
    actor,
    requestId: 'test',
    clientAddress: null,
    clock: () => runtime.clock() + milliseconds,
  }
}

test('what lapsed is written down and told, also when nobody wants its time', async () => {
  const network = await openNetwork()
  await change(network, { bookingMode: 'on_request' })
  const anna = await makePatient(runtime)
  const { body } = await book(app, anna.as, { slotId: network.slots.at(-1)!.id })
  await expireWhatIsDue({ ...runtime, clock: () => runtime.clock() + 49 * 3_600_000 })
  const { status } = await runtime.db
    .selectFrom('appointment')
    .select('status')
    .where('id', '=', body.id)
    .executeTakeFirstOrThrow()
  assert.equal(status, 'expired')
  const types = await sql<{ type: string }>`select type from event
    where subjects ->> 'appointmentId' = ${body.id} order by seq`.execute(runtime.db)
  assert.deepEqual(
    types.rows.map(({ type }) => type),
    ['appointment.requested', 'appointment.expired'],
  )
})

test('the reason of a step is kept with the step, and shown only where something was called off', async () => {
  const network = await openNetwork()
  await change(network, { bookingMode: 'on_request' })
  const anna = await makePatient(runtime)
  const { body } = await book(app, anna.as, { slotId: network.slots.at(-1)!.id })
  const as = network.people.doctor
  const reason = 'See you soon.'
  const accepted = await call(app, `POST /appointments/${body.id}/accept`, { as, body: { reason } })
  assert.equal(accepted.body.cancelledReason, undefined)
  const { note } = await runtime.db
    .selectFrom('appointment_event')
    .select('note')
    .where('appointment_id', '=', body.id)
    .where('version', '=', 2)
    .executeTakeFirstOrThrow()
  assert.equal(note, reason)
})

test('a booking whose answer was lost is the booking, whatever has changed since', async () => {
  const network = await openNetwork()
  const anna = await makePatient(runtime)
  const [offer] = (
    await offersOf(runtime.board, {
      doctorIds: [network.doctorId],
      viewerAt: () => 'patient',
    })
  ).get(network.doctorId)!
  const startsAt = parseInstant(network.slots[0]!.startsAt)!
  const wished = {
    appointmentId: newId(),
    patientId: anna.patientId,
    request: null,
    now: runtime.clock(),
    startsAt,
    reason: null,
    overbookedReason: null,
    command: 'book' as const,
  }
  const context = await contextLater(anna.as, 0)
  const first = await take(context, offer!, wished)
  assert.equal(first.answer?.id, wished.appointmentId)
  await change(network, { noticeMinutesMin: 90 })
  assert.deepEqual(await take(context, offer!, wished), first)
})

test('two calls of one booking at once are one booking, also for a doctor with a daily limit', async () => {
  const network = await openNetwork()
  await change(network, { dailyLimit: 5 })
  const anna = await makePatient(runtime)
  const { doctorId } = network
  const asked = { doctorIds: [doctorId], viewerAt: () => 'patient' as const }
  const [offer] = (await offersOf(runtime.board, asked)).get(doctorId)!
  const wished = {
    appointmentId: newId(),
    patientId: anna.patientId,
    request: null,
    now: runtime.clock(),
    startsAt: parseInstant(network.slots[0]!.startsAt)!,
    reason: null,
    overbookedReason: null,
    command: 'book' as const,
  }
  const context = await contextLater(anna.as, 0)
  // Both are made to begin before either can end.
  let calls: ReturnType<typeof take>[] = []
  await whileHeld(
    async (blocker) =>
      void (await blocker.query('select from doctor where id = $1 for update', [doctorId])),
    async (pid, release) => {
      calls = [take(context, offer!, wished), take(context, offer!, wished)]
      await withDatabase((database) =>
        until('both calls wait', async () => (await waitingFor(database, pid)).length === 2),
      )
      await release()
    },
  )
  const answers = await Promise.all(calls)
  for (const answer of answers) assert.deepEqual(answer, answers[0])
  assert.equal(answers[0]!.answer?.id, wished.appointmentId)
})

test('a time that another process has freed is booked, though memory here still says taken', async () => {
  const network = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const slotId = network.slots[0]!.id
  const { body } = await book(app, anna.as, { slotId })
  // A process that hears nothing of the others.
  const deaf = createBoard({ ...runtime, events: createEventBus() })
  const elsewhere = { ...(await contextLater(ben.as, 0)), board: deaf }
  await assert.rejects(bookAppointment(elsewhere, { slotId }, null), /taken/)
  await call(app, `DELETE /appointments/${body.id}`, { as: anna.as })
  const later = { ...(await contextLater(ben.as, 2000)), board: deaf }
  const { id } = await bookAppointment(later, { slotId }, null)
  assert.equal((await findAppointment(later, id)).status, 'confirmed')
})

test('rooms are shared out until none is left', async () => {
  const network = await openNetwork()
  const { people, clinicId } = network
  await call(app, `PATCH /visit-types/${network.visitTypeId}`, {
    as: people.admin,
    body: { roomKind: 'exam' },
  })
  const none = await openSlots(app, network.doctorId)
  assert.equal(none.length, 0)
  for (const name of ['One', 'Two'])
    await call(app, `POST /clinics/${clinicId}/rooms`, {
      as: people.admin,
      body: { name, kind: 'exam' },
    })
  const doctors = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const { body } = await call(app, 'POST /doctors', {
        as: people.admin,
        body: {
          name: `Doctor ${number}`,
          clinicIds: [clinicId],
          visitTypeIds: [network.visitTypeId],
        },
      })
      const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
        clinicId,
        weekday,
        from: '09:00',
        to: '10:00',
      }))
      await call(app, `PUT /doctors/${body.id}/hours`, { as: people.admin, body: { hours } })
      const { as } = await makePatient(runtime)
      return { as, slot: (await openSlots(app, body.id))[0]! }
    }),
  )
  const answers = await Promise.all(
    doctors.map(({ as, slot }) => book(app, as, { slotId: slot.id })),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 409])
  const rooms = answers.filter(({ status }) => status === 201).map(({ body }) => body.room.name)
  assert.deepEqual(rooms.sort(), ['One', 'Two'])
})

test('an id in capitals is the same id', async () => {
  const { slots, doctorId, clinicId, visitTypeId } = await openNetwork()
  const { as } = await makePatient(runtime)
  const shouted = [doctorId, clinicId, visitTypeId].map((id) => id.toUpperCase())
  const query = `clinicId=${shouted[1]}&visitTypeId=${shouted[2]}`
  assert.equal((await openSlots(app, shouted[0]!, query)).length, slots.length)
  const { status } = await book(app, as, {
    doctorId: shouted[0],
    startsAt: slots[0]!.startsAt,
    clinicId: shouted[1],
    visitTypeId: shouted[2],
  })
  assert.equal(status, 201)
})

test('a cursor that was made up is refused', async () => {
  const { as } = await makePatient(runtime)
  for (const startsAt of [1e15, 9e15, -1e300, 0.5]) {
    const position = { startsAt, id: newId(), doctorId: newId(), clinicId: newId() }
    const { id, ...slot } = position
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const cursor = encode({ startsAt, id })
    assert.equal((await call(app, `GET /appointments?cursor=${cursor}`, { as })).status, 422)
    assert.equal((await call(app, `GET /slots?cursor=${encode(slot)}`)).status, 422)
  }
})

test('whoever reads, changes or is refused an appointment is on record', async () => {
  const { slots } = await openNetwork()
  const [anna, ben] = [await makePatient(runtime), await makePatient(runtime)]
  const { body } = await book(app, anna.as, { slotId: slots[0]!.id })
  await call(app, `GET /appointments/${body.id}`, { as: anna.as })
  await call(app, `GET /appointments/${body.id}`, { as: ben.as })
  await call(app, `DELETE /appointments/${body.id}`, { as: ben.as })
  await call(app, `DELETE /appointments/${body.id}`, { as: anna.as })
  const entries = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'actor_id', 'allowed'])
    .where('subject_id', '=', body.id)
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    entries.map(({ action, actor_id, allowed }) => [action, actor_id, allowed]),
    [
      ['appointment.book', anna.accountId, true],
      ['appointment.read', anna.accountId, true],
      ['appointment.read', ben.accountId, false],
      ['appointment.cancel', ben.accountId, false],
      ['appointment.cancel', anna.accountId, true],
    ],
  )
})

test('only staff can cancel a visit that has begun', async () => {
  const { slots, people } = await openNetwork()
  const anna = await makePatient(runtime)
  const { body } = await book(app, anna.as, { slotId: slots[0]!.id })
  const afterStart = parseInstant(body.startsAt)! - runtime.clock() + 60_000
  const cancel = { command: 'cancel', reason: null, requestedVersion: null, request: null } as const
  await assert.rejects(
    commandAppointment(await contextLater(anna.as, afterStart), body.id, cancel),
    /has begun/,
  )
  const later = await contextLater(people.doctor, afterStart)
  await assert.rejects(commandAppointment(later, body.id, cancel), /reason is required/)
  const answer = await commandAppointment(later, body.id, {
    ...cancel,
    reason: 'The power failed.',
  })
  assert.equal((await findAppointment(later, answer.id)).status, 'cancelled')
})

test('the list is soonest first, page by page, and narrowed by date and status', async () => {
  const network = await openNetwork()
  const anna = await makePatient(runtime)
  const picked = [9, 2, 20, 5].map((index) => network.slots[index]!)
  for (const slot of picked)
    assert.equal((await book(app, anna.as, { slotId: slot.id })).status, 201)
  const starts = picked.map(({ startsAt }) => startsAt).sort()
  const seen: string[] = []
  let cursor = ''
  do {
    const { body } = await call(app, `GET /appointments?limit=3${cursor}`, { as: anna.as })
    seen.push(...body.items.map(({ startsAt }: { startsAt: string }) => startsAt))
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  assert.deepEqual(seen, starts)
  const day = starts[0]!.slice(0, 10)
  const ofDay = await call(app, `GET /appointments?from=${day}&to=${day}`, { as: anna.as })
  assert.deepEqual(
    ofDay.body.items.map(({ startsAt }: { startsAt: string }) => startsAt),
    starts.filter((start) => start.startsWith(day)),
  )
  const none = await call(app, 'GET /appointments?status=cancelled,expired', { as: anna.as })
  assert.deepEqual(none.body.items, [])
})

for (const { made, isOpen, work } of [
  {
    made: 'a booking',
    isOpen: false,
    work: async (as: string, slotId: string) => {
      const context = losingAnswersOf(await contextLater(as, 0), 'book_appointment')
      return bookAppointment(context, { slotId }, null)
    },
  },
  {
    made: 'a cancellation',
    isOpen: true,
    work: async (as: string, slotId: string) => {
      const { body } = await book(app, as, { slotId })
      const context = losingAnswersOf(await contextLater(as, 0), 'step_appointment')
      const plain = { reason: null, requestedVersion: null, request: null }
      return commandAppointment(context, body.id, { ...plain, command: 'cancel' })
    },
  },
])
  test(`what is listed knows of ${made} that was made although its answer never came`, async (t) => {
    const { slots, doctorId } = await openNetwork()
    const { as } = await makePatient(runtime)
    // Each look at the clock takes so long that nobody has the patience to ask again for long.
    const now = performance.now.bind(performance)
    let passed = 0
    const clock = t.mock.method(performance, 'now', () => now() + (passed += 16_000))
    await assert.rejects(work(as, slots[0]!.id), { code: 'busy' })
    clock.mock.restore()
    const [first] = await openSlots(app, doctorId)
    assert.equal(first!.id, slots[isOpen ? 0 : 1]!.id)
  })

test('a booking is noted in memory, and reads no schedule again', async () => {
  const { slots, doctorId, clinicId } = await openNetwork()
  const { as } = await makePatient(runtime)
  const doctor = (await runtime.board.doctors.get([doctorId])).get(doctorId)
  await runtime.board.clinics.get([clinicId])
  assert.equal((await book(app, as, { slotId: slots[0]!.id, hold: true })).status, 201)
  const ben = await makePatient(runtime)
  assert.equal((await book(app, ben.as, { slotId: slots[1]!.id })).status, 201)
  assert.equal(runtime.board.doctors.peek(doctorId), doctor)
  assert.ok(runtime.board.clinics.peek(clinicId))
  const [first] = await openSlots(app, doctorId)
  assert.equal(first!.id, slots[2]!.id)
})

test('who has no record of their own names whom the visit is for', async () => {
  const { slots, doctorId, visitTypeId } = await openNetwork()
  const { as, accountId, patientId } = await makePatient(runtime)
  await runtime.db
    .updateTable('patient_access')
    .set({ relation: 'carer' })
    .where('account_id', '=', accountId)
    .execute()
  const slotId = slots[0]!.id
  const unnamed = await book(app, as, { slotId })
  assert.deepEqual([unnamed.status, pointersOf(unnamed)], [422, ['/patientId']])
  const waiting = await call(app, 'POST /waitlist', { as, body: { doctorId, visitTypeId } })
  assert.deepEqual([waiting.status, pointersOf(waiting)], [422, ['/patientId']])
  assert.equal((await book(app, as, { slotId, patientId })).status, 201)
})
