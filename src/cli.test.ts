import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { record } from '#src/audit/audit.ts'
import { sealNext } from '#src/audit/seal.ts'
import { registered, signIn } from '#test/support/account.ts'
import { call } from '#test/support/network.ts'
import { giveSecondFactor } from '#test/support/signing-in.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime, databaseUrl } = await testVisita()
const directory = await mkdtemp(join(tmpdir(), 'visita-cli-'))

after(() => rm(directory, { recursive: true, force: true }))

interface Ended {
  code: number
  output: string
  errors: string
}

/** Runs a command as an operator does, beside the server of this test. */
function command(...words: string[]): Promise<Ended> {
  const { tokenSigningKey, encryptionKey } = runtime.config
  return commandWith(
    {
      DATABASE_URL: databaseUrl,
      PUBLIC_URL: 'http://visita.test',
      TOKEN_SIGNING_KEY: tokenSigningKey!,
      ENCRYPTION_KEY: encryptionKey!,
    },
    ...words,
  )
}

function commandWith(env: Record<string, string>, ...words: string[]): Promise<Ended> {
  const cli = resolve(import.meta.dirname, 'cli.ts')
  const { PATH = '' } = process.env
  return new Promise((done) => {
    execFile(
      process.execPath,
      [cli, ...words],
      { cwd: directory, env: { PATH, DATA_DIR: directory, ...env } },
      (error, output, errors) =>
        done({ code: error === null ? 0 : Number(error.code), output, errors }),
    )
  })
}

test('the operator signs an account out everywhere', async () => {
  const { email, as } = await registered()
  await signIn(email)
  const { code, output, errors } = await command('end-sessions', email.toUpperCase())
  assert.equal(code, 0, errors)
  assert.match(output, /is signed out: 2 sessions have ended\./)
  assert.equal((await call(app, 'GET /auth/me', { as })).status, 401)
  assert.match((await command('end-sessions', email)).output, /was signed in nowhere/)
})

test('the operator takes a lost second factor away, and says so where there is none', async () => {
  const { accountId, email } = await registered()
  await giveSecondFactor(runtime, { accountIds: [accountId], isConfirmed: true })
  assert.equal((await signIn(email)).body.type, '/problems/second-factor-needed')
  const { code, output, errors } = await command('reset-second-factor', email)
  assert.equal(code, 0, errors)
  assert.match(output, /has no second factor any more and is signed out/)
  assert.equal((await signIn(email)).status, 200)
  const again = await command('reset-second-factor', email)
  assert.equal(again.code, 1)
  assert.match(again.errors, /has no second factor\. Nothing was changed/)
})

test('the operator hands over a link to a new password, which alone goes to standard output', async () => {
  const { email } = await registered()
  const { code, output, errors } = await command('send-reset-link', email)
  assert.equal(code, 0, errors)
  assert.match(output, /^http:\/\/visita\.test\/reset-password#[\w-]{65}\n$/)
  assert.match(errors, /Good once, until .* It is not mailed, since no mail is set up\./)
  const body = { token: new URL(output.trim()).hash.slice(1), password: 'nine dry otters nap' }
  assert.equal((await call(app, 'POST /auth/reset-password', { body })).status, 204)
  assert.equal((await signIn(email, body.password)).status, 200)
})

test('what the operator does for an account is audited without its address', async () => {
  const { accountId, email } = await registered()
  await command('send-reset-link', email)
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['actor_id', 'details'])
    .where('action', '=', 'account.reset-link')
    .where('subject_id', '=', accountId)
    .execute()
  assert.deepEqual(rows, [{ actor_id: null, details: {} }])
})

test('an address that no active account has is refused in a sentence, and a wrong call by its usage', async () => {
  const unknown = await command('send-reset-link', 'nobody@example.org')
  assert.equal(unknown.code, 1)
  assert.equal(unknown.output, '')
  assert.match(unknown.errors, /^There is no active account with .* Check how it is written\.\n$/)
  for (const words of [
    ['end-sessions'],
    ['send-reset-link', 'a@example.org', 'b@example.org'],
    ['reset-second-factor'],
    ['rotate-key'],
    ['rotate-key', 'house'],
    ['reencrypt', 'all'],
    ['audit'],
    ['audit', 'verify', '--expect', 'abc'],
    ['audit', 'verify', '--expected', 'abc'],
    ['no-such-command'],
    ['toString'],
    ['constructor'],
    ['make-secret', '--email', 'a@example.org'],
    ['end-sessions', 'a@example.org', '--drop-unused'],
    ['reencrypt', '--expect', 'a'.repeat(64)],
  ]) {
    const { code, output, errors } = await command(...words)
    assert.deepEqual([words.join(' '), code, output], [words.join(' '), 2, ''])
    assert.doesNotMatch(errors, /\n +at /)
  }
})

test('the audit is verified, also against hashes that were noted before', async () => {
  while ((await sealNext(runtime)) > 0);
  const whole = await command('audit', 'verify')
  assert.equal(whole.code, 0, whole.errors)
  assert.match(whole.output, /audit rows in \d+ seals are as they were sealed/)
  const elsewhere = await command('audit', 'verify', '--expect', 'a'.repeat(64))
  assert.equal(elsewhere.code, 1)
  assert.match(elsewhere.errors, /Keep the database as it is/)
  const [, hash] = /newest hash is ([0-9a-f]{64})/.exec(whole.output)!
  const both = await command('audit', 'verify', '--expect', hash!, '--expect', 'b'.repeat(64))
  assert.deepEqual([both.code, both.errors.includes(hash!)], [1, false])
  assert.match(both.errors, /No seal has the hash b{64}/)
})

test('rows that nobody has sealed for a minute are no whole audit', async () => {
  while ((await sealNext(runtime)) > 0);
  const clock = () => runtime.clock() - 90_000
  const context = { clock, actor: null, requestId: 'test' }
  await record(context, runtime.db, { action: 'test.read', subjectType: 'test', subjectId: null })
  const { code, errors } = await command('audit', 'verify')
  assert.equal(code, 1)
  assert.match(errors, /^Rows since .* are not sealed/)
})

test('a key from the environment is printed as it is to be set, and everything is encrypted anew by it', async () => {
  const { code, output, errors } = await command('rotate-key', 'encryption')
  assert.equal(code, 0, errors)
  const former = runtime.config.encryptionKey!
  const [first, then] = output.trim().split('\n')
  const fresh = then!.slice('ENCRYPTION_KEY='.length).split(',')[0]!
  assert.equal(first, `ENCRYPTION_KEY=${former},${fresh}`)
  assert.equal(then, `ENCRYPTION_KEY=${fresh},${former}`)
  assert.match(errors, /npm run visita -- reencrypt/)
  const done = await command('reencrypt')
  assert.equal(done.code, 0, done.errors)
  assert.match(done.output, /second factors: \d+ of \d+ encrypted anew\./)
})

test('a key of its own is changed in its file, and the former one stays behind it', async () => {
  const read = async () =>
    JSON.parse(await readFile(join(directory, 'secrets.json'), 'utf8')).TOKEN_SIGNING_KEY.split(',')
  assert.equal((await commandWith({}, 'rotate-key', 'token-signing')).code, 0)
  const before = await read()
  const { code, output, errors } = await commandWith({}, 'rotate-key', 'token-signing')
  assert.equal(code, 0, errors)
  assert.match(output, /TOKEN_SIGNING_KEY has 3 keys now, the new one first/)
  assert.match(errors, /Restart every process/)
  assert.deepEqual((await read()).slice(1), before)
})
