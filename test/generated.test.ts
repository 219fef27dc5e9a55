import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { generatedFiles } from '../scripts/generated-files.ts'
import { testVisita } from '#test/support/visita.ts'

test('every generated file is what `npm run generate` would write', async () => {
  const files = await generatedFiles(await testVisita())
  for (const [path, content] of Object.entries(files))
    assert.equal(
      await readFile(new URL(`../${path}`, import.meta.url), 'utf8'),
      content,
      `${path} is stale: run npm run generate`,
    )
})
