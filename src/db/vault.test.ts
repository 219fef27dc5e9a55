import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createVault, sealHeadBytes, sealHeadOf } from './vault.ts'

const newKey = () => randomBytes(32).toString('base64url')
const [key, formerKey] = [newKey(), newKey()]
const vault = createVault([key])
const place = 'medical_entry 019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'
const text = 'Penicillin, with a rash — Ausschlag, طفح جلدي 🤧'

test('what was sealed for a place is opened there, whatever text it is', () => {
  for (const one of [text, '', 'x', '\u0000', 'é'.repeat(100_000)])
    assert.equal(vault.open(vault.seal(one, place), place), one)
})

test('what was sealed for a place is opened at no other', () => {
  const sealed = vault.seal(text, place)
  for (const other of [
    '',
    'medical_entry 019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e18',
    'second_factor 019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17',
    place.toUpperCase(),
    `${place} `,
    place.slice(0, -1),
  ])
    assert.throws(() => vault.open(sealed, other), other)
})

test('what was changed in any bit, cut or lengthened is opened by nobody', () => {
  const sealed = vault.seal('Asthma', place)
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => vault.open(changed, place), `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length += 1)
    assert.throws(() => vault.open(sealed.subarray(0, length), place), `${length} bytes`)
  assert.throws(() => vault.open(Buffer.concat([sealed, Buffer.alloc(1)]), place))
})

test('parts of two sealed values make no third', () => {
  const [one, other] = [vault.seal('Asthma', place), vault.seal('Eczema', place)]
  // The version and the key, the nonce, the tag, the text.
  for (const [from, to] of [
    [9, 21],
    [21, 37],
    [37, one.length],
  ] as const) {
    const mixed = Buffer.from(one)
    other.copy(mixed, from, from, to)
    assert.throws(() => vault.open(mixed, place), `${from} to ${to}`)
  }
})

test('a former key opens what it sealed, and what is sealed anew is by the key in use', () => {
  const sealed = createVault([formerKey]).seal(text, place)
  assert.ok(!vault.isCurrent(sealed))
  assert.throws(() => vault.open(sealed, place), /ENCRYPTION_KEY does not hold/)
  const both = createVault([key, formerKey])
  assert.equal(both.open(sealed, place), text)
  assert.ok(!both.isCurrent(sealed))
  const anew = both.seal(text, place)
  assert.ok(both.isCurrent(anew))
  assert.equal(vault.open(anew, place), text)
})

test('a key that is listed behind the one in use opens what other processes seal by it', () => {
  const ahead = createVault([key, formerKey]).seal(text, place)
  assert.equal(createVault([formerKey, key]).open(ahead, place), text)
})

test('the beginning of a sealed value tells its key, and of the key nothing', () => {
  const sealed = vault.seal(text, place)
  assert.deepEqual(sealed.subarray(0, sealHeadBytes), sealHeadOf(key))
  assert.notDeepEqual(sealHeadOf(key), sealHeadOf(formerKey))
  assert.ok(!Buffer.from(key, 'base64url').includes(sealHeadOf(key).subarray(1)))
})

test('no two values share a nonce, and the same text is never sealed alike', () => {
  const count = 20_000
  const nonces = new Set<string>()
  for (let index = 0; index < count; index += 1)
    nonces.add(vault.seal('Asthma', place).toString('hex', 9, 21))
  assert.equal(nonces.size, count)
})

test('nothing of the text can be seen in what is sealed, but how long it is', () => {
  const sealed = vault.seal(text, place)
  assert.ok(!sealed.includes('Penicillin'))
  assert.equal(sealed.length, 37 + Buffer.byteLength(text))
})

test('without a key there is no vault', () => {
  assert.throws(() => createVault([]))
})
