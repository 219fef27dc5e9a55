import type { Queryable } from '#src/db/connect.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface NewAuditRow {
  occurredAt: Instant
  actorId: string | null
  requestId: string
  action: string
  subjectType: string
  subjectId: string | null
  allowed: boolean
  details: Record<string, unknown>
}

export async function insertAuditEntry(db: Queryable, entry: NewAuditRow): Promise<void> {
  await insertAuditEntries(db, [entry])
}

export async function insertAuditEntries(
  db: Queryable,
  entries: readonly NewAuditRow[],
): Promise<void> {
  await db
    .insertInto('audit_entry')
    .values(
      entries.map((entry) => ({
        occurred_at: formatUtc(entry.occurredAt),
        actor_id: entry.actorId,
        action: entry.action,
        subject_type: entry.subjectType,
        subject_id: entry.subjectId,
        allowed: entry.allowed,
        request_id: entry.requestId,
        details: JSON.stringify(entry.details),
      })),
    )
    .execute()
}
