import { sql, type SqlBool } from 'kysely'
import type { Queryable } from '#src/db/connect.ts'
import type { Role } from '#src/db/tables.ts'
import { formatUtc, type Instant } from '#src/kernel/time.ts'

export interface AuditRow {
  seq: string
  occurredAt: Instant
  actorId: string | null
  /** As they are now; null for an actor who is gone, and for a row without one. */
  actorName: string | null
  actorRole: Role | null
  action: string
  subjectType: string
  subjectId: string | null
  allowed: boolean
  requestId: string | null
  details: Record<string, unknown>
}

export interface AuditFilter {
  actorId?: string | undefined
  action?: string | undefined
  subjectType?: string | undefined
  subjectId?: string | undefined
  allowed?: boolean | undefined
  /** From the first on, and before the second. */
  from?: Instant | undefined
  to?: Instant | undefined
}

export interface AuditPosition {
  occurredAt: Instant
  seq: string
}

/** The audit rows that match, newest first, at most `limit` of those before the position. */
export async function auditNewestFirst(
  db: Queryable,
  options: { filter: AuditFilter; after: AuditPosition | null; limit: number },
): Promise<AuditRow[]> {
  const { filter, after, limit } = options
  const { actorId, action, subjectType, subjectId, allowed, from, to } = filter
  let query = db
    .selectFrom('audit_entry')
    .leftJoin('account', 'account.id', 'audit_entry.actor_id')
    // A patient without an account, who acted by a link in a mail.
    .leftJoin('patient', 'patient.id', 'audit_entry.actor_id')
    .select([
      'audit_entry.seq',
      'audit_entry.occurred_at as occurredAt',
      'audit_entry.actor_id as actorId',
      sql<string | null>`coalesce(account.name, patient.name)`.as('actorName'),
      sql<Role | null>`coalesce(account.role, case when patient.id is not null then 'patient' end)`.as(
        'actorRole',
      ),
      'audit_entry.action',
      'audit_entry.subject_type as subjectType',
      'audit_entry.subject_id as subjectId',
      'audit_entry.allowed',
      'audit_entry.request_id as requestId',
      'audit_entry.details',
    ])
  if (actorId !== undefined) query = query.where('audit_entry.actor_id', '=', actorId)
  if (action !== undefined) query = query.where('audit_entry.action', '=', action)
  if (subjectType !== undefined) query = query.where('audit_entry.subject_type', '=', subjectType)
  if (subjectId !== undefined) query = query.where('audit_entry.subject_id', '=', subjectId)
  // Written so that the index of refused entries serves, which has no such column.
  if (allowed !== undefined)
    query = query.where(allowed ? sql<SqlBool>`allowed` : sql<SqlBool>`not allowed`)
  if (from !== undefined)
    query = query.where(sql<SqlBool>`occurred_at >= ${formatUtc(from)}::timestamptz`)
  if (to !== undefined)
    query = query.where(sql<SqlBool>`occurred_at < ${formatUtc(to)}::timestamptz`)
  if (after !== null)
    query = query.where(
      sql<SqlBool>`(occurred_at, audit_entry.seq) <
        (${formatUtc(after.occurredAt)}::timestamptz, ${after.seq}::bigint)`,
    )
  return query
    .orderBy('audit_entry.occurred_at', 'desc')
    .orderBy('audit_entry.seq', 'desc')
    .limit(limit)
    .execute()
}
