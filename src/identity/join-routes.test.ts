import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { call, signInAs } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()

test('the page of an invitation link comes with all it needs, and runs under the strict policy', async () => {
  const page = await app.inject('/join')
  assert.equal(page.statusCode, 200)
  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(String(page.headers['content-security-policy']), /script-src 'self'/)
  assert.doesNotMatch(page.body, /<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
  const parts = [...page.body.matchAll(/(?:src|href)="(?<path>\/join\/[^"]+)"/g)]
  assert.equal(parts.length, 2)
  for (const { groups } of parts) {
    const part = await app.inject(groups?.['path'] ?? '')
    assert.equal(part.statusCode, 200)
    assert.match(String(part.headers['content-type']), /^text\/(?:css|javascript)/)
  }
})

test('anyone can check an access token by the published keys', async () => {
  const keys = (await app.inject('/.well-known/jwks.json')).json()
  const authorization = await signInAs(runtime, { role: 'patient' })
  assert.equal((await call(app, 'GET /auth/me', { as: authorization })).status, 200)
  const token = authorization.replace('Bearer ', '')
  const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), {
    issuer: 'visita',
    audience: 'visita',
    typ: 'at+jwt',
  })
  assert.equal(protectedHeader.alg, 'EdDSA')
})
