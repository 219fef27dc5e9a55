// Who did what to which record: rows that the application can add and never change.

import type { AccountActor, Context } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { insertAuditEntries } from './queries.ts'

export interface AuditEntry {
  action: string
  subjectType: string
  subjectId: string | null
  /** False for what was asked and refused. */
  allowed?: boolean
  /** Ids and names of fields; never a person's data. */
  details?: Record<string, unknown>
}

/** Who acts, when, and for which request. */
type Auditing = Pick<Context, 'clock' | 'requestId'> & {
  actor: Pick<AccountActor, 'accountId'> | null
}

/** Writes one audit row, inside `db`'s transaction when it is one. */
export async function record(context: Auditing, db: Queryable, entry: AuditEntry): Promise<void> {
  await recordAll(context, db, [entry])
}

/** Writes an audit row for each of the entries, which are hundreds at most. */
export async function recordAll(
  context: Auditing,
  db: Queryable,
  entries: readonly AuditEntry[],
): Promise<void> {
  const occurredAt = context.clock()
  const actorId = context.actor?.accountId ?? null
  const { requestId } = context
  await insertAuditEntries(
    db,
    entries.map(({ allowed = true, details = {}, action, subjectType, subjectId }) => ({
      occurredAt,
      actorId,
      requestId,
      action,
      subjectType,
      subjectId,
      allowed,
      details,
    })),
  )
}
