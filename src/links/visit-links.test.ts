import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { mailAbout, wordOf } from '#test/support/links.ts'
import { call, type Answer } from '#test/support/network.ts'
import { book, makePatient, openSlots } from '#test/support/patient.ts'
import {
  auditOf,
  changeClinic,
  changeDoctor,
  command,
  contextLater,
  instantOf,
  makePatientOf,
  makeVisit,
  openNetwork,
  storedStatus,
  storedVisit,
  type OpenNetwork,
} from '#test/support/visits.ts'
import { testVisita } from '#test/support/visita.ts'
import { whileHeld } from '#test/support/race-blocker.ts'
import { until } from '#test/support/race-servers.ts'
import { linkTo, visitPurposes, type VisitPurpose } from './address.ts'
import { firstNameOf } from './linked-visit.ts'
import { viewLink } from './visit-links.ts'

const { app, runtime, logged } = await testVisita()
const day = 86_400_000

function use(path: string, body: object, options: { as?: string } = {}): Promise<Answer> {
  return call(app, `POST /links/${path}`, { body, ...options })
}

/** A visit, its patient, and the tokens of a mail about it to the patient's account. */
async function mailedVisit(network: OpenNetwork, index: number) {
  const visit = await makeVisit(network, index)
  const mailId = await mailAbout(runtime, { appointmentId: visit.id, accountId: visit.accountId })
  return { ...visit, mailId, token: (purpose: VisitPurpose) => wordOf(runtime, purpose, mailId) }
}

/** Someone whom the desk registered, with a visit that it booked, and the tokens of a mail to them. */
async function mailedWithoutAccount(network: OpenNetwork, index: number) {
  const as = network.people.deskHere
  const email = `${newId()}@example.org`
  const person = { name: 'Zoë Müller', email, despiteDuplicates: true }
  const { body: patient } = await call(app, 'POST /patients', { as, body: person })
  const booked = await book(app, as, {
    slotId: network.slots[index]!.id,
    patientId: patient.id,
  })
  assert.equal(booked.status, 201, JSON.stringify(booked.body))
  const { id } = booked.body
  const mailId = await mailAbout(runtime, {
    appointmentId: id,
    patientId: patient.id,
    address: email,
  })
  const token = (purpose: VisitPurpose) => wordOf(runtime, purpose, mailId)
  return { id, patientId: String(patient.id), mailId, token }
}

/** The same bytes as base64url can write them too: the last bits of the last letter are padding. */
function otherSpelling(word: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = letters.indexOf(word.at(-1)!)
  return word.slice(0, -1) + letters[last ^ 1]!
}

function assertInvalid(answer: Answer): void {
  assert.equal(answer.status, 422, JSON.stringify(answer.body))
  assert.equal(answer.body.type, '/problems/invalid-link')
}

/** As the visit's patient at an instant so many milliseconds after the visit began. */
async function viewAfterStart(
  token: string,
  visit: { as: string; startsAt: string },
  after: number,
) {
  const context = await contextLater(visit.as, instantOf(visit.startsAt) - runtime.clock() + after)
  return viewLink(context, { token })
}

async function eventsAbout(id: string, type: string) {
  const events = await runtime.db
    .selectFrom('event')
    .select(['subjects', 'actor_id'])
    .where('type', '=', type)
    .execute()
  return events.filter(({ subjects }) => subjects['appointmentId'] === id)
}

test('a link is an address whose fragment holds purpose and token, and nothing else does', async () => {
  const id = newId()
  const context = { ...runtime, config: { ...runtime.config } }
  const address = new URL(linkTo(context, 'cancel', id))
  assert.equal(address.origin, 'http://visita.test')
  assert.equal(address.pathname, '/visit')
  assert.equal(address.search, '')
  assert.equal(address.hash, `#${wordOf(runtime, 'cancel', id)}`)
})

test('a link shows who, where and when, never why, and of the patient the first name alone', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime, 'Anna Maria Berg')
  const reason = 'A rash that I have told nobody of'
  const { body: visit } = await book(app, patient.as, { slotId: network.slots[0]!.id, reason })
  const { accountId } = patient
  const mailId = await mailAbout(runtime, { appointmentId: visit.id, accountId })
  for (const purpose of ['view', 'cancel', 'move', 'confirm'] as const) {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/links/view',
      payload: { token: wordOf(runtime, purpose, mailId) },
    })
    assert.equal(answer.statusCode, 200, answer.body)
    assert.equal(answer.headers['cache-control'], 'no-store')
    const shown = answer.json()
    assert.equal(shown.purpose, purpose)
    assert.equal(shown.appointment.startsAt, visit.startsAt)
    assert.equal(shown.appointment.timeZone, 'Europe/Paris')
    assert.deepEqual(shown.appointment.patient, { firstName: 'Anna' })
    assert.deepEqual(shown.appointment.doctor, { name: 'Claire Moreau' })
    assert.equal(shown.appointment.clinic.name, 'Canal')
    assert.deepEqual([shown.appointment.canCancel, shown.appointment.canMove], [true, true])
    for (const secret of ['rash', 'Consultation', 'Berg', 'Specialty', patient.patientId, visit.id])
      assert.ok(!answer.body.includes(secret), secret)
  }
})

test('a link does its own purpose alone', async () => {
  const network = await openNetwork()
  const { id, token, visit } = await mailedVisit(network, 0)
  const slotId = network.slots[3]!.id
  const deeds: Record<string, (word: string) => Promise<Answer>> = {
    cancel: (word) => use('cancel', { token: word }),
    move: (word) => use('move', { token: word, slotId }),
    confirm: (word) => use('confirm', { token: word }),
    offer: (word) => use('offer', { token: word, answer: 'take' }),
  }
  for (const purpose of visitPurposes)
    for (const [deed, attempt] of Object.entries(deeds)) {
      if (deed === purpose) continue
      assertInvalid(await attempt(token(purpose)))
      // Renaming it does not help either.
      assertInvalid(await attempt(token(purpose).replace(/^\w+/, deed)))
    }
  assertInvalid(await use('open-times', { token: token('cancel') }))
  // There is no offer that this visit would be.
  assertInvalid(await use('offer', { token: token('offer'), answer: 'take' }))
  assertInvalid(await use('view', { token: token('offer') }))
  const stored = await storedVisit(id)
  assert.equal(stored.status, 'confirmed')
  assert.equal(stored.starts_at, instantOf(visit.startsAt))
})

test('every link that opens nothing is refused alike', async () => {
  const network = await openNetwork()
  const { token, patientId, accountId } = await mailedVisit(network, 0)
  const other = await mailedVisit(network, 1)
  const head = token('view').slice(0, 30)
  const rest = token('view').slice(30)
  const noVisit = newId()
  await runtime.db
    .insertInto('notification')
    .values({
      id: noVisit,
      kind: 'account',
      channel: 'email',
      account_id: accountId,
      side: 'patient',
      topic: 'welcome',
      details: '{}',
      status: 'sent',
      queued_at: formatUtc(runtime.clock()),
    })
    .execute()
  const ofAnother = await mailAbout(runtime, { appointmentId: other.id, patientId })
  const ofAnotherAccount = await mailAbout(runtime, { appointmentId: other.id, accountId })
  const words = [
    'view',
    'view.',
    '.',
    '#',
    'open.sesame',
    token('view').slice(5),
    head,
    head + rest.split('').toReversed().join(''),
    token('view').replace('view', 'VIEW'),
    `${token('view')}.cancel`,
    `${token('view')}\n`,
    otherSpelling(token('view')),
    `calendar.${runtime.links.tokenOf('calendar', newId())}`,
    wordOf(runtime, 'view', newId()),
    wordOf(runtime, 'view', noVisit),
    wordOf(runtime, 'view', ofAnother),
    wordOf(runtime, 'view', ofAnotherAccount),
  ]
  const told = new Set<string>()
  for (const word of words) {
    const answer = await use('view', { token: word })
    assertInvalid(answer)
    const { requestId, ...problem } = answer.body
    assert.ok(requestId)
    told.add(JSON.stringify(problem))
  }
  assert.equal(told.size, 1)
})

test('a mail about one visit cancels no other', async () => {
  const network = await openNetwork()
  const [one, other] = [await mailedVisit(network, 0), await mailedVisit(network, 1)]
  assert.equal((await use('cancel', { token: one.token('cancel') })).status, 200)
  assert.equal(await storedStatus(one.id), 'cancelled')
  assert.equal(await storedStatus(other.id), 'confirmed')
})

test('who has no account cancels by the link, and the history names them', async () => {
  const network = await openNetwork()
  const { id, patientId, mailId, token } = await mailedWithoutAccount(network, 0)
  const before = (await use('view', { token: token('cancel') })).body
  assert.equal(before.appointment.status, 'confirmed')
  const { version } = before.appointment
  const answer = await use('cancel', { token: token('cancel'), version })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.appointment.status, 'cancelled')
  assert.equal(answer.body.appointment.canCancel, false)
  assert.equal(await storedStatus(id), 'cancelled')
  assert.equal((await storedVisit(id)).claims.length, 0)

  const as = network.people.deskHere
  const { items } = (await call(app, `GET /appointments/${id}/history`, { as })).body
  assert.deepEqual(items.at(-1).by, { role: 'patient', name: 'Zoë Müller' })
  const told = await eventsAbout(id, 'appointment.cancelled')
  assert.deepEqual(
    told.map(({ actor_id }) => actor_id),
    [patientId],
  )
  const rows = (await auditOf(id)).filter(({ actor_id }) => actor_id === patientId)
  assert.deepEqual(
    rows.map(({ action, details }) => [action, details]),
    [
      ['appointment.read', { by: 'link', purpose: 'cancel', notificationId: mailId }],
      ['link.use', { by: 'link', purpose: 'cancel', notificationId: mailId }],
      ['appointment.cancel', {}],
    ],
  )
})

test('a request that is sent again is answered as the first was, whatever happened since', async () => {
  const network = await openNetwork()
  const { token, as, id } = await mailedVisit(network, 0)
  const [one, other] = [network.slots[4]!, network.slots[6]!]
  const first = await use('move', { token: token('move'), slotId: one.id, version: 1 })
  assert.equal(first.status, 200, JSON.stringify(first.body))
  assert.equal((await command(as, id, 'reschedule', { body: { slotId: other.id } })).status, 200)
  const again = await use('move', { token: token('move'), slotId: one.id, version: 1 })
  assert.deepEqual(again, first)
  assert.equal((await storedVisit(id)).starts_at, instantOf(other.startsAt))

  const cancelled = await use('cancel', { token: token('cancel'), version: 3 })
  assert.deepEqual(await use('cancel', { token: token('cancel'), version: 3 }), cancelled)
  assert.equal(cancelled.body.appointment.status, 'cancelled')
  // Without a version, too.
  const plain = await use('cancel', { token: token('cancel') })
  assert.equal(plain.status, 200)
  assert.equal(plain.body.appointment.status, 'cancelled')
  assert.equal((await eventsAbout(id, 'appointment.cancelled')).length, 1)
})

test('a visit that has changed since it was shown is not cancelled unseen', async () => {
  const network = await openNetwork()
  const { token, as, id } = await mailedVisit(network, 0)
  const body = { slotId: network.slots[5]!.id }
  assert.equal((await command(as, id, 'reschedule', { body })).status, 200)
  const answer = await use('cancel', { token: token('cancel'), version: 1 })
  assert.equal(answer.status, 412)
  assert.equal(await storedStatus(id), 'confirmed')
})

test('a visit is moved by a link to one of its open times', async () => {
  const network = await openNetwork()
  const { id, token, patientId } = await mailedWithoutAccount(network, 0)
  // The patient is somewhere else at the second time.
  const elsewhere = await openNetwork()
  const [, second] = network.slots
  const there = elsewhere.slots.find(({ startsAt }) => startsAt === second!.startsAt)!
  const as = elsewhere.people.deskHere
  assert.equal((await book(app, as, { slotId: there.id, patientId })).status, 201)

  const open = await use('open-times', { token: token('move') })
  assert.equal(open.status, 200, JSON.stringify(open.body))
  const { days, nextOpenDate } = open.body
  assert.equal(days.length, 14)
  assert.match(nextOpenDate, /^\d{4}-\d\d-\d\d$/)
  const slots: { id: string; startsAt: string }[] = days.flatMap((one: { slots: [] }) => one.slots)
  const starts = new Set(slots.map(({ startsAt }) => startsAt))
  assert.ok(!starts.has(network.slots[0]!.startsAt))
  assert.ok(!starts.has(second!.startsAt))
  assert.ok(starts.has(network.slots[2]!.startsAt))

  const from = nextOpenDate
  const later = (await use('open-times', { token: token('move'), from })).body
  assert.equal(later.days[0].date, from)
  assert.ok(later.days[0].slots.length > 0)
  const past = (await use('open-times', { token: token('move'), from: '2020-01-01' })).body
  assert.deepEqual(past, open.body)
  // Neither after all that can be booked is there any, nor where the calendar ends.
  for (const late of ['2400-01-01', '9999-12-01', '9999-12-20', '9999-12-31']) {
    const answer = await use('open-times', { token: token('move'), from: late })
    assert.deepEqual(answer.body, { days: [], nextOpenDate: null }, late)
  }

  const slot = slots.find(({ startsAt }) => startsAt === network.slots[7]!.startsAt)!
  const answer = await use('move', { token: token('move'), slotId: slot.id, version: 1 })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.appointment.startsAt, slot.startsAt)
  assert.equal((await storedVisit(id)).starts_at, instantOf(slot.startsAt))
  const history = await call(app, `GET /appointments/${id}/history`, {
    as: network.people.deskHere,
  })
  assert.equal(history.body.items.at(-1).by.name, 'Zoë Müller')
})

test('every time that is listed for a move can be moved to', async () => {
  const network = await openNetwork()
  const { token } = await mailedVisit(network, 0)
  const { days } = (await use('open-times', { token: token('move') })).body
  const [first, ...others] = days.flatMap((one: { slots: { id: string }[] }) => one.slots)
  for (const { id: slotId } of [first, others[3], others.at(-1), first]) {
    const answer = await use('move', { token: token('move'), slotId })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
})

test('a lost time is refused with the nearest ones, and another doctor’s is refused', async () => {
  const network = await openNetwork()
  const { token, id } = await mailedVisit(network, 0)
  await makeVisit(network, 5)
  const slotId = network.slots[5]!.id
  const lost = await use('move', { token: token('move'), slotId })
  assert.equal(lost.status, 409)
  assert.equal(lost.body.type, '/problems/slot-taken')
  assert.equal(lost.body.alternatives.length, 3)
  const elsewhere = await openNetwork()
  const other = await use('move', { token: token('move'), slotId: elsewhere.slots[5]!.id })
  assert.equal(other.status, 403)
  const nonsense = await use('move', { token: token('move'), slotId: 'soon' })
  assert.equal(nonsense.status, 422)
  assert.equal(nonsense.body.errors[0].pointer, '/slotId')
  assert.equal((await storedVisit(id)).starts_at, instantOf(network.slots[0]!.startsAt))
})

test('where the doctor wants to be asked, a move by a link is a request', async () => {
  const network = await openNetwork()
  const { token } = await mailedVisit(network, 0)
  await changeDoctor(network, { bookingMode: 'on_request' })
  const answer = await use('move', { token: token('move'), slotId: network.slots[9]!.id })
  assert.equal(answer.body.appointment.status, 'requested')
})

test('the clinic’s notice for changes holds for links too', async () => {
  const network = await openNetwork()
  const { token, id } = await mailedVisit(network, 0)
  await changeClinic(network, { change_notice_minutes_min: 60 * 24 * 60 })
  const { appointment } = (await use('view', { token: token('cancel') })).body
  assert.deepEqual([appointment.canCancel, appointment.canMove], [false, false])
  const answers = [
    await use('cancel', { token: token('cancel') }),
    await use('move', { token: token('move'), slotId: network.slots[5]!.id }),
    await use('open-times', { token: token('move') }),
  ]
  for (const answer of answers) {
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/too-late')
    assert.equal(answer.body.changeableUntil, appointment.changeableUntil)
  }
  assert.equal(await storedStatus(id), 'confirmed')
})

test('each link ends: to act when the visit begins, to look 30 days after it', async () => {
  const network = await openNetwork()
  const { as, token, visit } = await mailedVisit(network, 0)
  const { startsAt } = visit
  const view = (purpose: VisitPurpose, after: number) =>
    viewAfterStart(token(purpose), { as, startsAt }, after)
  for (const purpose of ['cancel', 'move', 'confirm'] as const) {
    const { expiresAt } = await view(purpose, -1000)
    assert.equal(expiresAt, startsAt)
    await assert.rejects(view(purpose, 1), { code: 'too-late' })
    await assert.rejects(view(purpose, 31 * day), { code: 'invalid-link' })
  }
  const half = 1_800_000
  const { expiresAt } = await view('view', 30 * day)
  assert.equal(instantOf(expiresAt), instantOf(startsAt) + half + 30 * day)
  await assert.rejects(view('view', 30 * day + half), { code: 'invalid-link' })
})

test('who comes says so once, which is noted at the mail and told', async () => {
  const network = await openNetwork()
  const { id, patientId, mailId, token } = await mailedWithoutAccount(network, 0)
  const confirm = () => use('confirm', { token: token('confirm') })
  const answers = await Promise.all([confirm(), confirm(), confirm()])
  for (const answer of [...answers, await confirm()]) {
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    assert.equal(answer.body.purpose, 'confirm')
    assert.ok(answer.body.confirmedAt)
    assert.equal(answer.body.appointment.status, 'confirmed')
  }
  const row = await runtime.db
    .selectFrom('notification')
    .select('confirmed_at')
    .where('id', '=', mailId)
    .executeTakeFirstOrThrow()
  assert.ok(row.confirmed_at)
  const { doctorId, clinicId } = network
  assert.deepEqual(await eventsAbout(id, 'appointment.attendance-confirmed'), [
    { subjects: { appointmentId: id, doctorId, clinicId, patientId }, actor_id: patientId },
  ])
  const actions = (await auditOf(id)).map(({ action }) => action)
  assert.equal(actions.filter((action) => action === 'appointment.confirm-attendance').length, 1)
})

test('nobody says that they come to a visit that does not stand', async () => {
  const network = await openNetwork()
  const { token, as, id } = await mailedVisit(network, 0)
  await command(as, id, 'cancel')
  const answer = await use('confirm', { token: token('confirm') })
  assert.equal(answer.status, 409)
  assert.equal(answer.body.type, '/problems/wrong-state')
  assert.equal(answer.body.appointmentStatus, 'cancelled')
  // What is over can still be looked at.
  const { body } = await use('view', { token: token('cancel') })
  assert.equal(body.appointment.status, 'cancelled')
})

test('who said that they come is asked anew when the visit is moved, and not heard when it is off', async () => {
  const network = await openNetwork()
  const { token, as, id, accountId } = await mailedVisit(network, 0)
  const confirm = (version?: number) => use('confirm', { token: token('confirm'), version })
  const view = async () => (await use('view', { token: token('confirm') })).body
  assert.equal((await view()).canConfirm, true)
  assert.equal((await confirm(2)).body.type, '/problems/stale-version')
  assert.equal((await view()).confirmedAt, undefined)
  const said = (await confirm(1)).body
  assert.equal((await view()).confirmedAt, said.confirmedAt)

  const move = (index: number) =>
    command(as, id, 'reschedule', { body: { slotId: network.slots[index]!.id } })
  await move(20)
  const moved = await view()
  assert.deepEqual([moved.canConfirm, moved.confirmedAt], [false, undefined])
  for (const version of [undefined, 1, 2]) {
    const refused = await confirm(version)
    assert.equal(refused.status, 409)
    assert.equal(refused.body.type, '/problems/wrong-state')
    assert.match(refused.body.detail, /moved/)
  }
  // The reminder of the new time asks anew, and is not answered yet.
  const newMailId = await mailAbout(runtime, { appointmentId: id, accountId, kind: 'reminder' })
  const again = { token: wordOf(runtime, 'confirm', newMailId) }
  assert.equal((await use('view', again)).body.confirmedAt, undefined)
  assert.ok((await use('confirm', again)).body.confirmedAt)

  // Back where it was, what was said holds, also for a request that is sent again.
  await move(0)
  assert.equal((await confirm(1)).body.confirmedAt, said.confirmedAt)
  await command(as, id, 'cancel')
  assert.equal((await view()).canConfirm, false)
  assert.equal((await confirm()).body.type, '/problems/wrong-state')
  assert.equal((await eventsAbout(id, 'appointment.attendance-confirmed')).length, 2)
})

test('nobody says that they come to a visit that is cancelled at the same time', async () => {
  const network = await openNetwork()
  const { token, id } = await mailedVisit(network, 0)
  let canceller: pg.Client | undefined
  await whileHeld(
    async (blocker) => {
      canceller = blocker
      await blocker.query(`update appointment set status = 'cancelled' where id = $1`, [id])
    },
    async (pid) => {
      const confirming = use('confirm', { token: token('confirm') })
      await until('the answer waits for the visit', async () => {
        const { rows } = await canceller!.query(
          'select from pg_locks where not granted and $1::int = any (pg_blocking_pids(pid))',
          [pid],
        )
        return rows.length > 0
      })
      await canceller!.query('commit')
      assert.equal((await confirming).body.type, '/problems/wrong-state')
    },
  )
  assert.equal((await eventsAbout(id, 'appointment.attendance-confirmed')).length, 0)
})

test('a message by SMS that went to another number opens nothing once the number is corrected', async () => {
  const network = await openNetwork()
  const { token, id, mailId, accountId, patientId } = await mailedVisit(network, 0)
  const { db } = runtime
  const sentTo = (address: string | null) =>
    db
      .updateTable('notification')
      .set({ channel: 'sms', address })
      .where('id', '=', mailId)
      .execute()
  const phoneOf = async (account: string | null, patient: string | null) => {
    await db.updateTable('account').set({ phone: account }).where('id', '=', accountId).execute()
    await db.updateTable('patient').set({ phone: patient }).where('id', '=', patientId).execute()
  }
  const isGood = async () => (await use('view', { token: token('cancel') })).status === 200
  await sentTo('+33612345678')
  // The account's number as people write it, or else that of the account's own record.
  for (const phone of ['06 12 34 56 78', '+33 6 12 34 56 78', '0033612345678']) {
    await phoneOf(phone, '+33 7 00 00 00 00')
    assert.equal(await isGood(), true, phone)
    await phoneOf(null, phone)
    assert.equal(await isGood(), true, phone)
  }
  for (const phone of ['07 12 34 56 78', '06 12 34 56 79', '+49 6 12 34 56 78', 'unknown', null]) {
    await phoneOf(phone, phone)
    assert.equal(await isGood(), false, String(phone))
    assertInvalid(await use('cancel', { token: token('cancel') }))
  }
  await phoneOf('06 12 34 56 78', null)
  await sentTo(null)
  assert.equal(await isGood(), false)
  assert.equal(await storedStatus(id), 'confirmed')
})

test('a mail of which nobody knows where it went opens nothing', async () => {
  const network = await openNetwork()
  const { id, accountId } = await makeVisit(network, 0)
  const mailId = await mailAbout(runtime, { appointmentId: id, accountId, address: null })
  assertInvalid(await use('view', { token: wordOf(runtime, 'view', mailId) }))
})

test('who has no account has no links any more once somebody acts for them', async () => {
  const network = await openNetwork()
  const { patientId, token, id } = await mailedWithoutAccount(network, 0)
  const someone = await makePatient(runtime)
  const isGood = async () => (await use('view', { token: token('cancel') })).status === 200
  const at = runtime.clock()
  const { db } = runtime
  await db
    .insertInto('patient_access')
    .values({
      account_id: someone.accountId,
      patient_id: patientId,
      relation: 'carer',
      scope: 'see',
      created_at: formatUtc(at),
    })
    .execute()
  const change = (values: { scope?: 'book' | 'manage'; ends_at?: string | null }) =>
    db.updateTable('patient_access').set(values).where('patient_id', '=', patientId).execute()
  assert.equal(await isGood(), true)
  for (const scope of ['book', 'manage'] as const) {
    await change({ scope })
    assert.equal(await isGood(), false, scope)
    assertInvalid(await use('cancel', { token: token('cancel') }))
  }
  await change({ ends_at: formatUtc(at - 1000) })
  assert.equal(await isGood(), true)
  assert.equal(await storedStatus(id), 'confirmed')
})

test('who lists the times of a link is on record', async () => {
  const network = await openNetwork()
  const { token, id, mailId, accountId } = await mailedVisit(network, 0)
  const before = (await auditOf(id)).length
  await use('open-times', { token: token('move') })
  const details = { by: 'link', purpose: 'move', notificationId: mailId }
  assert.deepEqual((await auditOf(id)).slice(before), [
    { action: 'link.use', actor_id: accountId, allowed: true, details },
  ])
})

test('another time than the one that was moved to is another wish', async () => {
  const network = await openNetwork()
  const { token, id } = await mailedVisit(network, 0)
  const [one, other] = [network.slots[4]!, network.slots[6]!]
  const move = (slotId: string) => use('move', { token: token('move'), slotId, version: 1 })
  const first = await move(one.id)
  const second = await move(other.id)
  assert.equal(second.status, 412)
  assert.equal(second.body.type, '/problems/stale-version')
  assert.deepEqual(await move(one.id), first)
  assert.equal((await storedVisit(id)).starts_at, instantOf(one.startsAt))
})

test('of a name in whatever form a link shows the first name, or the initial of a single word', () => {
  for (const [name, shown] of [
    ['Anna Maria Berg', 'Anna'],
    ['Berg, Anna', 'Anna'],
    ['van der Berg , Anna Maria', 'Anna'],
    ['بيرغ، آنا', 'آنا'],
    ['山田太郎', '山.'],
    ['山田，太郎', '太郎'],
    ['Madonna', 'M.'],
    ['Berg,', 'B.'],
    [' ', ''],
  ] as const)
    assert.equal(firstNameOf(name), shown, name)
})

test('who has lost the patient or the account has lost the links', async () => {
  const network = await openNetwork()
  const ended = await mailedVisit(network, 0)
  const disabled = await mailedVisit(network, 1)
  const onlySees = await mailedVisit(network, 2)
  const corrected = await mailedWithoutAccount(network, 3)
  const all = [ended, disabled, onlySees, corrected]
  for (const { token } of all)
    assert.equal((await use('view', { token: token('cancel') })).status, 200)
  const { db } = runtime
  const access = (accountId: string) =>
    db.updateTable('patient_access').where('account_id', '=', accountId)
  await access(ended.accountId)
    .set({ ends_at: formatUtc(runtime.clock() - 1) })
    .execute()
  await access(onlySees.accountId).set({ scope: 'see' }).execute()
  await db
    .updateTable('account')
    .set({ status: 'disabled' })
    .where('id', '=', disabled.accountId)
    .execute()
  // The mail had gone to a stranger.
  await call(app, `PATCH /patients/${corrected.patientId}`, {
    as: network.people.deskHere,
    body: { email: `${newId()}@example.org` },
  })
  for (const { token, id, mailId } of all) {
    assertInvalid(await use('view', { token: token('view') }))
    assertInvalid(await use('cancel', { token: token('cancel') }))
    assertInvalid(await use('confirm', { token: token('confirm') }))
    assert.equal(await storedStatus(id), 'confirmed')
    const denied = (await auditOf(mailId)).filter(({ allowed }) => !allowed)
    assert.equal(denied.length, 3)
  }
})

test('a doctor who is a patient acts as the patient, also at the own clinic', async () => {
  const network = await openNetwork()
  const as = network.people.doctor
  const patientId = await makePatientOf(as)
  const { accountId } = (await contextLater(as, 0)).actor
  const slotId = network.slots[0]!.id
  const { body: visit } = await book(app, network.people.deskHere, { slotId, patientId })
  const mailId = await mailAbout(runtime, { appointmentId: visit.id, accountId })
  await changeClinic(network, { change_notice_minutes_min: 60 * 24 * 60 })
  const body = { token: wordOf(runtime, 'cancel', mailId) }
  // Signed in as staff, too, a link is the patient's.
  const answer = await use('cancel', body, { as })
  assert.equal(answer.body.type, '/problems/too-late')
  assert.equal(await storedStatus(visit.id), 'confirmed')
})

test('a GET changes nothing, and no path takes a token', async () => {
  const network = await openNetwork()
  const { token, id, mailId } = await mailedVisit(network, 0)
  for (const path of ['view', 'cancel', 'move', 'confirm', 'offer', 'open-times']) {
    const answer = await app.inject(`/api/v1/links/${path}?token=${token('cancel')}`)
    assert.ok([404, 405].includes(answer.statusCode), `${path}: ${answer.statusCode}`)
  }
  for (const method of ['GET', 'HEAD'] as const) {
    const page = await app.inject({ method, url: '/visit' })
    assert.equal(page.statusCode, 200)
  }
  assert.equal(await storedStatus(id), 'confirmed')
  const row = await runtime.db
    .selectFrom('notification')
    .select('confirmed_at')
    .where('id', '=', mailId)
    .executeTakeFirstOrThrow()
  assert.equal(row.confirmed_at, null)
})

test('no token and no first name stands in a log, an event, an audit row or a remembered request', async () => {
  const network = await openNetwork()
  const patient = await makePatient(runtime, 'Xanthippe Quagmire')
  const { body: visit } = await book(app, patient.as, { slotId: network.slots[0]!.id })
  const { accountId } = patient
  const mailId = await mailAbout(runtime, { appointmentId: visit.id, accountId })
  const token = (purpose: VisitPurpose) => wordOf(runtime, purpose, mailId)
  const slotId = (await openSlots(app, network.doctorId))[9]!.id
  await use('view', { token: token('view') })
  await use('confirm', { token: token('confirm') })
  await use('open-times', { token: token('move') })
  await use('move', { token: token('move'), slotId, version: 1 })
  await use('cancel', { token: token('cancel'), version: 2 })
  await use('cancel', { token: `${token('cancel')}x` })
  const { db } = runtime
  const kept = JSON.stringify([
    await db.selectFrom('event').selectAll().execute(),
    await db.selectFrom('audit_entry').selectAll().execute(),
    await db.selectFrom('idempotency_key').selectAll().execute(),
    await db.selectFrom('notification').selectAll().execute(),
  ])
  for (const purpose of visitPurposes) {
    const secret = token(purpose).slice(-43)
    assert.ok(!logged().includes(secret), `the log holds the token to ${purpose}`)
    assert.ok(!kept.includes(secret), `the database holds the token to ${purpose}`)
  }
  assert.ok(!logged().includes('Xanthippe'))
  assert.ok(!kept.includes('Xanthippe'))
})
