// The shapes of accounts as admins see them.

import { Type, type Static } from 'typebox'
import { component, Id, InstantText, PageQuery, Text } from '#src/http/schema.ts'
import { formatUtc } from '#src/kernel/time.ts'
import type { UserRow } from './users-queries.ts'

const RoleName = Type.Enum(['patient', 'doctor', 'front_desk', 'admin'])
const StatusName = Type.Enum(['active', 'disabled', 'erased'])
const ClinicIds = Type.Array(Id, { maxItems: 200, uniqueItems: true })

export const UserParams = Type.Object({ id: Id })

export const UsersQuery = Type.Object({
  q: Type.Optional(Text(120, { description: 'A part of the name or of the e-mail address.' })),
  role: Type.Optional(RoleName),
  status: Type.Optional({
    ...StatusName,
    description: 'Without it, all but those that were erased.',
  }),
  clinicId: Type.Optional({
    ...Id,
    description: 'The front desk of the clinic and the doctors who work there.',
  }),
  ...PageQuery,
})

export const UserSchema = component(
  'User',
  Type.Object(
    {
      id: Id,
      email: Type.String({ description: 'A made-up one for an account that was erased.' }),
      emailVerified: Type.Boolean(),
      name: Type.String(),
      phone: Type.Optional(Type.String()),
      locale: Type.Optional(Type.String()),
      role: RoleName,
      status: StatusName,
      createdAt: InstantText,
      lastSignInAt: Type.Optional({
        ...InstantText,
        description: 'Of the sessions that are still on record.',
      }),
      sessions: Type.Integer({ description: 'How many are not over.' }),
      secondFactor: Type.Boolean({ description: 'Whether signing in takes a second factor.' }),
      doctor: Type.Optional(Type.Object({ id: Id, name: Type.String() })),
      patientId: Type.Optional({ ...Id, description: "The account's own record." }),
      clinics: Type.Array(Type.Object({ id: Id, name: Type.String() }), {
        description: 'Where it works at the front desk, by name.',
      }),
    },
    {
      examples: [
        {
          id: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          email: 'anna.berg@example.org',
          emailVerified: true,
          name: 'Anna Berg',
          role: 'front_desk',
          status: 'active',
          createdAt: '2026-11-20T09:14:05.000Z',
          lastSignInAt: '2026-11-23T07:58:41.000Z',
          sessions: 1,
          secondFactor: true,
          clinics: [{ id: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003', name: 'Clinique du Canal' }],
        },
      ],
    },
  ),
)
export type UserAnswer = Static<typeof UserSchema>

export const RoleChangeSchema = component(
  'RoleChange',
  Type.Object(
    {
      role: RoleName,
      doctorId: Type.Optional({
        ...Id,
        description: 'For a doctor: the profile, which has no account yet.',
      }),
      clinicIds: Type.Optional({
        ...ClinicIds,
        description: 'For the front desk: the clinics that it works at from now on.',
      }),
    },
    {
      examples: [{ role: 'front_desk', clinicIds: ['019a9b5e-2b04-7e90-b3d2-51c8a7f6e003'] }],
    },
  ),
)
export type RoleChange = Static<typeof RoleChangeSchema>

export const MembershipsChangeSchema = component(
  'MembershipsChange',
  Type.Object(
    { clinicIds: ClinicIds },
    { examples: [{ clinicIds: ['019a9b5e-2b04-7e90-b3d2-51c8a7f6e003'] }] },
  ),
)

/** The account as admins see it. */
export function presentUser(row: UserRow): UserAnswer {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.emailVerifiedAt !== null,
    name: row.name,
    ...(row.phone !== null && { phone: row.phone }),
    ...(row.locale !== null && { locale: row.locale }),
    role: row.role,
    status: row.status,
    createdAt: formatUtc(row.createdAt),
    ...(row.lastSignInAt !== null && { lastSignInAt: formatUtc(row.lastSignInAt) }),
    sessions: row.sessions,
    secondFactor: row.hasSecondFactor,
    ...(row.doctor !== null && { doctor: row.doctor }),
    ...(row.patientId !== null && { patientId: row.patientId }),
    clinics: row.clinics,
  }
}
