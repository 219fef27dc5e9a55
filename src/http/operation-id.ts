// The name of an operation in openapi.json and in clients made from it, where a route gives none.

import type { FastifySchema } from 'fastify'
import { findComponent } from './schema.ts'

const verbs: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  PUT: 'replace',
  PATCH: 'update',
  DELETE: 'delete',
}

/**
 * A camelCase name: `GET /doctors` is listDoctors, `GET /doctors/:id/time-off` is getDoctorTimeOff,
 * `POST /doctors` is createDoctor, `POST /appointments/:id/cancel` is cancelAppointment.
 */
export function operationIdOf(route: {
  method: string
  url: string
  schema: FastifySchema
}): string {
  const segments = route.url.replace('/api/v1', '').split('/').filter(Boolean)
  const nouns = segments.flatMap((segment, index) => {
    if (isParameter(segment)) return []
    const isOfOne = segments[index + 1] !== undefined && isParameter(segments[index + 1] ?? '')
    return [pascal(isOfOne ? singular(segment) : segment)]
  })
  if (route.method !== 'POST') {
    const verb = answersList(route.schema) ? 'list' : (verbs[route.method] ?? 'call')
    return verb + nouns.join('')
  }
  const last = nouns.pop() ?? ''
  if (last.endsWith('s')) return `create${nouns.join('')}${singular(last)}`
  const owners = nouns.filter((noun) => noun !== 'Auth')
  return last.charAt(0).toLowerCase() + last.slice(1) + owners.join('')
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':')
}

/** What one of them is called, of a plural that is written as most are. */
export function singular(noun: string): string {
  return noun.replace(/ies$/, 'y').replace(/([^s])s$/, '$1')
}

function pascal(segment: string): string {
  return segment
    .split(/[^a-z0-9]+/i)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

function answersList({ response }: FastifySchema): boolean {
  const answer = field(response, '200')
  const reference = field(answer, '$ref')
  const schema = typeof reference === 'string' ? findComponent(reference.replace(/#$/, '')) : answer
  return field(field(schema, 'properties'), 'items') !== undefined
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
