import { Type } from 'typebox'
import { DoctorParams } from '#src/availability/schemas-schedule.ts'
import { signedIn } from '#src/http/request.ts'
import { component, Id, InstantText, LocalDateText, ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { listDelays, presentDelay, setDelay } from './delays.ts'

const audience = ['doctor', 'front_desk', 'admin'] as const
const tags = ['appointments']
const minutes = Type.Integer({
  minimum: 0,
  maximum: 720,
  description: '0 for in time.',
  examples: [25],
})
const example = { clinicId: '019a9b5e-2b04-7e90-b3d2-51c8a7f6e003', minutes: 25 }

const DelaySchema = component(
  'Delay',
  Type.Object(
    { doctorId: Id, clinicId: Id, date: LocalDateText, minutes, setAt: InstantText },
    {
      description: 'By how much a doctor runs late at a clinic on one of its dates.',
      examples: [
        {
          doctorId: '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
          date: '2026-11-24',
          setAt: '2026-11-24T10:12:00+01:00',
          ...example,
        },
      ],
    },
  ),
)

const NewDelaySchema = component(
  'NewDelay',
  Type.Object(
    {
      minutes,
      clinicId: Type.Optional({
        ...Id,
        description: "Default: the doctor's only clinic where the caller is staff.",
      }),
    },
    { examples: [example] },
  ),
)

export function delayRoutes(app: App): void {
  app.put(
    '/doctors/:id/delay',
    {
      config: { audience, refusals: ['not-allowed'] },
      schema: {
        operationId: 'setDoctorDelay',
        summary: 'Say by how much the doctor runs late today',
        description:
          "Shown as `delayMinutes` on the day's visits that are still to come, to patients too; gone by " +
          'itself the next day.',
        tags,
        params: DoctorParams,
        body: ref(NewDelaySchema),
        response: { 200: ref(DelaySchema) },
      },
    },
    async (request) =>
      presentDelay(
        await setDelay(signedIn(request), {
          doctorKey: request.params.id,
          clinicId: request.body.clinicId,
          minutes: request.body.minutes,
        }),
      ),
  )

  app.get(
    '/doctors/:id/delays',
    {
      config: { audience, refusals: ['not-allowed'] },
      schema: {
        operationId: 'listDoctorDelays',
        summary: 'Where the doctor runs late today',
        tags,
        params: DoctorParams,
        response: { 200: Type.Object({ items: Type.Array(ref(DelaySchema)) }) },
      },
    },
    async (request) => {
      const delays = await listDelays(signedIn(request), request.params.id)
      return { items: delays.map(presentDelay) }
    },
  )
}
