import { Type } from 'typebox'
import { calendarType } from '#src/calendar/icalendar.ts'
import { DoctorParams } from '#src/doctors/schemas.ts'
import { signedIn } from '#src/http/request.ts'
import { Id, NoContent, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { doctorIdOf } from '#src/doctors/doctors.ts'
import { endOwnAccount } from './account-end.ts'
import { removeDoctor } from './doctor-leaving.ts'
import { exportAll, exportCalendar } from './export.ts'
import { erasePatient } from './patient-erasure.ts'
import { AccountEndSchema, ExportQuery, openVisitsAnswer, PersonalDataSchema } from './schemas.ts'

const tags = ['privacy']

export function privacyRoutes(app: App): void {
  exportRoute(app)

  app.delete(
    '/me',
    {
      config: {
        audience: 'signed-in',
        limit: 'heavy',
        refusals: ['bad-credentials', 'second-factor-needed', 'too-many-requests', 'wrong-state'],
      },
      schema: {
        operationId: 'deleteMe',
        summary: 'End the own account',
        description:
          'At once and for good. Visits ahead of the own record are cancelled, waits end. A record with a visit that took place stays with the clinics without contact data; one without goes. Records of others go back to the desk. Refused as `visits-open` for a doctor with visits ahead, as `conflict` for the last admin.',
        tags,
        body: ref(AccountEndSchema),
        response: { 204: NoContent, 409: openVisitsAnswer },
      },
    },
    async (request, reply) => {
      await endOwnAccount(signedIn(request), request.body)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/doctors/:id',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'removeDoctor',
        summary: 'A doctor leaves',
        description:
          'The doctor is in no list and has no open times from then on; visits that there were stay. The account loses the profile and is disabled. Refused as `visits-open` while there are visits ahead: move them with `POST /doctors/{id}/rebooking`, or cancel them.',
        tags,
        params: DoctorParams,
        response: { 204: NoContent, 409: openVisitsAnswer },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      await removeDoctor(context, doctorIdOf(context, request.params.id))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/admin/patients/:id/erase',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'erasePatient',
        summary: 'Erase a record for good',
        description:
          'Who the person is and why they came goes: name, contact, date of birth, insurance, medical history, reasons, notes and messages. Times, doctors and outcomes of visits stay. Accounts lose their access. Refused as `visits-open` while there are visits ahead.',
        tags,
        params: Type.Object({ id: Id }),
        response: { 204: NoContent, 409: openVisitsAnswer },
      },
    },
    async (request, reply) => {
      await erasePatient(signedIn(request), request.params.id)
      return reply.code(204).send(null)
    },
  )
}

function exportRoute(app: App): void {
  app.get(
    '/me/export',
    {
      config: { audience: 'signed-in', limit: 'heavy', refusals: ['not-allowed', 'not-found'] },
      schema: {
        operationId: 'exportMe',
        summary: 'Everything about the account and its record',
        description:
          'A file. Of those who looked at the record it says when, in which role and at which clinics. Each export is on record.',
        tags,
        querystring: ExportQuery,
        response: {
          200: {
            description: 'The file.',
            content: {
              'application/json': { schema: ref(PersonalDataSchema) },
              'text/calendar': {
                schema: Type.String({ description: 'An iCalendar object (RFC 5545).' }),
              },
            },
          },
        },
      },
    },
    async (request, reply) => {
      const context = signedIn(request)
      const { patientId = null, format } = request.query
      const accepts = request.headers.accept ?? ''
      const isCalendar =
        format === undefined ? /^\s*text\/calendar\b/i.test(accepts) : format === 'ics'
      const name = isCalendar ? 'visita-visits.ics' : 'visita-export.json'
      void reply.header('content-disposition', `attachment; filename="${name}"`)
      return isCalendar
        ? reply.type(calendarType).send(await exportCalendar(context, { patientId }))
        : reply
            .type('application/json; charset=utf-8')
            .send(await exportAll(context, { patientId }))
    },
  )
}
