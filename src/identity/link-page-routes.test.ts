import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registered, tokenOf } from '#test/support/account.ts'
import { call } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app } = await testVisita()
const pages = ['/reset-password', '/verify-email', '/change-email', '/access']

async function scriptOf(name: string): Promise<string> {
  const answer = await app.inject(`/link/${name}`)
  assert.equal(answer.statusCode, 200)
  assert.match(String(answer.headers['content-type']), /^text\/javascript/)
  return answer.body
}

test('each page of a link comes with all it needs, and runs under the strict policy', async () => {
  for (const path of pages) {
    const page = await app.inject(path)
    assert.equal(page.statusCode, 200)
    assert.match(String(page.headers['content-type']), /^text\/html/)
    assert.equal(page.headers['referrer-policy'], 'no-referrer')
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
  }
})

test('opening a page changes nothing: only its reader does, by a button', async () => {
  const { accountId, as } = await registered()
  const token = await tokenOf(accountId, 'verify_email')
  await app.inject(`/verify-email#${token}`)
  assert.equal((await app.inject(`/verify-email?token=${token}`)).statusCode, 422)
  assert.equal((await call(app, 'GET /auth/me', { as })).body.emailVerified, false)
  const body = await scriptOf('link.js')
  assert.match(body, /addEventListener\('submit'/)
  assert.doesNotMatch(body, /method: '(?!POST)/)
})

test('the pages write the token into no address and no markup, and keep it in memory alone', async () => {
  const body = (await scriptOf('link.js')) + (await scriptOf('words.js'))
  assert.match(body, /history\.replaceState\(null, '', location\.pathname\)/)
  assert.doesNotMatch(body, /innerHTML|\.style\b|Storage\b|\?token|\/\$\{token|console\./)
})

test('the pages say everything in each of their languages', async () => {
  const body = await scriptOf('words.js')
  const catalogues = [...body.matchAll(/^const (?<language>en|de|ar) = \{\n(?<entries>.*?)^\}/gms)]
  assert.equal(catalogues.length, 3)
  const namesOf = (entries: string) =>
    [...entries.matchAll(/^ {2}(?<name>\w+):/gm)].map(({ groups }) => groups!['name'])
  const placesOf = (entries: string) => [...entries.matchAll(/\{\w+\}/g)].map(String).toSorted()
  const [english, ...others] = catalogues.map(({ groups }) => groups!['entries']!)
  for (const other of others) {
    assert.deepEqual(namesOf(other), namesOf(english!))
    assert.deepEqual(placesOf(other), placesOf(english!))
  }
  const names = namesOf(english!)
  const page = await app.inject('/reset-password')
  const used = [
    ...(await scriptOf('link.js')).matchAll(/say\('(?<name>\w+)'/g),
    ...page.body.matchAll(/data-say="(?<name>\w+)"/g),
  ]
  assert.ok(used.length > 15)
  for (const { groups } of used) {
    const name = groups?.['name'] ?? 'none'
    assert.ok(names.includes(name), name)
  }
  for (const words of ['reset', 'verify', 'change', 'access'])
    for (const part of ['Title', 'Lead', 'Action', 'Done', 'Text', 'Invalid'])
      assert.ok(names.includes(`${words}${part}`), `${words}${part}`)
})

test('who has no script is told what to do instead', async () => {
  const { body } = await app.inject('/change-email')
  const [, without = ''] = /<noscript>(.*)<\/noscript>/s.exec(body) ?? []
  for (const words of ['open the link again', 'noch einmal', 'مرة أخرى'])
    assert.ok(without.includes(words))
})
