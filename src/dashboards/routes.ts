import { signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { presentDoctorDashboard, readDoctorDashboard } from './doctor-dashboard.ts'
import { presentPatientDashboard, readPatientDashboard } from './patient-dashboard.ts'
import {
  DoctorDashboardParams,
  DoctorDashboardSchema,
  PatientDashboardParams,
  PatientDashboardSchema,
} from './schemas.ts'

export function dashboardRoutes(app: App): void {
  app.get(
    '/doctors/:id/dashboard',
    {
      config: { audience: ['doctor', 'front_desk', 'admin'] },
      schema: {
        operationId: 'getDoctorDashboard',
        summary: "A doctor's day and week at a glance",
        description:
          'For the doctor, the front desk of one of their clinics, and admins. Today is that of each clinic.',
        tags: ['dashboards'],
        params: DoctorDashboardParams,
        response: { 200: ref(DoctorDashboardSchema) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const dashboard = await readDoctorDashboard(context, request.params.id)
      return presentDoctorDashboard(dashboard, context.actor)
    },
  )

  app.get(
    '/patients/:id/dashboard',
    {
      config: { audience: 'signed-in' },
      schema: {
        operationId: 'getPatientDashboard',
        summary: 'What is ahead of a patient, and of the family',
        description:
          'For the accounts that have access to the record, be it to look only; nobody else finds it.',
        tags: ['dashboards'],
        params: PatientDashboardParams,
        response: { 200: ref(PatientDashboardSchema) },
      },
    },
    async (request) => {
      const context = signedIn(request)
      const dashboard = await readPatientDashboard(context, request.params.id)
      return presentPatientDashboard(dashboard, context.actor)
    },
  )
}
