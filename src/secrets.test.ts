import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { ConfigRefused, loadConfig, makeKeyCommand } from './config.ts'
import { secretKey } from './config-values.ts'
import {
  dropFormerKeys,
  keyNames,
  newKey,
  resolveSecrets,
  rotateKey,
  type KeyChange,
  type Secrets,
} from './secrets.ts'

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
async function askAtOnce(directory: string): Promise<string[]> {
  const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)
  const program = `
    import { loadConfig } from ${at('./config.ts')}
    import { resolveSecrets } from ${at('./secrets.ts')}
    const env = { DATA_DIR: ${JSON.stringify(directory)} }
    process.stdout.write(JSON.stringify(resolveSecrets(loadConfig({ env, envFile: null }))))`
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
  const env = { TOKEN_SIGNING_KEY: key, ENCRYPTION_KEY: newKey() }
  assert.equal(resolveIn(directory, env).tokenSigningKey, key)
  assert.ok(!fs.existsSync(directory))
})

test('processes that start at once agree on the secrets', async (t) => {
  const directory = dataDirectory(t)
  const answers = await askAtOnce(directory)
  assert.equal(new Set(answers).size, 1)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
})

test('processes that add a further secret at once agree on it and keep the first', async (t) => {
  const directory = dataDirectory(t)
  const { tokenSigningKey, encryptionKey } = resolveIn(directory)
  const kept = JSON.stringify({ TOKEN_SIGNING_KEY: tokenSigningKey })
  fs.writeFileSync(join(directory, 'secrets.json'), kept)
  const answers = await askAtOnce(directory)
  assert.equal(new Set(answers).size, 1)
  const agreed = JSON.parse(answers[0]!)
  assert.equal(agreed.tokenSigningKey, tokenSigningKey)
  assert.notEqual(agreed.encryptionKey, encryptionKey)
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
    ['TOKEN_SIGNING_KEY', 'ENCRYPTION_KEY']
      .map(
        (name) =>
          `${name}: it is missing, and with DATABASE_URL it must come from the environment; make one with ${makeKeyCommand}.`,
      )
      .join('\n'),
  )
  assert.ok(!fs.existsSync(directory))
})

test('the command that the refusals name makes a key that is accepted', async () => {
  const { stdout } = await promisify(execFile)('sh', ['-c', makeKeyCommand])
  assert.equal(secretKey(stdout.trim()), stdout.trim())
})

function configIn(directory: string, env: Record<string, string> = {}) {
  return loadConfig({ env: { DATA_DIR: directory, ...env }, envFile: null })
}

/** What is told of a change and holds no key. */
function shapeOf({ valueToSet, valueToSetFirst, ...rest }: KeyChange) {
  assert.equal(valueToSet, null)
  assert.equal(valueToSetFirst, null)
  return rest
}

test('a new key comes first in the file, and those before it are still accepted', (t) => {
  const directory = dataDirectory(t)
  const path = join(directory, 'secrets.json')
  const first = resolveIn(directory)
  const change = rotateKey(configIn(directory), 'encryption')
  assert.deepEqual(shapeOf(change), {
    variable: 'ENCRYPTION_KEY',
    path,
    keyCount: 2,
    droppedCount: 0,
  })
  const [current, ...former] = resolveIn(directory).encryptionKey.split(',')
  assert.deepEqual(former, [first.encryptionKey])
  assert.equal(secretKey(current!), current)
  assert.equal(resolveIn(directory).tokenSigningKey, first.tokenSigningKey)
  assert.equal(modeOf(path), 0o600)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
  assert.ok(!JSON.stringify(change).includes(current!))
})

test('of signing keys the last three are kept, of encryption keys all', (t) => {
  const directory = dataDirectory(t)
  const made = { tokenSigningKey: new Array<string>(), encryptionKey: new Array<string>() }
  let change: KeyChange | undefined
  for (let count = 0; count < 5; count += 1) {
    if (count > 0)
      for (const name of keyNames) {
        const result = rotateKey(configIn(directory), name)
        if (name === 'token-signing') change = result
      }
    const secrets = resolveIn(directory)
    for (const name of ['tokenSigningKey', 'encryptionKey'] as const)
      made[name].unshift(secrets[name].split(',')[0]!)
  }
  const secrets = resolveIn(directory)
  assert.deepEqual(secrets.tokenSigningKey.split(','), made.tokenSigningKey.slice(0, 3))
  assert.deepEqual(secrets.encryptionKey.split(','), made.encryptionKey)
  assert.deepEqual([change?.keyCount, change?.droppedCount], [3, 1])
})

test('former keys go when they are told to, the one in use never', (t) => {
  const directory = dataDirectory(t)
  for (let count = 0; count < 3; count += 1) rotateKey(configIn(directory), 'encryption')
  const keys = resolveIn(directory).encryptionKey.split(',')
  const some = dropFormerKeys(configIn(directory), 'encryption', (key) => key === keys[2])
  assert.deepEqual([some.keyCount, some.droppedCount], [2, 2])
  assert.deepEqual(resolveIn(directory).encryptionKey.split(','), [keys[0], keys[2]])
  dropFormerKeys(configIn(directory), 'encryption', () => false)
  assert.equal(resolveIn(directory).encryptionKey, keys[0])
  const none = dropFormerKeys(configIn(directory), 'encryption', () => false)
  assert.equal(none.droppedCount, 0)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
})

test('a key from the environment is left alone, and what to set is answered in both steps', (t) => {
  const directory = dataDirectory(t)
  const [present, former] = [newKey(), newKey()]
  const env = { TOKEN_SIGNING_KEY: `${present},${former}`, ENCRYPTION_KEY: present }
  const change = rotateKey(configIn(directory, env), 'token-signing')
  assert.deepEqual([change.path, change.keyCount, change.droppedCount], [null, 3, 0])
  const [fresh, ...rest] = change.valueToSet!.split(',')
  assert.deepEqual(rest, [present, former])
  assert.equal(change.valueToSetFirst, [present, former, fresh].join(','))
  for (const value of [change.valueToSet!, change.valueToSetFirst])
    assert.equal(resolveIn(directory, { ...env, TOKEN_SIGNING_KEY: value }).tokenSigningKey, value)
  const dropped = dropFormerKeys(configIn(directory, env), 'token-signing', () => false)
  assert.deepEqual([dropped.valueToSet, dropped.droppedCount], [present, 1])
  assert.ok(!fs.existsSync(directory))
})

test('with a database server and no key there is nothing to rotate, which is said', (t) => {
  const env = { DATABASE_URL: 'postgres://app:hunter2@db/visita' }
  const message = refusalOf(() => rotateKey(configIn(dataDirectory(t), env), 'encryption'))
  assert.match(message, /^TOKEN_SIGNING_KEY: it is missing/)
})

test('processes that rotate at once add a key each, and lose none', async (t) => {
  const directory = dataDirectory(t)
  const { encryptionKey, tokenSigningKey } = resolveIn(directory)
  const program = `
    import { rotateKey } from ${JSON.stringify(new URL('./secrets.ts', import.meta.url).href)}
    import { loadConfig } from ${JSON.stringify(new URL('./config.ts', import.meta.url).href)}
    rotateKey(loadConfig({ env: { DATA_DIR: ${JSON.stringify(directory)} }, envFile: null }), 'encryption')`
  await Promise.all(
    Array.from({ length: 6 }, () =>
      run(process.execPath, ['--input-type=module', '--eval', program], {
        cwd: new URL('..', import.meta.url),
      }),
    ),
  )
  const secrets = resolveIn(directory)
  const keys = secrets.encryptionKey.split(',')
  assert.equal(new Set(keys).size, 7)
  assert.equal(keys.at(-1), encryptionKey)
  assert.equal(secrets.tokenSigningKey, tokenSigningKey)
  assert.deepEqual(fs.readdirSync(directory), ['secrets.json'])
})
