// Requests that are made up from openapi.json, by everyone and nobody: none makes the server fail, and each
// answer is one that openapi.json describes. GENERATED_REQUESTS says how many, GENERATED_SEED which.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { assertDescribed, describedOperations } from '../support/described-answers.ts'
import { chanceOf, generateRequest, type GeneratedRequest } from '../support/generated-requests.ts'
import {
  callers,
  makeScene,
  operations,
  requestOf,
  type Caller,
  type Prepared,
  type Scene,
} from '../support/operations.ts'
import { startSeparate } from '../support/visita.ts'

// The settings of the network, and the people of other tests, are within reach of an admin.
let visita: Awaited<ReturnType<typeof startSeparate>>
before(async () => {
  visita = await startSeparate()
})
after(() => visita.stop())

const count = Number(process.env['GENERATED_REQUESTS'] ?? 2000)
const seed = Number(process.env['GENERATED_SEED'] ?? 20_261_120)
/** After so many requests there are new people, since the old ones may have erased themselves. */
const sceneRequests = 2500
const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g

/** What closes the whole network to its staff would leave little to look at. */
const left = /^(?:PUT|PATCH) .*\/settings$/

/** What hashes a password takes long, so it is asked for less often. */
function weightOf(operation: string): number {
  return operation.startsWith('POST /api/v1/auth/') ? 1 : 4
}

const choices = describedOperations()
  .filter((operation) => operation in operations && !left.test(operation))
  .flatMap((operation) => Array.from({ length: weightOf(operation) }, () => operation))

async function send({ app }: Scene, request: GeneratedRequest, as: string | undefined) {
  const { method, url, query, body, contentType, headers } = request
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  return app.inject({
    method: method as 'POST',
    url: query === '' || url.includes('?') ? url : `${url}?${query}`,
    headers: {
      ...headers,
      ...(as !== undefined && { authorization: as }),
      ...(body !== undefined && { 'content-type': contentType }),
    },
    ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
  })
}

/** False for those whose sessions a request has ended. */
async function isSignedIn({ app, as }: Scene, caller: Caller): Promise<boolean> {
  const authorization = as[caller]
  if (authorization === undefined) return true
  const { statusCode } = await app.inject({ url: '/api/v1/auth/me', headers: { authorization } })
  return statusCode === 200
}

/** Right requests of a scene, each made once. */
function rightRequests(scene: Scene): (operation: string) => Promise<Prepared> {
  const made = new Map<string, Promise<Prepared>>()
  return (operation) => {
    const request = made.get(operation) ?? requestOf(operation, scene)
    made.set(operation, request)
    return request
  }
}

test(`of ${count} generated requests none fails in the server, and every answer is described`, async (t) => {
  const { app, runtime } = visita
  const chance = chanceOf(seed)
  const statuses = new Map<number, number>()
  let scene = await makeScene(app, runtime)
  let right = rightRequests(scene)
  const begin = async () => {
    scene = await makeScene(app, runtime)
    right = rightRequests(scene)
  }
  const prepare = async (operation: string) => {
    try {
      return await right(operation)
    } catch {
      // What came before took the hours, the visits or the people that it needs.
      await begin()
      return right(operation)
    }
  }
  const ids = [newId(), scene.clinicId, scene.doctorId, scene.visitTypeId, scene.patient.patientId]
  for (let number = 1; number <= count; number += 1) {
    if (number % sceneRequests === 0) await begin()
    const operation = chance.of(choices)
    const prepared = await prepare(operation)
    const caller: Caller = chance.oneIn(3) ? chance.of(callers) : prepared.by
    const request = generateRequest(operation, prepared, { chance, ids: ids.slice(-200) })
    const answer = await send(scene, request, scene.as[caller])
    const what = `${number} of seed ${seed}: ${caller} ${JSON.stringify(request).slice(0, 1500)}`
    assert.ok(answer.statusCode < 500, `${what}\n${answer.body}`)
    try {
      // Where the path is another's, so is the answer.
      if (!isElsewhere(operation, request.url)) assertDescribed(operation, answer)
    } catch (error) {
      throw new Error(what, { cause: error })
    }
    if (answer.statusCode === 401 && !(await isSignedIn(scene, caller))) await begin()
    ids.push(...(answer.body.slice(0, 4000).match(uuid) ?? []).slice(0, 3))
    statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1)
  }
  const summary = [...statuses].toSorted(([one], [other]) => one - other)
  t.diagnostic(summary.map(([status, times]) => `${status}: ${times}`).join(', '))
  const served = summary.reduce((sum, [status, times]) => (status < 300 ? sum + times : sum), 0)
  assert.ok(served > count / 20, `Only ${served} of ${count} requests were right.`)
})

/** Whether a made-up part of the path leads to another operation, such as none for an empty part. */
function isElsewhere(operation: string, url: string): boolean {
  const pattern = operation.slice(operation.indexOf(' ') + 1)
  const parts = url.split('?', 1)[0]!.split('/')
  return pattern.split('/').some((part, index) => {
    const given = parts[index] ?? ''
    if (!part.startsWith('{')) return false
    return given === '' || choices.some((other) => other.split(' ')[1]!.split('/')[index] === given)
  })
}
