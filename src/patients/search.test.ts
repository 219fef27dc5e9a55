import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, signInAs, type Answer } from '#test/support/network.ts'
import { makePatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { patientsWanted } from './search-queries.ts'

const { app, runtime } = await testVisita()
const network = await makeNetwork(runtime)
const { people } = network

/** Letters that no other name of these tests begins a word with. */
let names = 0
function uniqueWord(): string {
  names += 1
  return `q${String.fromCharCode(97 + (names % 26))}${newId().replaceAll(/[^a-f]/g, '')}${names}`
}

async function registered(body: object, as = people.deskHere): Promise<string> {
  const answer = await call(app, 'POST /patients', {
    as,
    body: { despiteDuplicates: true, ...body },
  })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body.id
}

function search(body: object, as = people.deskHere): Promise<Answer> {
  return call(app, 'POST /patients/search', { as, body })
}

async function idsFound(query: object, as = people.deskHere): Promise<string[]> {
  const answer = await search(query, as)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body.items.map(({ id }: { id: string }) => id)
}

async function appointment(
  patientId: string,
  visit: { hours: number; status?: AppointmentStatus; clinicId?: string },
): Promise<number> {
  const startsAt = Math.floor(runtime.clock() / 1000) * 1000 + visit.hours * 3_600_000
  const status = visit.status ?? 'confirmed'
  const isOpen = status === 'held' || status === 'requested'
  await runtime.db
    .insertInto('appointment')
    .values({
      id: newId(),
      status,
      doctor_id: network.doctorId,
      clinic_id: visit.clinicId ?? network.clinicId,
      patient_id: patientId,
      visit_type_id: network.visitTypeId,
      room_id: null,
      starts_at: formatUtc(startsAt),
      ends_at: formatUtc(startsAt + 1_800_000),
      time_zone: 'Europe/Paris',
      local_starts_at: '2026-11-24 10:40:00',
      reason: null,
      booked_by: null,
      cancelled_reason: null,
      expires_at: isOpen ? formatUtc(startsAt) : null,
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  return startsAt
}

test('a name is found by beginnings of its words, in any order, whatever the case and the accents', async () => {
  const [zoe, muller] = [uniqueWord(), uniqueWord()]
  const id = await registered({ name: `${zoe}ë Anne-Marie O’Brien ${muller}ÜLLER` })
  const found = [
    `${zoe} ${muller}`,
    `${muller}ull ${zoe.toUpperCase()}E`,
    `${zoe}ë`.normalize('NFD'),
    `  ${muller} ,  anne `,
    `${zoe} marie`,
    `${zoe} annemar`,
    `${zoe} anne-marie`,
    `${zoe} obrien`,
    `${zoe} o'brien`,
    `${zoe} brien`,
  ]
  for (const q of found) assert.deepEqual(await idsFound({ q }), [id], q)
  const strange = [`${zoe} ${muller} bob`, zoe.slice(1), `${zoe}x`, `${zoe} rie`]
  for (const q of strange) assert.deepEqual(await idsFound({ q }), [], q)
})

test('letters of any writing and those that no accent makes are found', async () => {
  const word = uniqueWord()
  const cases: [string, string][] = [
    [`${word} Søren Łukasz`, 'soren lukasz'],
    [`${word} Weiß Œuvre`, 'WEISS oeuv'],
    [`${word} Николай Їжак`, 'НИК їж'],
    [`${word} ΝΊΚΟΣ Æsir`, 'Νίκος ÆS'],
    [`${word} 王小明`, '王'],
    [`${word} محمد`, 'محم'],
  ]
  for (const [name, q] of cases) {
    const id = await registered({ name })
    assert.deepEqual(await idsFound({ q: `${word} ${q}` }), [id], q)
  }
})

test('what is typed is never taken for a query of its own', async () => {
  const word = uniqueWord()
  const id = await registered({ name: word })
  for (const q of [`${word}'`, `${word} & '`, `${word}:*`, `(${word}|!`, `${word}\\`, `"${word}"`])
    assert.deepEqual(await idsFound({ q }), [id], q)
  assert.deepEqual(await idsFound({ q: `${word} | a` }), [])
})

test('a changed name is found by its new words and no longer by the old ones', async () => {
  const [before, after] = [uniqueWord(), uniqueWord()]
  const id = await registered({ name: before })
  const body = { name: after }
  await call(app, `PATCH /patients/${id}`, { as: people.deskHere, body })
  assert.deepEqual(await idsFound({ q: before }), [])
  assert.deepEqual(await idsFound({ q: after }), [id])
})

test('a telephone number is found however it is written, and by a part of four digits or more', async () => {
  const word = uniqueWord()
  const abroad = await registered({ name: `${word} abroad`, phone: '+33 1 42 68 91 37' })
  const home = await registered({ name: `${word} home`, phone: '01.42.68.91.37' })
  await registered({ name: `${word} other`, phone: '+33 1 42 68 91 73' })
  for (const phone of [
    '+33 1 42 68 91 37',
    '0033142689137',
    '01 42 68 91 37',
    '689137',
    '9137',
    '2-68-91-3',
  ])
    assert.deepEqual(await idsFound({ q: word, phone }), [abroad, home], phone)
  assert.deepEqual(await idsFound({ q: word, phone: '9136' }), [])
})

test('all that is asked for must match', async () => {
  const word = uniqueWord()
  const person = { name: word, phone: '+33 1 42 68 91 38', dateOfBirth: '1984-07-19' }
  const id = await registered(person)
  const right = { q: word, phone: '9138', dateOfBirth: '1984-07-19' }
  assert.deepEqual(await idsFound(right), [id])
  for (const wrong of [{ q: uniqueWord() }, { phone: '9139' }, { dateOfBirth: '1984-07-20' }])
    assert.deepEqual(await idsFound({ ...right, ...wrong }), [])
})

test('another clinic’s desk finds whom it can identify, learns no more than it named, and a doctor never', async () => {
  const [first, last] = [uniqueWord(), uniqueWord()]
  const dateOfBirth = '1931-03-09'
  const name = `${first} Maria O’${last}`
  const person = { name, phone: '+33 1 42 68 91 39', email: 'who@example.org', dateOfBirth }
  const id = await registered(person)
  const known = { id, name, dateOfBirth, hasAccount: false }
  const identifying: [object, object][] = [
    [{ q: `o${last} ${first.toUpperCase()}`, dateOfBirth }, known],
    [{ q: `Maria O'${last}`, dateOfBirth }, known],
    [
      { q: first, phone: '689139', dateOfBirth },
      { ...known, phoneEndsWith: '9139' },
    ],
  ]
  for (const [query, shown] of identifying) {
    const answer = await search(query, people.deskElsewhere)
    assert.deepEqual(answer.body.items, [shown])
    assert.deepEqual(await idsFound(query, people.admin), [id])
    assert.deepEqual(await idsFound(query, people.doctor), [])
    const [whole] = (await search(query)).body.items
    assert.deepEqual(whole, { ...person, id, hasAccount: false, version: 1 })
  }
  const vague = [
    { q: first },
    { q: `${first} ${last}` },
    { phone: '0142689139' },
    { dateOfBirth },
    { q: first, phone: '9139' },
    { q: first[0], dateOfBirth },
    { q: first, dateOfBirth },
    { q: `${first} ${first}`, dateOfBirth },
    { q: `${first} mari`, dateOfBirth },
    { q: `o'${last}`, dateOfBirth },
    { q: first, phone: '89139', dateOfBirth },
    { q: first.slice(0, -1), phone: '689139', dateOfBirth },
    { phone: '0142689139', dateOfBirth },
  ]
  for (const query of vague) {
    const found = await idsFound({ limit: 100, ...query }, people.deskElsewhere)
    assert.ok(!found.includes(id), JSON.stringify(query))
    assert.ok(!(await idsFound(query, people.doctor)).includes(id), JSON.stringify(query))
  }
  const wrongDay = { q: `${first} maria`, dateOfBirth: '1931-03-10' }
  assert.deepEqual(await idsFound(wrongDay, people.deskElsewhere), [])
})

test('a name of one word identifies as a whole', async () => {
  const word = uniqueWord()
  const dateOfBirth = '1931-03-14'
  const id = await registered({ name: word, dateOfBirth })
  assert.deepEqual(await idsFound({ q: word, dateOfBirth }, people.deskElsewhere), [id])
  const beginning = { q: word.slice(0, -1), dateOfBirth }
  assert.deepEqual(await idsFound(beginning, people.deskElsewhere), [])
})

test('who left the front desk identifies nobody', async () => {
  const left = await signInAs(runtime, { role: 'front_desk' })
  const word = uniqueWord()
  const dateOfBirth = '1931-03-15'
  const id = await registered({ name: `${word} berg`, dateOfBirth })
  const query = { q: `${word} berg`, dateOfBirth }
  assert.deepEqual(await idsFound(query, people.deskElsewhere), [id])
  assert.deepEqual(await idsFound(query, left), [])
})

test('a doctor finds own patients, and theirs whom they registered or who wait for them', async () => {
  const word = uniqueWord()
  const expectedHere = await registered({ name: `${word} a` })
  await appointment(expectedHere, { hours: 24 })
  const cancelled = await registered({ name: `${word} b` })
  await appointment(cancelled, { hours: 25, status: 'cancelled' })
  const own = await registered({ name: `${word} c` }, people.doctor)
  const waits = await registered({ name: `${word} d` })
  await runtime.db
    .insertInto('waitlist_entry')
    .values({
      id: newId(),
      patient_id: waits,
      visit_type_id: network.visitTypeId,
      doctor_id: network.doctorId,
      status: 'waiting',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  assert.deepEqual(await idsFound({ q: word }, people.doctor), [expectedHere, own, waits])
  assert.deepEqual(await idsFound({ q: word }, people.otherDoctor), [])
})

test('patients do not search, and who searches says for what', async () => {
  assert.equal((await search({ q: 'anna' }, people.patient)).status, 403)
  assert.equal((await call(app, 'POST /patients/search', { body: { q: 'anna' } })).status, 401)
  const cases: [object, string[]][] = [
    [{}, ['/q', '/phone', '/dateOfBirth']],
    [{ limit: 5 }, ['/q', '/phone', '/dateOfBirth']],
    [{ q: ' -' }, ['/q']],
    [{ q: '' }, ['/q']],
    [{ q: 'a' }, ['/q']],
    [{ q: 'a b' }, ['/q']],
    [{ q: 'é '.normalize('NFD') }, ['/q']],
    [{ phone: '123' }, ['/phone']],
    [{ dateOfBirth: '1984-02-30' }, ['/dateOfBirth']],
    [{ name: 'anna' }, ['/name']],
    [{ q: 'anna', cursor: 'e30' }, ['/cursor']],
    [{ q: 'anna', limit: 0 }, ['/limit']],
  ]
  for (const [query, pointers] of cases) {
    const answer = await search(query)
    assert.equal(answer.status, 422, JSON.stringify(query))
    assert.deepEqual(pointersOf(answer), pointers)
    assert.equal(answer.body.errors[0].in, 'body')
  }
  for (const query of [{ q: '王' }, { q: 'a', dateOfBirth: '1984-07-19' }, { q: "o'b" }])
    assert.equal((await search(query)).status, 200, JSON.stringify(query))
})

test('what is searched stands in no URL', async () => {
  const answer = await call(app, 'GET /patients/search?q=anna', { as: people.deskHere })
  assert.equal(answer.status, 422)
  assert.deepEqual(pointersOf(answer), ['/id'])
})

test('what is found says whether an account manages it, and which visits of one’s own were and will be', async () => {
  const word = uniqueWord()
  const { patientId } = await makePatient(runtime, word)
  const last = await appointment(patientId, { hours: -48, status: 'completed' })
  await appointment(patientId, { hours: -24, status: 'no_show' })
  await appointment(patientId, { hours: 24, status: 'cancelled' })
  const next = await appointment(patientId, { hours: 48 })
  await appointment(patientId, { hours: 72 })
  const [lastElsewhere, nextElsewhere] = [-2, 2].map((hours) => ({
    hours,
    clinicId: network.otherClinicId,
  }))
  await appointment(patientId, lastElsewhere!)
  const elsewhere = await appointment(patientId, nextElsewhere!)
  const [found] = (await search({ q: word })).body.items
  assert.deepEqual(found, {
    id: patientId,
    name: word,
    phone: '+33 1 23 45 67 89',
    hasAccount: true,
    version: 1,
    lastVisitAt: formatInstant(last, 'Europe/Paris'),
    nextVisitAt: formatInstant(next, 'Europe/Paris'),
  })
  const [there] = (await search({ q: word }, people.deskElsewhere)).body.items
  assert.equal(there.nextVisitAt, formatInstant(elsewhere, 'Europe/Paris'))
  const unknown = await registered({ name: uniqueWord(), dateOfBirth: '1931-03-11' })
  const [newcomer] = (await search({ dateOfBirth: '1931-03-11' })).body.items
  assert.equal(newcomer.id, unknown)
  assert.deepEqual(
    [newcomer.hasAccount, newcomer.lastVisitAt, newcomer.nextVisitAt],
    [false, undefined, undefined],
  )
})

test('pages go through all who are found once, in the order of their names', async () => {
  const word = uniqueWord()
  const made: Record<string, string[]> = {}
  for (const name of ['c', 'a', 'b', 'a', 'c'])
    (made[name] ??= []).push(await registered({ name: `${word} ${name}` }))
  const found: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query = { q: word, limit: 2, ...(cursor !== '' && { cursor }) }
    const { body } = await search(query)
    found.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  const expected = ['a', 'b', 'c'].flatMap((name) => made[name]!.toSorted())
  assert.deepEqual(found, expected)
})

test('a cursor tells nothing of a patient whose id somebody puts into it', async () => {
  const word = uniqueWord()
  const own = [await registered({ name: `${word} a` }), await registered({ name: `${word} c` })]
  const stranger = await registered({ name: `${word} d` }, people.deskElsewhere)
  const { nextCursor } = (await search({ q: word, limit: 1 })).body
  const position = JSON.parse(Buffer.from(nextCursor, 'base64url').toString())
  assert.deepEqual(position, { name: `${word} a`, id: own[0] })
  const forged = Buffer.from(JSON.stringify({ ...position, id: stranger })).toString('base64url')
  assert.deepEqual(await idsFound({ q: word, cursor: forged }), [own[1]])
})

test('a search leaves an audit row with who was found, and neither row nor log holds what was searched', async () => {
  const word = uniqueWord()
  const id = await registered({ name: word, dateOfBirth: '1931-03-12' })
  await search({ q: word, dateOfBirth: '1931-03-12', limit: 5 }, people.deskElsewhere)
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['allowed', 'subject_type', 'subject_id', 'details'])
    .where('action', '=', 'patient.search')
    .orderBy('seq', 'desc')
    .limit(1)
    .execute()
  assert.deepEqual(rows, [
    {
      allowed: true,
      subject_type: 'patient',
      subject_id: null,
      details: { by: ['dateOfBirth', 'q'], found: [id] },
    },
  ])
  assert.ok(!(await testVisita()).logged().includes(word))
})

test('beginning with one’s own patients finds the same as beginning with the names', async () => {
  const word = uniqueWord()
  const wanted = { words: word }
  const byVisit = await registered({ name: `${word} a` }, people.admin)
  await appointment(byVisit, { hours: 26 })
  await registered({ name: `${word} b` }, people.deskElsewhere)
  await registered({ name: `${word} c` })
  await registered({ name: `${word} d` }, people.doctor)
  const { patientId } = await makePatient(runtime, `${word} e`)
  await appointment(patientId, { hours: 27, status: 'held' })
  const waits = await registered({ name: `${word} f` }, people.admin)
  await runtime.db
    .insertInto('waitlist_entry')
    .values({
      id: newId(),
      patient_id: waits,
      visit_type_id: network.visitTypeId,
      doctor_id: network.doctorId,
      clinic_id: network.clinicId,
      status: 'waiting',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  for (const [as, count] of [
    [people.deskHere, 4],
    [people.doctor, 3],
    [people.otherDoctor, 0],
  ] as const) {
    const { accountId } = (await runtime.tokens.verify(as.slice(7), runtime.clock()))!
    const desk = { role: 'front_desk' as const, doctorId: null, clinicIds: [network.clinicId] }
    const doctorId = as === people.doctor ? network.doctorId : newId()
    const practice = { role: 'doctor' as const, doctorId, clinicIds: [] }
    const ids = {
      accountId,
      sessionId: newId(),
      ownPatientId: null,
      patientIds: [],
      seenPatientIds: [],
      needsSecondFactor: false,
      name: 'Someone',
    }
    const actor = { ...ids, ...(as === people.deskHere ? desk : practice) }
    const page = { wanted, actor, now: runtime.clock(), after: null, rowsMax: 10 }
    const [fromOwn, fromNames] = await Promise.all(
      [true, false].map((isAmongFew) => patientsWanted(runtime.db, { ...page, isAmongFew })),
    )
    assert.deepEqual(fromOwn, fromNames)
    assert.equal(fromOwn!.length, count)
  }
})

test('names and numbers are looked up in their indexes', async () => {
  const plans = [
    `select id from patient where name_vector(name) @@ name_query('zoe mull')`,
    `select id from patient where phone_parts(phone) @> phone_parts('42685300')`,
    `select id from patient where date_of_birth = '1984-07-19'`,
    `select id from patient where lower(email) = lower('Anna@example.org')`,
  ]
  const indexes = ['name_words', 'phone_parts', 'date_of_birth', 'email']
  for (const [place, statement] of plans.entries()) {
    const rows = await runtime.db.transaction().execute(async (db) => {
      await sql`set local enable_seqscan = off`.execute(db)
      return (await sql.raw(`explain ${statement}`).execute(db)).rows
    })
    assert.match(JSON.stringify(rows), new RegExp(`patient_by_${indexes[place]}`))
  }
})
