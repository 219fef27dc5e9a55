import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testVisita } from '#test/support/visita.ts'

const { app } = await testVisita()

test('the page of a link to a record comes with all it needs, and runs under the strict policy', async () => {
  const page = await app.inject('/claim')
  assert.equal(page.statusCode, 200)
  assert.match(String(page.headers['content-type']), /^text\/html/)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /script-src 'self'/)
  assert.doesNotMatch(policy, /script-src[^;]*unsafe/)
  assert.doesNotMatch(page.body, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
  const parts = [...page.body.matchAll(/(?:src|href)="(?<path>\/[^"]+)"/g)]
  assert.equal(parts.length, 3)
  for (const { groups } of parts) {
    const part = await app.inject(groups?.['path'] ?? '')
    assert.equal(part.statusCode, 200)
    assert.match(String(part.headers['content-type']), /^text\/(?:css|javascript)/)
  }
})

test('the page writes the code into no address and sets no style by script', async () => {
  const { body } = await app.inject('/claim/claim.js')
  assert.match(body, /location\.hash/)
  assert.match(body, /history\.replaceState\(null, '', location\.pathname\)/)
  assert.doesNotMatch(body, /innerHTML|\.style\b|\?code|\/\$\{code/)
})
