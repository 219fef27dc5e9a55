// Reading the audit, which leaves an audit row itself.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { formatUtc } from '#src/kernel/time.ts'
import {
  auditNewestFirst,
  type AuditFilter,
  type AuditPosition,
  type AuditRow,
} from './audit-queries.ts'
import { writeCsv, type Columns, type CsvFile } from './csv.ts'
import { refuseUnlessAdmin } from './policy.ts'

/** The entries that match, newest first; one more than `limit`. Throws NotAllowed. */
export async function listAudit(
  context: SignedInContext,
  options: { filter: AuditFilter; after: AuditPosition | null; limit: number },
): Promise<AuditRow[]> {
  refuseUnlessAdmin(context)
  const { filter, after, limit } = options
  const rows = await withRetry(() =>
    auditNewestFirst(context.db, { filter, after, limit: limit + 1 }),
  )
  await noteReading(context, 'audit.list', filter)
  return rows
}

/** The entries that match as a file, newest first. Throws NotAllowed. */
export async function exportAudit(
  context: SignedInContext,
  options: { filter: AuditFilter; after: AuditPosition | null },
): Promise<CsvFile<AuditRow>> {
  refuseUnlessAdmin(context)
  const { filter } = options
  await noteReading(context, 'audit.export', filter)
  return writeCsv(columns, ({ after, limit }) =>
    withRetry(() => auditNewestFirst(context.db, { filter, after: after ?? options.after, limit })),
  )
}

const columns: Columns<AuditRow> = {
  id: ({ seq }) => seq,
  occurredAt: ({ occurredAt }) => formatUtc(occurredAt),
  actorId: ({ actorId }) => actorId,
  actorName: ({ actorName }) => actorName,
  actorRole: ({ actorRole }) => actorRole,
  action: ({ action }) => action,
  subjectType: ({ subjectType }) => subjectType,
  subjectId: ({ subjectId }) => subjectId,
  allowed: ({ allowed }) => (allowed ? 'yes' : 'no'),
  requestId: ({ requestId }) => requestId,
  details: ({ details }) => JSON.stringify(details),
}

function noteReading(
  context: SignedInContext,
  action: string,
  { from, to, ...filter }: AuditFilter,
): Promise<void> {
  return record(context, context.db, {
    action,
    subjectType: 'audit',
    subjectId: null,
    details: {
      ...filter,
      ...(from !== undefined && { from: formatUtc(from) }),
      ...(to !== undefined && { to: formatUtc(to) }),
    },
  })
}
