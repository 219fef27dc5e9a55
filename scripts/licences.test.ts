import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { licenceFaults } from './licences.ts'

function faultsOf(license: string | undefined, name = 'thing'): string[] {
  const locked = { version: '1.2.3', ...(license !== undefined && { license }) }
  return licenceFaults({ packages: { '': {}, [`node_modules/${name}`]: locked } })
}

test('a package under another licence, or under none, is named', () => {
  assert.deepEqual(faultsOf('GPL-3.0-only'), ['thing 1.2.3 comes under GPL-3.0-only.'])
  assert.deepEqual(faultsOf('SEE LICENSE IN LICENSE'), [
    'thing 1.2.3 comes under SEE LICENSE IN LICENSE.',
  ])
  assert.deepEqual(faultsOf(undefined, '@scope/thing'), ['@scope/thing 1.2.3 names no licence.'])
  assert.equal(faultsOf('UNLICENSED').length, 1)
  assert.equal(faultsOf('MIT AND GPL-2.0').length, 1)
  assert.equal(faultsOf('').length, 1)
})

test('one that may be chosen is enough', () => {
  for (const licence of ['MIT', '(MIT OR GPL-2.0)', 'GPL-2.0 OR ISC', '(MIT AND Apache-2.0)'])
    assert.deepEqual(faultsOf(licence), [], licence)
})

test('a package inside of another counts too, and one of our own does not', () => {
  const packages = {
    sdk: { version: '0.1.0' },
    'node_modules/sdk': { link: true },
    'node_modules/a/node_modules/b': { version: '2.0.0', license: 'AGPL-3.0' },
  }
  assert.deepEqual(licenceFaults({ packages }), ['b 2.0.0 comes under AGPL-3.0.'])
})

test('what is locked may be used', () => {
  assert.deepEqual(licenceFaults(JSON.parse(readFileSync('package-lock.json', 'utf8'))), [])
})
