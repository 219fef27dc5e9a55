// Who did what to which record: rows that the application can add and never change.

import type { Context } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { insertAuditEntry } from './queries.ts'

export interface AuditEntry {
  action: string
  subjectType: string
  subjectId: string | null
  /** False for what was asked and refused. */
  allowed?: boolean
  /** Ids and names of fields; never a person's data. */
  details?: Record<string, unknown>
}

/** Writes one audit row, inside `db`'s transaction when it is one. */
export async function record(
  context: Pick<Context, 'actor' | 'clock' | 'requestId'>,
  db: Queryable,
  entry: AuditEntry,
): Promise<void> {
  await insertAuditEntry(db, {
    occurredAt: context.clock(),
    actorId: context.actor?.accountId ?? null,
    requestId: context.requestId,
    action: entry.action,
    subjectType: entry.subjectType,
    subjectId: entry.subjectId,
    allowed: entry.allowed ?? true,
    details: entry.details ?? {},
  })
}
