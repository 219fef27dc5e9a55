import { pageOf, readPage } from '#src/http/pagination.ts'
import { signedIn } from '#src/http/request.ts'
import { Page, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { exportAudit, listAudit } from './audit-list.ts'
import type { AuditRow } from './audit-queries.ts'
import {
  AuditEntrySchema,
  auditFilterOf,
  AuditFileQuery,
  AuditPositionSchema,
  AuditQuery,
  presentAuditEntry,
} from './audit-schemas.ts'
import { csvAnswer } from './csv.ts'
import { sendCsv } from './csv-answer.ts'

const tags = ['admin']

function positionOf({ occurredAt, seq }: AuditRow) {
  return { occurredAt, seq }
}

export function auditRoutes(app: App): void {
  app.get(
    '/admin/audit',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'listAudit',
        summary: 'Who did what, and what was refused, newest first',
        description:
          'By `actorId`, or by `subjectType` and `subjectId`, it is quick however large the audit is; by ' +
          '`action` alone, give `from` too. Reading it is itself an entry.',
        tags,
        querystring: AuditQuery,
        response: { 200: Page(ref(AuditEntrySchema)) },
      },
    },
    async (request) => {
      const page = readPage(request.query, AuditPositionSchema)
      const filter = auditFilterOf(request.query)
      const rows = await listAudit(signedIn(request), { ...page, filter })
      return pageOf(rows, { limit: page.limit, present: presentAuditEntry, positionOf })
    },
  )

  app.get(
    '/admin/audit.csv',
    {
      config: { audience: ['admin'], limit: 'heavy' },
      schema: {
        operationId: 'exportAudit',
        summary: 'The audit as CSV, newest first',
        description:
          'At most 10,000 rows; the header Link with `rel="next"` has the address of the rest. A cell that ' +
          "begins as a formula does is given a ' before it.",
        tags,
        querystring: AuditFileQuery,
        response: { 200: csvAnswer },
      },
    },
    async (request, reply) => {
      const { after } = readPage(request.query, AuditPositionSchema)
      const filter = auditFilterOf(request.query)
      const file = await exportAudit(signedIn(request), { filter, after })
      return sendCsv(request, reply, { name: 'audit', file, positionOf })
    },
  )
}
