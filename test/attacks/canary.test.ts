// A word that stands in everything that is told of somebody's health goes through the whole API, by right
// requests and wrong ones, and through the work behind it; and is looked for wherever it must not be.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { Senders } from '#src/delivery/delivery.ts'
import { newId } from '#src/kernel/ids.ts'
import { sendDue } from '#src/notifications/send.ts'
import { remind } from '#src/notifications/remind.ts'
import { isJson } from '../support/described-answers.ts'
import {
  makeScene,
  operations,
  requestOf,
  sendRequest,
  type Prepared,
  type Scene,
} from '../support/operations.ts'
import { skipEarlierNews, tellEverything } from '../support/told.ts'
import { testVisita } from '../support/visita.ts'

const { app, runtime, logged } = await testVisita()

const canary = `CANARY${newId().replaceAll('-', '').toUpperCase()}`

/** The fields in which people write of their health, or others of theirs, wherever they occur. */
const healthFields = new Set([
  'reason',
  'staffNote',
  'note',
  'text',
  'reaction',
  'dose',
  'relation',
  'emergencyRelation',
  'emergencyName',
  'insuranceNumber',
])

/** Where the word may stand: each row there is the thing itself, read by those it is meant for. */
const tablesOfHealth = new Set([
  'appointment',
  'appointment_event',
  'message',
  'patient',
  // Doctors' own: why they are away.
  'time_off',
])

type Json = Record<string, unknown>
type Answer = Awaited<ReturnType<typeof sendRequest>>

const document: Json = JSON.parse((await app.inject('/openapi.json')).body)

function followed(schema: unknown): Json {
  if (!isJson(schema)) return {}
  const { $ref } = schema
  if (typeof $ref !== 'string') return schema
  let value: unknown = document
  for (const name of $ref.slice(2).split('/')) value = isJson(value) ? value[name] : undefined
  return followed(value)
}

/** The body with the word in each of those fields, inside others in those it has, and how many there are. */
function planted(schema: unknown, body: Json, isInner = false): { body: Json; count: number } {
  const result: Json = { ...body }
  let count = 0
  const { properties } = followed(schema)
  for (const [name, property] of Object.entries(isJson(properties) ? properties : {})) {
    const { type, enum: words, format } = followed(property)
    const isText = type === 'string' || (Array.isArray(type) && type.includes('string'))
    const value = result[name]
    const isPlanted = healthFields.has(name) && (!isInner || value !== undefined)
    if (isText && words === undefined && format === undefined && isPlanted) {
      result[name] = `My ${canary} hurts`
      count += 1
    } else if (isJson(value)) {
      const inner = planted(property, value, true)
      result[name] = inner.body
      count += inner.count
    }
  }
  return { body: result, count }
}

function schemaOf(operation: string): unknown {
  const [method = '', path = ''] = operation.split(' ')
  let value: unknown = document
  for (const name of ['paths', path, method.toLowerCase(), 'requestBody'])
    value = isJson(value) ? value[name] : undefined
  const content = followed(value)['content']
  const json = isJson(content) ? content['application/json'] : undefined
  return isJson(json) ? json['schema'] : undefined
}

/** What an answer says that others may write down: its headers, and addresses in its body. */
function written(answer: Answer): string {
  const addresses = answer.body.match(/https?:\/\/[^\s"<>]+|"(?:link|url|href)":"[^"]*"/g) ?? []
  const isCalendar = String(answer.headers['content-type']).startsWith('text/calendar')
  return [JSON.stringify(answer.headers), ...addresses, isCalendar ? answer.body : ''].join('\n')
}

const kept: string[] = []

async function send(request: Prepared, scene: Scene): Promise<Answer> {
  const as = request.url.endsWith('/logout') ? undefined : scene.as[request.by]
  const answer = await sendRequest(app, request, as)
  kept.push(`${request.method} ${answer.statusCode} ${written(answer)}`)
  assert.ok(answer.statusCode < 500, `${request.method} ${request.url}: ${answer.body}`)
  return answer
}

/** The request made wrong around the word. */
function wrongOnes(request: Prepared, schema: unknown): Partial<Prepared>[] {
  const [path = ''] = request.url.split('?')
  const addresses: Partial<Prepared>[] = [
    { url: `${path}?${canary}=1` },
    { url: `${path}?reason=${canary}&cursor=${canary}&q=${canary}&kind=${canary}` },
    { url: path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, canary) },
    { url: `${path}/${canary}` },
  ]
  if (!isJson(request.body)) return addresses
  const { body } = planted(schema, request.body)
  const text = JSON.stringify(body)
  const spoilt = (value: unknown) =>
    JSON.parse(text.replaceAll(`"My ${canary} hurts"`, JSON.stringify(value)))
  return [
    ...addresses,
    { body: spoilt(canary.repeat(400)) },
    { body: spoilt([canary]) },
    { body: spoilt({ [canary]: canary }) },
    { body: spoilt(`${canary}\u0000`) },
    { body: { ...body, [canary]: canary } },
    { body: { [canary]: canary } },
    { body: canary },
    { body: `${text.slice(0, -1)},"${canary}":${canary}` },
    { body: `{"reason":"${canary}` },
    { body: text, contentType: `text/${canary}` },
    { body: text, contentType: 'text/plain' },
  ]
}

/** Ways out that keep what they are given. */
function keepingSenders(sent: string[]): Senders {
  const sender = {
    name: 'a drawer',
    send: async (message: object) => {
      sent.push(JSON.stringify(message))
      return { providerId: null }
    },
    deliveryOf: null,
    close: () => {},
  }
  return { mail: sender, sms: sender }
}

async function workBehind(sent: string[]): Promise<void> {
  const senders = keepingSenders(sent)
  for (const hours of [0, 24, 47]) {
    const clock = () => runtime.clock() + hours * 3_600_000
    await tellEverything(clock)
    await remind({ ...runtime, clock, senders })
    const { mail } = runtime.config
    const config = { ...runtime.config, mail: { ...mail, from: 'visits@example.org' } }
    while ((await sendDue({ ...runtime, clock, config, senders })) > 0);
  }
}

/** The tables in whose rows the word stands, as text or as the bytes of it. */
async function tablesWith(word: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`.execute(
    runtime.db,
  )
  assert.ok(tables.length > 30)
  const hexadecimal = Buffer.from(word).toString('hex')
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await sql<{ found: boolean }>`
      select exists (select from ${sql.table(name)} as row
        where row::text ilike ${`%${word}%`} or row::text ilike ${`%${hexadecimal}%`}) as found`.execute(
      runtime.db,
    )
    if (rows[0]!.found) found.push(name)
  }
  return found
}

test('what is told of somebody’s health stands in no log, mail, text message, address, measurement, event or audit row', async () => {
  await skipEarlierNews()
  const scene = await makeScene(app, runtime)
  await runtime.db
    .updateTable('account')
    .set({ phone: '+33612345678' })
    .where('id', '=', scene.patient.accountId)
    .execute()
  const sent: string[] = []
  const taken: string[] = []
  for (const operation of Object.keys(operations)) {
    const schema = schemaOf(operation)
    const request = await requestOf(operation, scene)
    for (const wrong of wrongOnes(request, schema)) await send({ ...request, ...wrong }, scene)
    const right = await requestOf(operation, scene)
    const { body, count } = isJson(right.body)
      ? planted(schema, right.body)
      : { body: right.body, count: 0 }
    const { statusCode } = await send({ ...right, body }, scene)
    if (count > 0 && statusCode < 300) taken.push(operation)
  }
  await workBehind(sent)

  // The word was everywhere where people write: else nothing was looked for.
  for (const operation of [
    'POST /api/v1/appointments',
    'PATCH /api/v1/appointments/{id}',
    'POST /api/v1/appointments/{id}/cancel',
    'POST /api/v1/appointments/{id}/decline',
    'POST /api/v1/appointments/{id}/reschedule',
    'POST /api/v1/appointments/{id}/messages',
    'POST /api/v1/patients/{id}/medical-history',
    'POST /api/v1/patients/{id}/medical-history/{entryId}/correct',
  ])
    assert.ok(taken.includes(operation), `${operation} took the word`)
  const tables = await tablesWith(canary)
  for (const name of ['appointment', 'appointment_event', 'message'])
    assert.ok(tables.includes(name), name)
  assert.deepEqual(
    tables.filter((name) => !tablesOfHealth.has(name)),
    [],
  )

  assert.ok(sent.length >= 5, `${sent.length} messages`)
  const measured = (await app.inject('/metrics')).body
  const notifications = []
  for (const as of new Set(Object.values(scene.as)))
    if (as !== undefined) {
      const headers = { authorization: as }
      notifications.push((await app.inject({ url: '/api/v1/notifications', headers })).body)
    }
  const places = { logged: logged(), measured, sent, kept, notifications }
  for (const [place, content] of Object.entries(places)) {
    const lines = typeof content === 'string' ? content.split('\n') : content
    const telling = lines.filter((line) => line.toUpperCase().includes(canary))
    assert.deepEqual(telling.slice(0, 3), [], place)
  }
})
