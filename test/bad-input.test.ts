// Whatever is sent, the answer is a problem that names what is wrong, and nothing is changed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotId } from '#src/availability/slot-id.ts'
import { newId } from '#src/kernel/ids.ts'
import { contentOf } from './support/database-content.ts'
import { assertDescribed, described, isJson } from './support/described-answers.ts'
import {
  makeScene,
  operations,
  requestOf,
  sendRequest,
  type Prepared,
  type Scene,
} from './support/operations.ts'
import { testVisita } from './support/visita.ts'
import { oddBodies, wrongBodies } from './support/wrong-bodies.ts'

const { app, runtime } = await testVisita()

interface Refusal {
  status: number
  /** The field that must be named; null for none. */
  pointer: string | null
}

type Answer = Awaited<ReturnType<typeof sendRequest>>

function assertRefused(
  answer: Answer,
  { operation, what, expected }: { operation: string; what: string; expected: Refusal },
): void {
  const { status, pointer } = expected
  const about = `${operation} with ${what}: ${answer.statusCode} ${answer.body}`
  assert.equal(answer.statusCode, status, about)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, about)
  assertDescribed(operation, answer)
  if (pointer === null) return
  const pointers: string[] = (answer.json().errors ?? []).map((error: Json) => error['pointer'])
  assert.ok(
    pointers.some((found) => found === pointer || found.startsWith(`${pointer}/`)),
    `${about} does not name ${pointer}`,
  )
}

type Json = Record<string, unknown>

/** Sends what must be refused, and checks that nothing is stored that was not there before. */
async function refuseAll(
  scene: Scene,
  { operation, request }: { operation: string; request: Prepared },
  wrongs: { what: string; change: Partial<Prepared>; expected: Refusal }[],
): Promise<void> {
  const before = await contentOf(runtime.db)
  for (const { what, change, expected } of wrongs) {
    const answer = await sendRequest(app, { ...request, ...change }, scene.as[request.by])
    assertRefused(answer, { operation, what, expected })
  }
  assert.deepEqual(await contentOf(runtime.db), before)
}

const writes = Object.keys(operations).filter((operation) => /^(POST|PUT|PATCH)/.test(operation))
const writesJson = writes.filter((operation) => {
  const [method = '', path = ''] = operation.split(' ')
  const body = described('paths', path, method.toLowerCase(), 'requestBody').value
  return body !== undefined && operations[operation]?.contentType === undefined
})

test('a body that is wrong in one place is refused with that place named, and changes nothing', async (t) => {
  const scene = await makeScene(app, runtime)
  for (const operation of writesJson)
    await t.test(operation, async () => {
      const request = await requestOf(operation, scene)
      const right = request.body as Json
      await refuseAll(
        scene,
        { operation, request },
        wrongBodies(operation, right).map(({ what, text, ...expected }) => ({
          what,
          change: { body: text },
          expected,
        })),
      )
      const answer = await sendRequest(app, request, scene.as[request.by])
      assert.ok(answer.statusCode < 300, `the right body: ${answer.body}`)
    })
})

test('a body of another type than JSON is refused, and changes nothing', async () => {
  const scene = await makeScene(app, runtime)
  for (const operation of writes) {
    const request = await requestOf(operation, scene)
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'json']
    await refuseAll(
      scene,
      { operation, request },
      types.map((contentType) => ({
        what: contentType,
        change: {
          contentType,
          body:
            typeof request.body === 'string' ? request.body : JSON.stringify(request.body ?? {}),
        },
        expected: { status: 415, pointer: null },
      })),
    )
  }
})

test('a calendar file that is none is refused, and changes nothing', async () => {
  const scene = await makeScene(app, runtime)
  const operation = 'POST /api/v1/clinics/{id}/closures/import'
  const request = await requestOf(operation, scene)
  const wrong: [what: string, body: string | Buffer, status: number][] = [
    ['no calendar', 'Merry Christmas', 422],
    ['an unfinished one', 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n', 422],
    ['NUL', String(request.body).replace('New Year', 'New\0Year'), 422],
    ['invalid UTF-8', Buffer.from([0x42, 0xc3, 0x28]), 400],
    ['3 MB', 'x'.repeat(3_000_000), 413],
  ]
  await refuseAll(
    scene,
    { operation, request },
    wrong.map(([what, body, status]) => ({
      what,
      change: { body },
      expected: { status, pointer: status === 422 ? '' : null },
    })),
  )
})

test('odd values that the schemas allow are taken or refused, and never make the server fail', async () => {
  for (const operation of writesJson) {
    // What is taken there holds for the network, and all other tests in it.
    if (operation === 'PATCH /api/v1/admin/settings') continue
    // What is taken may close the doctor's hours, among other things.
    const scene = await makeScene(app, runtime)
    const request = await requestOf(operation, scene)
    for (const body of oddBodies(operation, request.body as Json)) {
      const answer = await sendRequest(app, { ...request, body }, scene.as[request.by])
      assert.ok(answer.statusCode < 500, `${operation} with ${body}: ${answer.body}`)
      assertDescribed(operation, answer)
    }
  }
})

test('an address with a wrong part is refused, in its path and in its query', async () => {
  const scene = await makeScene(app, runtime)
  for (const operation of Object.keys(operations)) {
    const request = await requestOf(operation, scene)
    const [method = '', pattern = ''] = operation.split(' ')
    const parameters = described('paths', pattern, method.toLowerCase(), 'parameters').value
    const named = (Array.isArray(parameters) ? parameters : []).filter(isJson)
    const urls: { url: string; statuses: number[] }[] = []
    // People add something to the address of a feed to make calendar programs read it again.
    if (pattern !== '/calendar/{name}')
      urls.push({ url: `${request.url}?unknown=1`, statuses: [422] })
    for (const { in: place, name } of named) {
      if (place === 'query')
        for (const value of ['%00', 'a%00b', 'x'.repeat(3000)])
          urls.push({ url: `${request.url}?${String(name)}=${value}`, statuses: [400, 422] })
      if (place === 'path')
        for (const value of ['%00', '%ED%A0%80', '%FF', '..%2F..', "'--", '7', 'x'.repeat(300)])
          urls.push({
            url: pattern
              .replace(`{${String(name)}}`, value)
              .replaceAll(/\{\w+\}/g, '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'),
            statuses: [400, 404, 414, 422],
          })
    }
    for (const { url, statuses } of urls) {
      const answer = await sendRequest(app, { ...request, url }, scene.as[request.by])
      assert.ok(statuses.includes(answer.statusCode), `${method} ${url}: ${answer.body}`)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
    }
  }
})

test('a time that is not offered is refused with its field named, and books nothing', async () => {
  const scene = await makeScene(app, runtime)
  const { doctorId, clinicId, visitTypeId, otherClinicId, otherClinicVisitTypeId, patient } = scene
  const operation = 'POST /api/v1/appointments'
  const request = await requestOf(operation, scene)
  const other = await makeScene(app, runtime)
  const startsAt = Date.parse(scene.freeTime())
  const minute = 60_000
  const slot = { doctorId, clinicId, visitTypeId, startsAt }
  const id = slotId(slot)
  const text = (at: number) => new Date(at).toISOString()
  const year = 365 * 1440 * minute
  const wishes: [what: string, body: Json, pointer: string, status?: number][] = [
    [
      'a slot of another doctor',
      { slotId: slotId({ ...slot, doctorId: other.doctorId }) },
      '/slotId',
    ],
    ['a slot of nobody', { slotId: slotId({ ...slot, doctorId: newId() }) }, '/slotId'],
    ['a slot elsewhere', { slotId: slotId({ ...slot, clinicId: otherClinicId }) }, '/slotId'],
    [
      'a slot of a visit that the doctor does not offer',
      { slotId: slotId({ ...slot, visitTypeId: otherClinicVisitTypeId }) },
      '/slotId',
    ],
    [
      'a slot off the grid',
      { slotId: slotId({ ...slot, startsAt: startsAt + minute }) },
      '/slotId',
    ],
    ['a slot that is over', { slotId: slotId({ ...slot, startsAt: startsAt - year }) }, '/slotId'],
    ['a slot id with a letter more', { slotId: `${id}A` }, '/slotId'],
    ['half a slot id', { slotId: id.slice(0, 36) }, '/slotId'],
    ['a slot id that is none', { slotId: 'x' }, '/slotId'],
    ['a slot and another doctor', { slotId: id, doctorId: other.doctorId }, '/doctorId'],
    [
      'a slot and another time',
      { slotId: id, startsAt: text(startsAt + 30 * minute) },
      '/startsAt',
    ],
    ['nothing', {}, ''],
    ['neither a slot nor a doctor', { reason: 'Cough' }, '/slotId'],
    ['a doctor and no time', { doctorId }, '/startsAt'],
    ['a time and no doctor', { startsAt: text(startsAt) }, '/doctorId'],
    ['a time off the grid', { doctorId, startsAt: text(startsAt + 1) }, '/startsAt'],
    ['a time at night', { doctorId, startsAt: text(startsAt + 720 * minute) }, '/startsAt'],
    ['a time that is over', { doctorId, startsAt: text(runtime.clock() - 1) }, '/startsAt'],
    ['a time at this moment', { doctorId, startsAt: text(runtime.clock()) }, '/startsAt'],
    ['a time beyond the horizon', { doctorId, startsAt: text(startsAt + year) }, '/startsAt'],
    ['a time in 9999', { doctorId, startsAt: '9999-12-31T23:59:59Z' }, '/startsAt'],
    ['a time in year 1', { doctorId, startsAt: '0001-01-01T00:00:00Z' }, '/startsAt'],
    ['a doctor who is none', { doctorId: newId(), startsAt: text(startsAt) }, '/doctorId'],
    [
      'a clinic that is not the doctor’s',
      { doctorId, clinicId: otherClinicId, startsAt: text(startsAt) },
      '/clinicId',
    ],
    [
      'a visit type that is not the doctor’s',
      { doctorId, visitTypeId: otherClinicVisitTypeId, startsAt: text(startsAt) },
      '/visitTypeId',
    ],
  ]
  await refuseAll(
    scene,
    { operation, request },
    wishes.map(([what, body, pointer]) => ({
      what,
      change: { body },
      expected: { status: 422, pointer },
    })),
  )
  await refuseAll(scene, { operation, request }, [
    {
      what: 'another patient',
      change: { body: { slotId: id, patientId: other.patient.patientId } },
      expected: { status: 404, pointer: null },
    },
  ])
  const right = { ...request, body: { slotId: id, patientId: patient.patientId } }
  assert.equal((await sendRequest(app, right, patient.as)).statusCode, 201)
})
