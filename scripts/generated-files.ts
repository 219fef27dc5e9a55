// Every file in the repository that is made from others.

import type { App } from '#src/http/server.ts'
import { configurationFiles } from './generate-configuration.ts'
import { lifecycleText } from './generate-lifecycle.ts'
import { schemaText } from './generate-schema.ts'

/** What each generated file must contain, by its path. */
export async function generatedFiles(visita: {
  app: App
  databaseUrl: string
}): Promise<Record<string, string>> {
  return {
    ...configurationFiles(),
    'docs/domain/appointment-lifecycle.md': lifecycleText(),
    'openapi.json': await openapiText(visita.app),
    'schema.sql': await schemaText(visita.databaseUrl),
  }
}

/** The document as every server shows it, without the address of this one. */
async function openapiText(app: App): Promise<string> {
  const { body } = await app.inject('/openapi.json')
  return `${JSON.stringify({ ...JSON.parse(body), servers: [{ url: '/' }] }, null, 2)}\n`
}
