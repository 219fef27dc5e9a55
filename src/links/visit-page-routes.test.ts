import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testVisita } from '#test/support/visita.ts'

const { app } = await testVisita()

async function scriptOf(name: string): Promise<string> {
  const answer = await app.inject(`/visit/${name}`)
  assert.equal(answer.statusCode, 200)
  assert.match(String(answer.headers['content-type']), /^text\/javascript/)
  return answer.body
}

test('the page of a link comes with all it needs, and runs under the strict policy', async () => {
  const page = await app.inject('/visit')
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
})

test('the page writes the token into no address and no markup, and keeps it in memory alone', async () => {
  const body = (await scriptOf('visit.js')) + (await scriptOf('words.js'))
  assert.match(body, /history\.replaceState\(null, '', location\.pathname\)/)
  assert.doesNotMatch(body, /innerHTML|\.style\b|Storage\b|\?token|\/\$\{token|console\./)
})

test('the page says everything in each of its languages', async () => {
  const body = await scriptOf('words.js')
  const catalogues = [...body.matchAll(/^const (?<language>en|de|ar) = \{\n(?<entries>.*?)^\}/gms)]
  assert.equal(catalogues.length, 3)
  const namesOf = (entries: string) =>
    [...entries.matchAll(/^ {2}(?<name>\w+):/gm)].map(({ groups }) => groups!['name'])
  const placesOf = (entries: string) =>
    Object.fromEntries(
      [...entries.matchAll(/^ {2}(?<name>\w+):\s*'(?<text>[^']*)'/gm)].map(({ groups }) => [
        groups!['name'],
        [...groups!['text']!.matchAll(/\{\w+\}/g)].map(String).toSorted(),
      ]),
    )
  const [english, ...others] = catalogues.map(({ groups }) => groups!['entries']!)
  for (const other of others) {
    assert.deepEqual(namesOf(other), namesOf(english!))
    assert.deepEqual(placesOf(other), placesOf(english!))
  }
  const used = [...(await scriptOf('visit.js')).matchAll(/say\('(?<name>\w+)'/g)]
  assert.ok(used.length > 30)
  for (const { groups } of used) assert.ok(namesOf(english!).includes(groups!['name']))
})

test('who has no script is told what to do instead', async () => {
  const { body } = await app.inject('/visit')
  const [, without = ''] = /<noscript>(.*)<\/noscript>/s.exec(body) ?? []
  for (const words of ['call the clinic', 'rufen Sie die Praxis an', 'اتصل بالعيادة'])
    assert.ok(without.includes(words))
})
