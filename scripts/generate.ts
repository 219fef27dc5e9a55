// `npm run generate`: writes every file that is made from others. A test fails when one is stale.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, openRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { generatedFiles } from './generated-files.ts'

const directory = await mkdtemp(join(tmpdir(), 'visita-generate-'))
const config = loadConfig({ envFile: null, env: { DATA_DIR: directory, LOG_LEVEL: 'warn' } })
const opened = await openRuntime({ config, embedded: { ephemeral: true, durable: false } })
const app = await createApp(opened.runtime)
try {
  const files = await generatedFiles({ app, databaseUrl: opened.databaseUrl })
  for (const [path, content] of Object.entries(files)) {
    await writeFile(new URL(`../${path}`, import.meta.url), content)
    console.log(`wrote ${path}`)
  }
} finally {
  await app.close()
  await opened.close()
  await rm(directory, { recursive: true, force: true })
}
