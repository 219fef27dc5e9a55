import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commonPasswords } from './common-passwords.ts'
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts'

const owner = { email: 'anna.berg@example.org', name: 'Anna Berg' }

test('a password opens what it was stored for, and no other does', async () => {
  const stored = await hashPassword('four wet herons wait')
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  assert.equal(await verifyPassword('four wet herons wait', stored), true)
  assert.equal(await verifyPassword('four wet herons Wait', stored), false)
  assert.equal(await verifyPassword('', stored), false)
})

test('equal passwords are stored differently', async () => {
  assert.notEqual(await hashPassword('four wet herons'), await hashPassword('four wet herons'))
})

test('a password that another keyboard composes differently is the same', async () => {
  const stored = await hashPassword('Gr\u00fc\u00dfe aus K\u00f6ln')
  assert.equal(await verifyPassword('Gru\u0308\u00dfe aus Ko\u0308ln', stored), true)
})

test('for an account that does not exist, no password is right', async () => {
  assert.equal(await verifyPassword('four wet herons wait', null), false)
})

test('a hash with other parameters is still checked by its own', async () => {
  // A test vector of the reference implementation.
  const stored =
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await verifyPassword('password', stored), true)
  assert.equal(await verifyPassword('passwore', stored), false)
})

test('a damaged hash is a fault, not a wrong password', async () => {
  await assert.rejects(verifyPassword('four wet herons wait', '$argon2id$nonsense'), /damaged/)
})

test('a password has 8 to 128 characters, counted as people do', () => {
  assert.match(passwordProblem('1x2y3z4', owner) ?? '', /8 to 128/)
  assert.equal(passwordProblem('1x2y3z4w', owner), null)
  assert.equal(passwordProblem('🐎🐸🦉🐟🐝🦔🐇🐈', owner), null)
  assert.match(passwordProblem('🐎🐸🦉🐟', owner) ?? '', /8 to 128/)
  assert.equal(passwordProblem('ab'.repeat(64), owner), null)
  assert.match(passwordProblem(`${'ab'.repeat(64)}c`, owner) ?? '', /8 to 128/)
})

test("a password that is its owner's e-mail address or name is refused", () => {
  assert.match(passwordProblem('Anna.Berg@example.org', owner) ?? '', /owner/)
  assert.match(passwordProblem('anna.berg', owner) ?? '', /owner/)
  assert.match(passwordProblem('ANNA BERG', owner) ?? '', /owner/)
})

test('a password that is guessed first is refused in any case of its letters', () => {
  for (const password of ['password123', 'PassWord1', 'qwertyuiop', 'P@ssw0rd', 'zzzzzzzzzzzz'])
    assert.match(passwordProblem(password, owner) ?? '', /guessed first/)
  assert(commonPasswords.size >= 200)
  for (const password of commonPasswords)
    assert(password.length >= 8 && password === password.toLowerCase(), password)
})
