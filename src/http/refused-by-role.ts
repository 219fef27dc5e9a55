// What is put on record of those who are signed in and may not call a route at all.

import type { FastifyRequest } from 'fastify'
import { record } from '#src/audit/audit.ts'
import { singular } from './operation-id.ts'
import { contextOf } from './request.ts'

/** What a segment of an address is of, where the audit calls it otherwise. */
const subjectTypes: Record<string, string> = {
  users: 'account',
  'visit-types': 'visit_type',
  waitlist: 'waitlist-entry',
}

const idPattern = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * Writes an audit row of the refusal: its action is the id of the operation, its subject what the path
 * names. Nothing of the request was checked yet, so that a name which is no id is left out.
 */
export async function recordRefusedByRole(
  request: FastifyRequest,
  { operationId, url }: { operationId: string; url: string },
): Promise<void> {
  const context = contextOf(request)
  const segment = /([^/]+)\/:id(?:\/|$)/.exec(url)?.[1]
  const { id } = request.params as { id?: string }
  const isNamed = segment !== undefined && id !== undefined && idPattern.test(id)
  await record(context, context.db, {
    action: operationId,
    subjectType: segment === undefined ? 'network' : (subjectTypes[segment] ?? singular(segment)),
    subjectId: isNamed ? id : null,
    allowed: false,
  })
}
