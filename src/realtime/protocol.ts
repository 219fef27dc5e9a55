// What clients and the server say to each other, as docs/guides/live-updates.md has it.

import type { ValidateFunction } from 'ajv/dist/2020.js'
import { Type, type Static, type TSchema } from 'typebox'
import { toFieldErrors } from '#src/http/field-errors.ts'
import { parseJson } from '#src/http/json-body.ts'
import { closed, Id, isObject, LocalDateText } from '#src/http/schema.ts'
import { createValidatorCompiler } from '#src/http/validation.ts'
import { Refusal, type RefusalCode } from '#src/kernel/errors.ts'

/** A name that the client gives to a subscription. */
const SubscriptionId = Type.String({ minLength: 1, maxLength: 64, examples: ['my-visits'] })

const subscribing = {
  type: Type.Enum(['subscribe']),
  id: SubscriptionId,
  after: Type.Optional(
    Type.String({ maxLength: 64, description: 'The cursor after which to go on.' }),
  ),
}

const AuthenticateSchema = Type.Object({
  type: Type.Enum(['authenticate']),
  accessToken: Type.String({ minLength: 1, maxLength: 2000 }),
})
const UnsubscribeSchema = Type.Object({ type: Type.Enum(['unsubscribe']), id: SubscriptionId })
const PingSchema = Type.Object({ type: Type.Enum(['ping']) })

const topicSchemas = {
  appointments: Type.Object({ ...subscribing, topic: Type.Literal('appointments') }),
  'open-times': Type.Object({ ...subscribing, topic: Type.Literal('open-times'), doctorId: Id }),
  'clinic-day': Type.Object({
    ...subscribing,
    topic: Type.Literal('clinic-day'),
    clinicId: Id,
    date: LocalDateText,
  }),
  thread: Type.Object({ ...subscribing, topic: Type.Literal('thread'), appointmentId: Id }),
  notifications: Type.Object({ ...subscribing, topic: Type.Literal('notifications') }),
}

const messageSchemas = {
  authenticate: AuthenticateSchema,
  unsubscribe: UnsubscribeSchema,
  ping: PingSchema,
}

export type SubscribeMessage = {
  [Name in keyof typeof topicSchemas]: Static<(typeof topicSchemas)[Name]>
}[keyof typeof topicSchemas]

export type ClientMessage =
  | Static<typeof AuthenticateSchema>
  | SubscribeMessage
  | Static<typeof UnsubscribeSchema>
  | Static<typeof PingSchema>

/** What can be subscribed to. */
export type Topic =
  | { topic: 'appointments' }
  | { topic: 'open-times'; doctorId: string }
  | { topic: 'clinic-day'; clinicId: string; date: string }
  | { topic: 'thread'; appointmentId: string }
  | { topic: 'notifications' }

/** What an event says: what happened, and the ids of what it happened to. */
export interface EventFields {
  event: string
  appointmentId?: string
  version?: number
  patientId?: string
  doctorId?: string
  clinicId?: string
  messageId?: string
}

/** Why a message was refused. */
export type RefusedCode = RefusalCode | 'too-many'

export type ServerMessage =
  | { type: 'ready'; cursor: string; heartbeatSeconds: number }
  | { type: 'subscribed'; id: string; cursor: string }
  | { type: 'unsubscribed'; id: string }
  | ({ type: 'event'; id: string; cursor: string } & EventFields)
  | { type: 'reset'; id: string; cursor: string }
  | { type: 'ended'; id: string; code: RefusedCode; detail: string }
  | { type: 'refused'; id?: string; code: RefusedCode; detail: string }
  | { type: 'pong' | 'heartbeat'; cursor?: string }

/** Why the server closes a socket (RFC 6455, section 7.4). */
export const closeCodes = {
  goingAway: 1001,
  fault: 1011,
  tryLater: 1013,
  badMessage: 4400,
  notSignedIn: 4401,
  tooMany: 4429,
} as const

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes]

let compile: ReturnType<typeof createValidatorCompiler> | undefined
const compiled = new Map<TSchema, ValidateFunction>()

/**
 * The message of a client.
 *
 * @throws Refusal `malformed-request` or `invalid-request`, with a member `id` where the message has one.
 */
export function readMessage(bytes: Buffer): ClientMessage {
  const message = readJson(bytes)
  const schema = schemaOf(message)
  let validate = compiled.get(schema)
  if (!validate) {
    compile ??= createValidatorCompiler()
    validate = compile({ schema: closed(schema), httpPart: 'body' })
    compiled.set(schema, validate)
  }
  if (validate(message)) return message as ClientMessage
  const faults = toFieldErrors(validate.errors ?? [], 'body')
  throw new Refusal('invalid-request', faults.map(({ detail }) => detail).join(' '), idOf(message))
}

/** The topic of a subscription, without what else the message says. */
export function topicOf({
  type: _type,
  id: _id,
  after: _after,
  ...topic
}: SubscribeMessage): Topic {
  return topic
}

function readJson(bytes: Buffer): Record<string, unknown> {
  let message: unknown
  try {
    message = parseJson(bytes)
  } catch {
    throw new Refusal('malformed-request', 'The message is not valid JSON.')
  }
  if (isObject(message) && !Array.isArray(message)) return message
  throw new Refusal('invalid-request', 'The message must be an object.')
}

function schemaOf(message: Record<string, unknown>): TSchema {
  const { type, topic } = message
  const isSubscription = type === 'subscribe'
  const schemas: Record<string, TSchema> = isSubscription ? topicSchemas : messageSchemas
  const name = isSubscription ? topic : type
  if (typeof name === 'string' && Object.hasOwn(schemas, name)) return schemas[name]!
  const known = isSubscription ? Object.keys(schemas) : [...Object.keys(schemas), 'subscribe']
  throw new Refusal(
    'invalid-request',
    `/${isSubscription ? 'topic' : 'type'} must be one of: ${known.join(', ')}.`,
    idOf(message),
  )
}

function idOf({ id }: Record<string, unknown>): { id?: string } {
  return typeof id === 'string' && id.length > 0 && id.length <= 64 ? { id } : {}
}
