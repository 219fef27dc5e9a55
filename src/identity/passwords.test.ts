import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { commonPasswords } from './common-passwords.ts'
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts'

const owner = { email: 'anna.berg@example.org', name: 'Anna Berg', network: 'North Clinics' }

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

test('a password has 8 to 128 characters, counted as people do', async () => {
  assert.match((await passwordProblem('1x2y3z4', owner)) ?? '', /8 to 128/)
  assert.equal(await passwordProblem('1x2y3z4w', owner), null)
  assert.equal(await passwordProblem('🐎🐸🦉🐟🐝🦔🐇🐈', owner), null)
  assert.match((await passwordProblem('🐎🐸🦉🐟', owner)) ?? '', /8 to 128/)
  const long = 'four wet herons wait, '.repeat(6).slice(0, 128)
  assert.equal(await passwordProblem(long, owner), null)
  assert.match((await passwordProblem(`${long}c`, owner)) ?? '', /8 to 128/)
})

test("a password that is its owner's e-mail address or name is refused", async () => {
  assert.match((await passwordProblem('Anna.Berg@example.org', owner)) ?? '', /owner/)
  assert.match((await passwordProblem('anna.berg', owner)) ?? '', /owner/)
  assert.match((await passwordProblem('ANNA BERG', owner)) ?? '', /owner/)
})

test('a password that is guessed first is refused in any case of its letters', async () => {
  for (const password of [
    'password123',
    'PassWord1',
    'qwertyuiop',
    'P@ssw0rd',
    'zzzzzzzzzzzz',
    'Welcome2026',
    '12341234',
    'qwertyQWERTY',
    'ABCDEFGHIJ',
    '9876543210',
    'michelle',
    'welcome@123',
  ])
    assert.match((await passwordProblem(password, owner)) ?? '', /guessed first/, password)
  for (const password of ['abcdefgi', '1x2y3z4w', 'otters nap', 'qwertyqwertz'])
    assert.equal(await passwordProblem(password, owner), null, password)
  // ASVS 6.2.4 asks for the first 3000 that are long enough.
  const common = await commonPasswords()
  assert(common.size >= 15_000)
  for (const password of common)
    assert(password.length >= 8 && password === password.toLowerCase(), password)
})

test('the names that stand on every page are no password, whatever digits and signs are around them', async () => {
  for (const password of [
    'visita2026',
    'Visita!!1',
    'north clinics',
    'NorthClinics#1',
    'visita-visita',
  ])
    assert.match((await passwordProblem(password, owner)) ?? '', /name of this place/, password)
  assert.equal(await passwordProblem('visita of wet herons', owner), null)
  assert.equal(await passwordProblem('1x2y3z4w', { ...owner, network: '' }), null)
})

/** How many passwords are hashed in the course of the work. */
async function hashesIn(work: () => Promise<unknown>): Promise<number> {
  let count = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'ARGON2REQUEST') count += 1
    },
  }).enable()
  try {
    await work()
  } finally {
    hook.disable()
  }
  return count
}

test('for an account that does not exist, a password is hashed as for one that does', async () => {
  const stored = await hashPassword('four wet herons wait')
  assert.equal(await hashesIn(() => verifyPassword('not the password', stored)), 1)
  assert.equal(await hashesIn(() => verifyPassword('not the password', null)), 1)
})

test('the common passwords are loaded when the first one is chosen, and not before', async () => {
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context) } })
    const isLoaded = () => loaded.some((name) => name.startsWith('@zxcvbn-ts/'))
    const { passwordProblem } = await import(${JSON.stringify(new URL('passwords.ts', import.meta.url).href)})
    const before = isLoaded()
    await passwordProblem('four wet herons wait', ${JSON.stringify(owner)})
    process.stdout.write(JSON.stringify([before, isLoaded()]))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    program,
  ])
  assert.equal(stdout, '[false,true]')
})
