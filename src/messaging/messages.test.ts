import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, formatUtc, type Instant } from '#src/kernel/time.ts'
import { call, pointersOf, signInAs, type Answer } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { onlyWaiter } from '#test/support/race-blocker.ts'
import { pidOf } from '#test/support/race-servers.ts'
import { testVisita } from '#test/support/visita.ts'
import {
  auditOf,
  changeDoctor,
  command,
  contextAt,
  contextLater,
  instantOf,
  makePatientOf,
  makeVisit,
  openNetwork,
  setExpiry,
} from '#test/support/visits.ts'
import { cleanText, sendMessage } from './messages.ts'
import { markRead } from './threads.ts'

const { app, runtime, databaseUrl, logged } = await testVisita()

function send(as: string, id: string, text: string, key?: string): Promise<Answer> {
  return call(app, `POST /appointments/${id}/messages`, {
    as,
    body: { text },
    ...(key !== undefined && { key }),
  })
}

function list(as: string, id: string, query = ''): Promise<Answer> {
  return call(app, `GET /appointments/${id}/messages${query}`, { as })
}

function read(as: string, id: string, body: { until?: string } = {}): Promise<Answer> {
  return call(app, `POST /appointments/${id}/messages/read`, { as, body })
}

function unread(as: string): Promise<Answer> {
  return call(app, 'GET /messages/unread', { as })
}

/** Lets the account of the other act for the patient, too. */
async function giveAccess(
  { patientId }: TestPatient,
  other: TestPatient,
  access: { scope: 'book' | 'see'; ends_at?: string },
): Promise<void> {
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: other.accountId,
      patient_id: patientId,
      relation: 'parent',
      created_at: formatUtc(runtime.clock()),
      ...access,
    })
    .execute()
}

async function isRefused(
  as: string,
  at: Instant,
  id: string,
): Promise<{ code: string; message: string } | null> {
  try {
    await sendMessage(await contextAt(as, at), id, { text: 'Hello.', request: null })
    return null
  } catch (error) {
    return error as { code: string; message: string }
  }
}

test('patient, doctor and front desk write to each other, and see who wrote', async () => {
  const network = await openNetwork()
  const { people } = network
  const visit = await makeVisit(network, 0)
  const first = await send(visit.as, visit.id, '  Shall I bring the letter?\r\n ')
  assert.equal(first.status, 201)
  const { id, sentAt, ...rest } = first.body
  assert.match(sentAt, /[+]0[12]:00$/)
  assert.deepEqual(rest, {
    side: 'patient',
    author: { name: 'Someone' },
    text: 'Shall I bring the letter?',
    isMine: true,
    isRead: false,
  })
  await send(people.doctor, visit.id, 'Yes, please.')
  await send(people.deskHere, visit.id, 'And your card.')
  for (const as of [visit.as, people.doctor, people.deskHere]) {
    const { body } = await list(as, visit.id)
    assert.deepEqual(
      body.items.map(({ side, author, text }: Answer['body']) => [
        side,
        author.name,
        author.role,
        text,
      ]),
      [
        ['staff', 'Someone', 'front_desk', 'And your card.'],
        // Patients know the doctor by the profile's name, and the account's is Someone.
        ['staff', 'Claire Moreau', 'doctor', 'Yes, please.'],
        ['patient', 'Someone', undefined, 'Shall I bring the letter?'],
      ],
    )
    assert.equal(body.isOpen, true)
    assert.equal(body.nextCursor, null)
    assert.equal(body.unreadCount, as === visit.as ? 2 : 1)
    assert.equal(body.items[2].isMine, as === visit.as)
    assert.equal(body.items[2].id, id)
  }
})

test('strangers, other doctors, other clinics and admins find no messages, and each try is on record', async () => {
  const network = await openNetwork()
  const { people } = network
  const visit = await makeVisit(network, 0)
  const stranger = await makePatient(runtime)
  await send(visit.as, visit.id, 'Hello.')
  const before = (await auditOf(visit.id)).length
  const others = [stranger.as, people.otherDoctor, people.deskElsewhere, people.admin]
  for (const as of others) {
    assert.equal((await list(as, visit.id)).status, 404)
    assert.equal((await send(as, visit.id, 'Let me in.')).status, 404)
    assert.equal((await read(as, visit.id)).status, 404)
    assert.deepEqual((await unread(as)).body, { unreadCount: 0, threads: [] })
  }
  const denied = (await auditOf(visit.id)).slice(before)
  assert.equal(denied.length, 3 * others.length)
  assert.ok(denied.every(({ allowed }) => !allowed))
  assert.deepEqual(
    new Set(denied.map(({ action }) => action)),
    new Set(['message.list', 'message.send', 'message.mark-read']),
  )
  assert.equal((await list(visit.as, visit.id)).body.items.length, 1)
  assert.equal((await call(app, `GET /appointments/${visit.id}/messages`)).status, 401)
  assert.equal((await list(visit.as, newId())).status, 404)
})

test('who may book for a patient writes and reads for them, who may look reads, while that lasts', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const [mother, watcher, former] = await Promise.all([
    makePatient(runtime),
    makePatient(runtime),
    makePatient(runtime),
  ])
  await giveAccess(visit, mother, { scope: 'book' })
  await giveAccess(visit, watcher, { scope: 'see' })
  await giveAccess(visit, former, { scope: 'book', ends_at: formatUtc(runtime.clock() - 1000) })
  const sent = await send(mother.as, visit.id, 'I bring her.')
  assert.deepEqual([sent.status, sent.body.side, sent.body.isMine], [201, 'patient', true])
  const { body } = await list(visit.as, visit.id)
  assert.deepEqual([body.items[0].isMine, body.unreadCount], [false, 0])
  assert.equal((await list(former.as, visit.id)).status, 404)
  const seen = await list(watcher.as, visit.id)
  assert.deepEqual(
    [seen.status, seen.body.items[0].side, seen.body.isOpen],
    [200, 'patient', false],
  )
  assert.equal((await send(watcher.as, visit.id, 'I look.')).status, 403)
  const marked = await read(watcher.as, visit.id)
  assert.equal(marked.status, 403)
  // Whoever of the staff's side reads it, it is read for both.
  await read(network.people.deskHere, visit.id)
  assert.equal((await list(mother.as, visit.id)).body.items[0].isRead, true)
})

test('a doctor who is the patient of the visit writes as a patient', async () => {
  const network = await openNetwork()
  const { people } = network
  const patientId = await makePatientOf(people.doctor)
  const visit = await makeVisit(network, 0)
  await runtime.db
    .updateTable('appointment')
    .set({ patient_id: patientId })
    .where('id', '=', visit.id)
    .execute()
  const sent = await send(people.doctor, visit.id, 'It hurts.')
  assert.deepEqual([sent.body.side, sent.body.author.role], ['patient', undefined])
  await send(people.deskHere, visit.id, 'Come by.')
  assert.equal((await unread(people.doctor)).body.threads[0].other.name, 'Claire Moreau')
  assert.equal((await unread(people.deskHere)).body.unreadCount, 1)
})

test('people write until so many days after the visit, then read on, and are told whom to call', async () => {
  const network = await openNetwork()
  const { people, clinicId } = network
  const visit = await makeVisit(network, 0)
  await send(visit.as, visit.id, 'Hello.')
  await call(app, `PATCH /clinics/${clinicId}`, {
    as: people.admin,
    body: { messagesCloseDays: 2, phone: '+33 1 42 68 53 00' },
  })
  const { body } = await list(visit.as, visit.id)
  const closes = instantOf(body.closesAt)
  assert.match(body.closesAt, /T00:00:00/)
  assert.ok(closes - instantOf(visit.visit.endsAt) > 2 * 86_400_000)
  for (const as of [visit.as, people.doctor, people.deskHere]) {
    assert.equal(await isRefused(as, closes - 60_000, visit.id), null)
    const refused = await isRefused(as, closes, visit.id)
    assert.equal(refused?.code, 'too-late')
    assert.match(refused.message, /until .*\. Call \+33 1 42 68 53 00\./)
  }
  const late = await contextAt(visit.as, closes)
  assert.deepEqual(
    { ...(await markRead(late, visit.id, {})), timeZone: '' },
    { isOpen: false, closesAt: closes, unreadCount: 0, timeZone: '' },
  )
})

test('about a cancelled visit people ask on; what is held, declined, lapsed or offered takes no messages', async () => {
  const network = await openNetwork()
  const { people } = network
  const cancelled = await makeVisit(network, 0)
  await command(people.deskHere, cancelled.id, 'cancel', { body: { reason: 'Flooded.' } })
  assert.equal((await send(cancelled.as, cancelled.id, 'Why?')).status, 201)
  assert.equal((await list(cancelled.as, cancelled.id)).body.isOpen, true)

  const held = await makeVisit(network, 1, { hold: true })
  await changeDoctor(network, { bookingMode: 'on_request' })
  const declined = await makeVisit(network, 2)
  const lapsed = await makeVisit(network, 3)
  const offered = await makeVisit(network, 4, { hold: true })
  assert.equal((await send(declined.as, declined.id, 'Please.')).status, 201)
  await command(people.doctor, declined.id, 'decline', { body: { reason: 'Full.' } })
  await setExpiry(lapsed.id, runtime.clock() - 1000)
  await runtime.db
    .updateTable('appointment')
    .set({ is_offer: true })
    .where('id', '=', offered.id)
    .execute()
  for (const [visit, word] of [
    [held, /Book it first/],
    [declined, /declined.*Call the clinic, or book anew/],
    [lapsed, /lapsed/],
    [offered, /Take the offer first/],
  ] as const) {
    for (const as of [visit.as, people.doctor]) {
      const refused = await send(as, visit.id, 'Hello.')
      assert.equal(refused.status, 409)
      assert.equal(refused.body.type, '/problems/wrong-state')
      assert.match(refused.body.detail, word)
      assert.equal((await list(as, visit.id)).body.isOpen, false)
    }
  }
  // What was written before stays to be read.
  assert.equal((await list(declined.as, declined.id)).body.items.length, 1)
})

test('pages go back from the newest message and hold each once', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  for (let count = 1; count <= 5; count += 1) await send(visit.as, visit.id, `${count}`)
  const texts: string[] = []
  let cursor = ''
  do {
    const { body } = await list(network.people.doctor, visit.id, `?limit=2${cursor}`)
    assert.equal(body.unreadCount, 5)
    texts.push(...body.items.map(({ text }: { text: string }) => text))
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  assert.deepEqual(texts, ['5', '4', '3', '2', '1'])
  assert.equal((await list(visit.as, visit.id, '?cursor=bm9wZQ')).status, 422)
})

test('a text has 1 to 4000 characters, each emoji one, without the space around it and what nobody sees', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const longest = '😀'.repeat(4000)
  const sent = await send(visit.as, visit.id, ` ${longest}\n`)
  assert.equal(sent.status, 201)
  assert.equal(sent.body.text, longest)
  // Zero-width spaces and joiners, a soft hyphen, a mark of direction, a tag, and Braille without a dot.
  const unseen = ['\u200b', '\u2060 \ufeff', '\u00ad', '\u202e', '\u2800', '\u{e0001}', '\u3000']
  for (const text of [`${longest}x`, ' \n\t ', '', '\u0001\u0002', ...unseen]) {
    const refused = await send(visit.as, visit.id, text)
    assert.equal(refused.status, 422, JSON.stringify(text).slice(0, 20))
    assert.deepEqual(new Set(pointersOf(refused)), new Set(['/text']))
  }
  // What joins the parts of an emoji, and marks a direction beside what can be seen, stays.
  for (const text of ['👩\u200d🚀', '\u200fنعم', '?', 'é'])
    assert.equal((await send(visit.as, visit.id, text)).body.text, text)
  assert.equal(cleanText('a\r\nb\rc\vd\u2028e\tf\u0007g\u009fh'), 'a\nb\nc\nd\ne\tfgh')
  assert.equal((await send(visit.as, visit.id, 'a\u0000b')).status, 422)
})

test('20 requests with one key at once make one message, and another text with it is refused', async () => {
  const network = await openNetwork()
  const { people } = network
  const visit = await makeVisit(network, 0)
  const key = newId()
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => send(visit.as, visit.id, 'Once.', key)),
  )
  for (const answer of answers) {
    assert.equal(answer.status, 201)
    assert.deepEqual(answer.body, answers[0]!.body)
  }
  assert.equal((await list(visit.as, visit.id)).body.items.length, 1)
  assert.equal(
    (await auditOf(visit.id)).filter(({ action }) => action === 'message.send').length,
    1,
  )
  const other = await send(visit.as, visit.id, 'Twice.', key)
  assert.equal(other.status, 422)
  assert.equal(other.body.type, '/problems/idempotency-key-reused')
  assert.equal((await send(visit.as, visit.id, 'No.', 'two words')).status, 422)
  // The key is the account's and the visit's; and who repeats is answered once writing has ended, too.
  assert.equal((await send(people.doctor, visit.id, 'Once.', key)).status, 201)
  await runtime.db
    .updateTable('appointment')
    .set({ status: 'declined' })
    .where('id', '=', visit.id)
    .execute()
  const again = await send(visit.as, visit.id, 'Once.', key)
  assert.equal(again.body.id, answers[0]!.body.id)
  assert.equal((await send(visit.as, visit.id, 'Later.', newId())).status, 409)
})

test('what is read until a message stays read, is seen by the other side, and what comes later is unread', async () => {
  const network = await openNetwork()
  const { people } = network
  const visit = await makeVisit(network, 0)
  const ids: string[] = []
  for (const text of ['1', '2', '3']) ids.push((await send(visit.as, visit.id, text)).body.id)
  const isReadOf = async (as: string) =>
    (await list(as, visit.id)).body.items.map(({ isRead }: { isRead: boolean }) => isRead)
  const marked = await read(people.doctor, visit.id, { until: ids[1]! })
  assert.equal(marked.status, 200)
  assert.deepEqual([marked.body.unreadCount, marked.body.isOpen], [1, true])
  assert.deepEqual(await isReadOf(visit.as), [false, true, true])
  assert.equal((await read(people.doctor, visit.id, { until: ids[0]! })).body.unreadCount, 1)
  assert.deepEqual(await isReadOf(visit.as), [false, true, true])
  // Each account has its own marks, and one's own side does not count.
  assert.equal((await list(people.deskHere, visit.id)).body.unreadCount, 3)
  assert.equal((await read(visit.as, visit.id)).body.unreadCount, 0)
  assert.deepEqual(await isReadOf(visit.as), [false, true, true])
  assert.equal((await read(people.doctor, visit.id)).body.unreadCount, 0)
  assert.deepEqual(await isReadOf(visit.as), [true, true, true])
  await send(visit.as, visit.id, '4')
  assert.equal((await list(people.doctor, visit.id)).body.unreadCount, 1)

  const elsewhere = await makeVisit(network, 1)
  const { body } = await send(elsewhere.as, elsewhere.id, 'Hello.')
  for (const until of [body.id, newId()]) {
    const unknown = await read(people.doctor, visit.id, { until })
    assert.equal(unknown.status, 404)
    assert.deepEqual(pointersOf(unknown), ['/until'])
  }
  const empty = await makeVisit(network, 2)
  assert.equal((await read(empty.as, empty.id)).body.unreadCount, 0)
})

test('the unread messages of everyone are those of the visits that they write about', async () => {
  const network = await openNetwork()
  const { people } = network
  const [one, two] = [await makeVisit(network, 0), await makeVisit(network, 1)]
  await send(one.as, one.id, 'a')
  await send(one.as, one.id, 'b')
  await send(two.as, two.id, 'c')
  const { body: answered } = await send(people.deskHere, one.id, 'd')
  for (const as of [people.doctor, people.deskHere]) {
    const { body } = await unread(as)
    assert.equal(body.unreadCount, 3)
    assert.deepEqual(
      body.threads.map(({ appointmentId, unreadCount, other }: Answer['body']) => [
        appointmentId,
        unreadCount,
        other.name,
      ]),
      [
        [one.id, 2, 'Anna Berg'],
        [two.id, 1, 'Anna Berg'],
      ],
    )
    assert.equal(body.threads[0].lastMessageAt, answered.sentAt)
  }
  const { body } = await unread(one.as)
  assert.deepEqual(
    [body.unreadCount, body.threads[0].appointmentId, body.threads[0].other.name],
    [1, one.id, 'Claire Moreau'],
  )
  assert.equal((await unread(two.as)).body.unreadCount, 0)
  await read(people.doctor, one.id)
  assert.equal((await unread(people.doctor)).body.unreadCount, 1)
  // A month after writing has ended nobody is reminded of it any more.
  const values = { starts_at: formatUtc(runtime.clock() - 45 * 86_400_000) }
  await runtime.db.updateTable('appointment').set(values).where('id', '=', one.id).execute()
  assert.deepEqual((await unread(one.as)).body, { unreadCount: 0, threads: [] })
  assert.equal((await list(one.as, one.id)).body.unreadCount, 1)
})

test('what an account wrote stays when the account is gone, without a name', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const { clinicId } = network
  const leaver = await signInAs(runtime, { role: 'front_desk', clinicId })
  await send(leaver, visit.id, 'Farewell.')
  const { actor } = await contextLater(leaver, 0)
  const id = actor.accountId
  await runtime.db.deleteFrom('session').where('account_id', '=', id).execute()
  await runtime.db.deleteFrom('membership').where('account_id', '=', id).execute()
  await runtime.db.deleteFrom('account').where('id', '=', id).execute()
  const { body } = await list(visit.as, visit.id)
  assert.deepEqual(body.items[0].author, { name: null })
  assert.deepEqual([body.items[0].text, body.items[0].side], ['Farewell.', 'staff'])
})

test('what someone writes is in no event, audit row or log line', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const canary = `canary ${newId()}`
  const sent = await send(visit.as, visit.id, canary)
  await send(visit.as, visit.id, `${canary} ${'x'.repeat(4000)}`)
  await call(app, `POST /appointments/${visit.id}/messages`, {
    as: visit.as,
    body: { text: canary, [canary]: 1 },
  })
  await list(network.people.doctor, visit.id)
  await read(network.people.doctor, visit.id)
  await read(network.people.doctor, visit.id)
  const { db } = runtime
  const events = await db.selectFrom('event').select(['type', 'subjects']).orderBy('seq').execute()
  const audit = await db.selectFrom('audit_entry').selectAll().execute()
  for (const rows of [events, audit, logged()])
    assert.ok(!JSON.stringify(rows).includes(canary), 'the text was written down elsewhere')
  const { doctorId, clinicId } = network
  const { actor } = await contextLater(network.people.doctor, 0)
  const { id: appointmentId, patientId } = visit
  assert.deepEqual(
    events.filter(({ type, subjects }) => {
      return type.startsWith('message.') && subjects['appointmentId'] === appointmentId
    }),
    [
      {
        type: 'message.sent',
        subjects: { appointmentId, messageId: sent.body.id, doctorId, clinicId, patientId },
      },
      { type: 'message.read', subjects: { appointmentId, accountId: actor.accountId } },
    ],
  )
  const kept = (await auditOf(appointmentId)).filter(({ action }) => action.startsWith('message.'))
  assert.deepEqual(
    kept.map(({ action, details }) => [action, details]),
    [
      ['message.send', { messageId: sent.body.id }],
      ['message.list', { ids: [sent.body.id] }],
      ['message.mark-read', {}],
    ],
  )
})

test('a clock that goes back lets no message be older than the one before it', async () => {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const { body } = await send(visit.as, visit.id, 'Now.')
  const earlier = await contextLater(visit.as, -3_600_000)
  const { message, timeZone } = await sendMessage(earlier, visit.id, {
    text: 'An hour ago.',
    request: null,
  })
  assert.equal(message.sent_at, instantOf(body.sentAt) + 1)
  assert.equal(timeZone, 'Europe/Paris')
  assert.equal(
    (await list(visit.as, visit.id)).body.items[0].sentAt,
    formatInstant(message.sent_at, timeZone),
  )
})

/** A visit that is over, whose patient can be erased. */
async function pastVisit() {
  const network = await openNetwork()
  const visit = await makeVisit(network, 0)
  const at = runtime.clock() - 7_200_000
  await runtime.db
    .updateTable('appointment')
    .set({ starts_at: formatUtc(at), ends_at: formatUtc(at + 1_800_000) })
    .where('id', '=', visit.id)
    .execute()
  return { ...visit, network }
}

test('nothing is written about the visits of a patient who was erased, and what came of them is', async () => {
  const { id, patientId, network } = await pastVisit()
  const { deskHere } = network.people
  await sql`select erase_patient(${patientId}, now())`.execute(runtime.db)
  const note = { as: deskHere, body: { staffNote: 'Came with her son.' } }
  const answers = [
    await send(deskHere, id, 'Hello'),
    await call(app, `PATCH /appointments/${id}`, note),
    await command(deskHere, id, 'cancel', { body: { reason: 'Has moved to Lyon.' } }),
  ]
  for (const { status, body } of answers)
    assert.deepEqual([status, body.type], [409, '/problems/wrong-state'], JSON.stringify(body))
  assert.equal((await list(deskHere, id)).body.isOpen, false)
  assert.equal((await command(deskHere, id, 'no-show')).status, 200)
})

test('what is being written while the patient is erased is refused, and not left behind', async () => {
  const writes: ((as: string, id: string) => Promise<Answer>)[] = [
    (as, id) => send(as, id, 'Hello'),
    (as, id) => call(app, `PATCH /appointments/${id}`, { as, body: { staffNote: 'Is well.' } }),
  ]
  for (const write of writes) {
    const { id, patientId, network } = await pastVisit()
    const { deskHere } = network.people
    const eraser = new pg.Client({ connectionString: databaseUrl })
    const observer = new pg.Client({ connectionString: databaseUrl })
    await Promise.all([eraser.connect(), observer.connect()])
    await eraser.query('begin')
    await eraser.query('select erase_patient($1, now())', [patientId])
    const writing = write(deskHere, id)
    try {
      await onlyWaiter(observer, await pidOf(eraser))
    } finally {
      await eraser.query('commit')
      await Promise.all([eraser.end(), observer.end()])
    }
    const { status, body } = await writing
    assert.deepEqual([status, body.type], [409, '/problems/wrong-state'], JSON.stringify(body))
    const { staff_note } = await runtime.db
      .selectFrom('appointment')
      .select('staff_note')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    assert.equal(staff_note, null)
    assert.deepEqual((await list(deskHere, id)).body.items, [])
  }
})
