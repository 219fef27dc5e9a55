// Ids of others: each id of each operation, put in place of one's own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  makeScene,
  operations,
  requestOf,
  sendRequest,
  type Caller,
  type Prepared,
  type Scene,
} from '../support/operations.ts'
import { testVisita } from '../support/visita.ts'

const { app, runtime } = await testVisita()

/** An id as a part of the path or as a whole value of the body. */
const uuid = /(?<=["/])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?=["/])/g

/** What is told to everyone, or is a name that all clinics share. */
const publicIds: (keyof Scene)[] = ['visitTypeId', 'specialtyId']

/** Where an id of others is taken on purpose, with the reason. */
const meant: Record<string, string> = {
  'POST /api/v1/appointments/walk-in #0: 201': 'Who walks in may be known to another clinic.',
}

/** The request as text, with its ids taken out in order. */
function idsOf(request: Prepared): { text: string; ids: string[] } {
  const text = JSON.stringify(request)
  return { text: text.replaceAll(uuid, '#'), ids: text.match(uuid) ?? [] }
}

function withId(request: Prepared, place: number, id: string): Prepared {
  let seen = -1
  const text = JSON.stringify(request).replaceAll(uuid, (own) => {
    seen += 1
    return seen === place ? id : own
  })
  return JSON.parse(text)
}

function isOpen(operation: string, by: Caller): boolean {
  return by === 'nobody' || by === 'admin' || !operation.includes('/api/v1/')
}

test('an id of others in place of one of ours opens nothing', async () => {
  const [ours, theirs] = [await makeScene(app, runtime), await makeScene(app, runtime)]
  const open = new Set(publicIds.map((key) => theirs[key]))
  const passed: string[] = []
  for (const [operation, { by }] of Object.entries(operations)) {
    if (isOpen(operation, by)) continue
    const there = idsOf(await requestOf(operation, theirs))
    for (let place = 0; place < there.ids.length; place += 1) {
      const own = await requestOf(operation, ours)
      const { text, ids } = idsOf(own)
      assert.equal(text.length > 0 && ids.length, there.ids.length, operation)
      const id = there.ids[place]!
      if (ids[place] === id || open.has(id)) continue
      const { statusCode } = await sendRequest(app, withId(own, place, id), ours.as[by])
      assert.ok(statusCode < 500, `${operation}, id ${place}: ${statusCode}`)
      if (statusCode < 400) passed.push(`${operation} #${place}: ${statusCode}`)
    }
  }
  assert.deepEqual(passed.toSorted(), Object.keys(meant).toSorted())
})
