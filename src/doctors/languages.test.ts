import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { canonicalLanguages } from './languages.ts'

function fault(index: number) {
  const pointer = `/languages/${index}`
  const detail = `${pointer} must be a BCP 47 tag such as "fr" or "pt-BR".`
  return { in: 'body', pointer, detail }
}

test('the same language in two spellings is kept once, in the canonical one', () => {
  assert.deepEqual(canonicalLanguages(['EN-gb', 'en-GB', 'zh-hant-tw', 'fr']), [
    'en-GB',
    'zh-Hant-TW',
    'fr',
  ])
})

test('each tag that is no language is pointed at', () => {
  assert.throws(
    () => canonicalLanguages(['fr', 'french!', 'de', 'x']),
    (error) => {
      assert.ok(error instanceof InvalidRequest)
      assert.deepEqual(error.members.errors, [fault(1), fault(3)])
      return true
    },
  )
})
