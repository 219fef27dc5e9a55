// Who may act for a patient: looked at, given, changed and ended.

import { Type } from 'typebox'
import { signedIn } from '#src/http/request.ts'
import { Id, NoContent, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { versionTag } from '#src/http/versions.ts'
import { trimFields } from '#src/identity/answers.ts'
import {
  changeAccess,
  endAccess,
  listAccess,
  presentAccess,
  presentAccessList,
  presentInvitation,
} from './access.ts'
import { acceptAccess, inviteToAccess, withdrawInvitation } from './access-invitations.ts'
import {
  AccessChangeSchema,
  AccessEndedSchema,
  AcceptanceSchema,
  AccessInvitationSchema,
  NewAccessSchema,
  PatientAccessListSchema,
  PatientAccessSchema,
} from './access-schemas.ts'
import { presentPatient } from './patients.ts'
import { PatientSchema } from './schemas.ts'

const AccessPath = Type.Object({ id: Id, accountId: Id })

export function accessRoutes(app: App): void {
  app.get(
    '/patients/:id/access',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        summary: 'Who may act for a patient',
        description:
          'The accounts with access that has not ended, and the invitations that can be accepted still. For the accounts that manage the record; for admins and a front desk that sees the whole record, without e-mail addresses.',
        operationId: 'getPatientAccess',
        tags: ['patients'],
        params: Type.Object({ id: Id }),
        response: { 200: ref(PatientAccessListSchema) },
      },
    },
    async (request) => presentAccessList(await listAccess(signedIn(request), request.params.id)),
  )

  app.post(
    '/patients/:id/access',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed', 'conflict', 'too-many-requests'] },
      preValidation: trimFields('email'),
      schema: {
        summary: 'Invite someone to act for a patient',
        description:
          'For the accounts that manage the record. A link goes to the e-mail address, good once and for 14 days, for an account of that address; the answer does not tell whether there is one. An earlier invitation to the address is void.',
        operationId: 'inviteToPatient',
        tags: ['patients'],
        params: Type.Object({ id: Id }),
        body: ref(NewAccessSchema),
        response: { 201: ref(AccessInvitationSchema) },
      },
    },
    async (request, reply) => {
      const invitation = await inviteToAccess(signedIn(request), request.params.id, request.body)
      return reply.code(201).send(presentInvitation(invitation, { withEmail: true }))
    },
  )

  app.delete(
    '/patients/:id/access-invitations/:invitationId',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        summary: 'Take back an invitation to act for a patient',
        tags: ['patients'],
        params: Type.Object({ id: Id, invitationId: Id }),
        response: { 204: NoContent },
      },
    },
    async (request, reply) => {
      const { id: patientId, invitationId: id } = request.params
      await withdrawInvitation(signedIn(request), { patientId, id })
      return reply.code(204).send(null)
    },
  )

  app.patch(
    '/patients/:id/access/:accountId',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed', 'conflict'] },
      schema: {
        summary: 'Change how far and until when an account acts for a patient',
        description:
          "For the accounts that manage the record. Nobody changes the access of the patients themselves, and nobody gives what lasts longer than their own. The last account that manages a record does not lower its own scope: it leaves. Access to a child's record ends when the child is of age, whatever was agreed on.",
        operationId: 'updatePatientAccess',
        tags: ['patients'],
        params: AccessPath,
        body: ref(AccessChangeSchema),
        response: { 200: ref(PatientAccessSchema) },
      },
    },
    async (request) => {
      const { id: patientId, accountId } = request.params
      const key = { patientId, accountId }
      const changed = await changeAccess(signedIn(request), key, request.body)
      return presentAccess(changed, { withEmail: true })
    },
  )

  app.delete(
    '/patients/:id/access/:accountId',
    {
      config: { audience: 'signed-in', refusals: ['not-allowed'] },
      schema: {
        summary: "End an account's access to a patient",
        description:
          'For the accounts that manage the record, and for everyone their own access. That of the patients themselves stays. A record that nobody manages any more goes back to the front desk, which the answer says.',
        operationId: 'endPatientAccess',
        tags: ['patients'],
        params: AccessPath,
        response: { 200: ref(AccessEndedSchema) },
      },
    },
    async (request) => {
      const { id: patientId, accountId } = request.params
      return endAccess(signedIn(request), { patientId, accountId })
    },
  )

  app.post(
    '/patients/access-invitations/accept',
    {
      config: { audience: 'signed-in', refusals: ['invalid-invitation', 'conflict'] },
      preValidation: trimFields('token'),
      schema: {
        summary: 'Accept an invitation to act for a patient',
        description:
          'With the word of the link in the mail, by an account of the address that it was sent to. Refused as `conflict` for an account that may do as much already.',
        operationId: 'acceptPatientAccess',
        tags: ['patients'],
        body: ref(AcceptanceSchema),
        response: { 200: ref(PatientSchema) },
      },
    },
    async (request, reply) => {
      const patient = await acceptAccess(signedIn(request), request.body.token)
      void reply.header('etag', versionTag(patient.version))
      return presentPatient(patient)
    },
  )
}
