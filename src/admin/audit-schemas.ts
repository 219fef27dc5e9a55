// The audit on the wire.

import { Type, type Static } from 'typebox'
import { component, Id, InstantText, InstantPosition, PageQuery } from '#src/http/schema.ts'
import { invalidParameter } from '#src/kernel/errors.ts'
import { formatUtc, parseInstant, type Instant } from '#src/kernel/time.ts'
import type { AuditFilter, AuditRow } from './audit-queries.ts'

/** Words with dots between them, or the id of an operation. */
const ActionName = Type.String({
  pattern: '^[a-zA-Z_-]{1,80}(\\.[a-z-]{1,40}){0,2}$',
  maxLength: 120,
})

const filter = {
  actorId: Type.Optional({ ...Id, description: 'Who did it.' }),
  action: Type.Optional({ ...ActionName, examples: ['patient.read'] }),
  subjectType: Type.Optional({ ...ActionName, examples: ['patient'] }),
  subjectId: Type.Optional({
    ...Id,
    description: 'What it was done to. Answered fastest together with `subjectType`.',
  }),
  allowed: Type.Optional(Type.Boolean({ description: 'False for what was refused.' })),
  from: Type.Optional({ ...InstantText, description: 'From this instant on.' }),
  to: Type.Optional({ ...InstantText, description: 'Before this instant.' }),
}

export const AuditQuery = Type.Object({ ...filter, ...PageQuery })
export const AuditFileQuery = Type.Object({ ...filter, cursor: PageQuery.cursor })
type AuditQueryInput = Static<typeof AuditFileQuery>

export const AuditPositionSchema = Type.Object({
  occurredAt: InstantPosition,
  seq: Type.String({ pattern: '^[0-9]{1,18}$' }),
})

export const AuditEntrySchema = component(
  'AuditEntry',
  Type.Object(
    {
      id: Type.String({ description: 'Its number.' }),
      occurredAt: InstantText,
      actor: Type.Optional(
        Type.Object(
          {
            id: Id,
            name: Type.Optional(Type.String()),
            role: Type.Optional(Type.Enum(['patient', 'doctor', 'front_desk', 'admin'])),
          },
          {
            description:
              'With name and role as they are now. Absent for strangers, the program itself and its ' +
              'command line.',
          },
        ),
      ),
      action: Type.String(),
      subjectType: Type.String(),
      subjectId: Type.Optional(Id),
      allowed: Type.Boolean(),
      requestId: Type.Optional(Type.String()),
      details: Type.Object(
        {},
        { additionalProperties: true, description: 'Ids and names of fields.' },
      ),
    },
    {
      examples: [
        {
          id: '48211',
          occurredAt: '2026-11-24T09:40:00.000Z',
          actor: {
            id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
            name: 'Claire Moreau',
            role: 'doctor',
          },
          action: 'patient.read',
          subjectType: 'patient',
          subjectId: '019a9b5f-0d3e-7b66-a1c2-77e6f5d4c3b2',
          allowed: true,
          requestId: '019a9b5e-6f0e-7a55-8c3d-51b0a4c6d2f8',
          details: {},
        },
      ],
    },
  ),
)
export type AuditEntryAnswer = Static<typeof AuditEntrySchema>

/** The filter that a query asks for. Throws InvalidRequest. */
export function auditFilterOf(query: AuditQueryInput): AuditFilter {
  const { actorId, action, subjectType, subjectId, allowed } = query
  return {
    actorId,
    action,
    subjectType,
    subjectId,
    allowed,
    from: instantOf('from', query.from),
    to: instantOf('to', query.to),
  }
}

function instantOf(name: string, text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined
  const at = parseInstant(text)
  if (at === null)
    throw invalidParameter(name, `${name} must be an instant of the years 1 to 9999.`)
  return at
}

/** The entry as the API shows it. */
export function presentAuditEntry(row: AuditRow): AuditEntryAnswer {
  return {
    id: row.seq,
    occurredAt: formatUtc(row.occurredAt),
    ...(row.actorId !== null && {
      actor: {
        id: row.actorId,
        ...(row.actorName !== null && { name: row.actorName }),
        ...(row.actorRole !== null && { role: row.actorRole }),
      },
    }),
    action: row.action,
    subjectType: row.subjectType,
    ...(row.subjectId !== null && { subjectId: row.subjectId }),
    allowed: row.allowed,
    ...(row.requestId !== null && { requestId: row.requestId }),
    details: row.details,
  }
}
