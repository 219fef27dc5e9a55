import { ChangeHeaders } from '#src/clinics/schemas.ts'
import { signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { requestedVersion, versionTag } from '#src/http/versions.ts'
import { changeSettings, settingsFor } from './settings.ts'
import { SettingsChangeSchema, SettingsSchema } from './settings-schemas.ts'

const tags = ['admin']

export function settingsRoutes(app: App): void {
  app.get(
    '/admin/settings',
    {
      config: { audience: ['admin'] },
      schema: {
        operationId: 'getSettings',
        summary: 'The settings of the network',
        description: 'The ETag is the version that a change may name in If-Match.',
        tags,
        response: { 200: ref(SettingsSchema) },
      },
    },
    async (request, reply) => {
      const settings = await settingsFor(signedIn(request))
      return reply.header('etag', versionTag(settings.version)).send(settings)
    },
  )

  app.patch(
    '/admin/settings',
    {
      config: { audience: ['admin'], refusals: ['stale-version'] },
      schema: {
        operationId: 'changeSettings',
        summary: 'Change settings of the network',
        description: 'What is left out stays as it is. A change acts at once, on every process.',
        tags,
        headers: ChangeHeaders,
        body: ref(SettingsChangeSchema),
        response: { 200: ref(SettingsSchema) },
      },
    },
    async (request, reply) => {
      const settings = await changeSettings(signedIn(request), {
        change: request.body,
        requestedVersion: requestedVersion(request.headers['if-match']),
      })
      return reply.header('etag', versionTag(settings.version)).send(settings)
    },
  )
}
