import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { createLinkSigner, type LinkPurpose } from './link-signer.ts'

const purposes: LinkPurpose[] = [
  'view',
  'cancel',
  'move',
  'confirm',
  'offer',
  'claim',
  'invitation',
  'calendar',
]
const signingKey = randomBytes(32).toString('base64url')
const signer = createLinkSigner([signingKey])
const id = newId()

test('a token tells its id to its purpose, and to no other one', () => {
  for (const purpose of purposes) {
    const token = signer.tokenOf(purpose, id)
    assert.match(token, /^[\w-]{65}$/)
    for (const other of purposes)
      assert.equal(signer.idOf(other, token), other === purpose ? id : null)
  }
})

test('the same id and purpose have the same token in every process, and others have others', () => {
  const again = createLinkSigner([signingKey])
  const ids = [id, newId(), newId()]
  const tokens = ids.flatMap((one) => purposes.map((purpose) => signer.tokenOf(purpose, one)))
  assert.equal(new Set(tokens).size, tokens.length)
  assert.deepEqual(
    ids.flatMap((one) => purposes.map((purpose) => again.tokenOf(purpose, one))),
    tokens,
  )
})

test('a token with any one bit changed is none', () => {
  const token = signer.tokenOf('cancel', id)
  const [packed, secret] = [token.slice(0, 22), token.slice(22)]
  for (const [part, rest] of [
    [packed, (changed: string) => changed + secret],
    [secret, (changed: string) => packed + changed],
  ] as const) {
    const bytes = Buffer.from(part, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(signer.idOf('cancel', rest(changed.toString('base64url'))), null)
    }
  }
})

test('a token of another length, with other symbols, or of another id is none', () => {
  const token = signer.tokenOf('view', id)
  const other = signer.tokenOf('view', newId())
  for (const wrong of [
    '',
    token.slice(0, -1),
    token.slice(1),
    `${token}A`,
    `${token}\n`,
    ` ${token}`,
    `${token.slice(0, -1)}=`,
    `${token.slice(0, -1)}+`,
    token.slice(0, 22),
    token.slice(0, 22) + other.slice(22),
    other.slice(0, 22) + token.slice(22),
    'A'.repeat(65),
  ])
    assert.equal(signer.idOf('view', wrong), null, JSON.stringify(wrong))
})

test('a token is written in one way: its unused bits are as they were made', () => {
  const token = signer.tokenOf('view', id)
  const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 43 symbols have two bits more than 32 bytes.
  const last = symbols.indexOf(token.at(-1)!)
  const respelled = token.slice(0, -1) + symbols[(last & ~3) | ((last + 1) & 3)]
  assert.notEqual(respelled, token)
  assert.equal(signer.idOf('view', respelled), null)
})

test('a token of another key is none', () => {
  const others = createLinkSigner([randomBytes(32).toString('base64url')])
  for (const purpose of purposes) {
    assert.equal(signer.idOf(purpose, others.tokenOf(purpose, id)), null)
    assert.notDeepEqual(others.secretsOf(purpose, id), signer.secretsOf(purpose, id))
  }
})
