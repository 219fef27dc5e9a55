import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { ConfigRefused, loadConfig, makeKeyCommand } from './config.ts'
import { secretKey } from './config-values.ts'
import { newKey, resolveSecrets, type Secrets } from './secrets.ts'

const run = promisify(execFile)

function dataDirectory(t: TestContext): string {
  const parent = fs.mkdtempSync(join(tmpdir(), 'visita-secrets-'))
  t.after(() => fs.rmSync(parent, { recursive: true }))
  return join(parent, 'data')
}

function resolveIn(directory: string, env: Record<string, string> = {}): Secrets {
  return resolveSecrets(loadConfig({ env: { DATA_DIR: directory, ...env }, envFile: null }))
}

function modeOf(path: string): number {
  return fs.statSync(path).mode & 0o777
}

function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigRefused) return error.message
    throw error
  }
  return assert.fail('it was not refused')
}

/** What many processes print that ask for the secrets at the same time. */
async function askAtOnce(directory: string, variables: string[]): Promise<string[]> {
  const program = `
    import { keptSecrets, newKey } from ${JSON.stringify(new URL('./secrets.ts', import.meta.url).href)}
    const kinds = ${JSON.stringify(variables)}.map((variable) => ({
      variable, check: (text) => text, make: newKey, makeCommand: '',
    }))
    process.stdout.write(JSON.stringify(keptSecrets(${JSON.stringify(directory)}, kinds)))`
  const processes = Array.from({ length: 8 }, () =>
    run(process.execPath, ['--input-type=module', '--eval', program]),
  )
  return (await Promise.all(processes)).map(({ stdout }) => stdout)
}

test('a missing secret is made once, kept for its owner alone, and read afterwards', (t) => {
  const directory = dataDirectory(t)
  const first = resolveIn(directory)
  assert.equal(secretKey(first.tokenSigningKey), first.tokenSigningKey)
  assert.equal(modeOf(join(directory, 'secrets.json')), 0o600)
  assert.equal(modeOf(directory) & 0o066, 0)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
  assert.deepEqual(resolveIn(directory), first)
})

test('two data directories never get the same secret', (t) => {
  assert.notDeepEqual(resolveIn(dataDirectory(t)), resolveIn(dataDirectory(t)))
})

test('a secret from the environment is used, and nothing is written', (t) => {
  const directory = dataDirectory(t)
  const key = newKey()
  assert.equal(resolveIn(directory, { TOKEN_SIGNING_KEY: key }).tokenSigningKey, key)
  assert.ok(!fs.existsSync(directory))
})

test('processes that start at once agree on the secrets', async (t) => {
  const directory = dataDirectory(t)
  const answers = await askAtOnce(directory, ['ONE', 'TWO'])
  assert.equal(new Set(answers).size, 1)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
})

test('processes that add a further secret at once agree on it and keep the first', async (t) => {
  const directory = dataDirectory(t)
  const { tokenSigningKey } = resolveIn(directory)
  const answers = await askAtOnce(directory, ['TOKEN_SIGNING_KEY', 'FURTHER'])
  assert.equal(new Set(answers).size, 1)
  assert.equal(JSON.parse(answers[0]!).TOKEN_SIGNING_KEY, tokenSigningKey)
  assert.equal(resolveIn(directory).tokenSigningKey, tokenSigningKey)
  assert.equal(modeOf(join(directory, 'secrets.json')), 0o600)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
})

test('secrets that others may read are refused with the command that mends it', (t) => {
  const directory = dataDirectory(t)
  resolveIn(directory)
  const path = join(directory, 'secrets.json')
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    fs.chmodSync(path, mode)
    const message = refusalOf(() => resolveIn(directory))
    assert.ok(message.endsWith(`run chmod 600 ${path}.`), message)
    assert.doesNotMatch(message, /\n/)
  }
  fs.chmodSync(path, 0o600)
  resolveIn(directory)
})

test('damaged or weak secrets are refused, not shown and not replaced', (t) => {
  const directory = dataDirectory(t)
  resolveIn(directory)
  const path = join(directory, 'secrets.json')
  const weak = Buffer.alloc(32, 7).toString('base64url')
  const contents = ['', '{"TOKEN_SIGNING_KEY": "sesame', '[]', 'null', '{"TOKEN_SIGNING_KEY":7}']
  for (const content of [...contents, JSON.stringify({ TOKEN_SIGNING_KEY: weak })]) {
    fs.writeFileSync(path, content)
    const message = refusalOf(() => resolveIn(directory))
    assert.doesNotMatch(message, new RegExp(`\n|sesame|${weak}`))
    assert.equal(fs.readFileSync(path, 'utf8'), content)
  }
})

test('a data directory that cannot be used is refused by name', (t) => {
  const directory = dataDirectory(t)
  fs.writeFileSync(directory, '')
  assert.match(
    refusalOf(() => resolveIn(directory)),
    /^DATA_DIR: .* cannot be read or written \(\w+\); .*for example/,
  )
})

test('with a database server a missing secret stops the start and says how to make one', (t) => {
  const directory = dataDirectory(t)
  const message = refusalOf(() =>
    resolveIn(directory, { DATABASE_URL: 'postgres://app:hunter2@db/visita' }),
  )
  assert.equal(
    message,
    `TOKEN_SIGNING_KEY: it is missing, and with DATABASE_URL it must come from the environment; make one with ${makeKeyCommand}.`,
  )
  assert.ok(!fs.existsSync(directory))
})

test('the command that the refusals name makes a key that is accepted', async () => {
  const { stdout } = await promisify(execFile)('sh', ['-c', makeKeyCommand])
  assert.equal(secretKey(stdout.trim()), stdout.trim())
})
