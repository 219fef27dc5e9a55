// The demo as a newcomer runs it: the real command on free ports, asked over HTTP and SQL.

import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { makeNetwork, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { readOptions } from './options.ts'
import { ensureNetwork } from './seed.ts'
import { signIns } from './sign-ins.ts'

const execute = promisify(execFile)

interface Announced {
  url: string
  pid: number
  signIns: { role: string; email: string; password: string }[]
  databaseUrl: string
  mailboxUrl: string
}

interface Demo {
  child: ChildProcess
  /** All that it has printed. */
  output: () => string
  errors: () => string
}

const children = new Set<ChildProcess>()

let temporaryDirectory: string | undefined

/** The folder in which the demos make what they throw away. */
function temporary(): string {
  assert.ok(temporaryDirectory)
  return temporaryDirectory
}

before(async () => {
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'visita-demo-test-'))
  // Started by root, the database runs as another user, who passes through here.
  await chmod(temporaryDirectory, 0o711)
})

after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(temporary(), { recursive: true, force: true })
})

/** What a developer's shell may have set for other databases, and must not matter. */
const foreignSettings = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/elsewhere',
  PORT: 'none',
  PGSSLMODE: 'require',
  PGPORT: '1',
}

function run(...parameters: string[]): Demo {
  const child = spawn(process.execPath, ['demo/main.ts', ...parameters], {
    cwd: resolve(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...foreignSettings, TMPDIR: temporary() },
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const [output, errors] = [child.stdout, child.stderr].map((stream) => {
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    return () => text
  })
  return { child, output: output!, errors: errors! }
}

/** Waits until the demo has printed something that ends so. */
async function printed(demo: Demo, end: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const ended = once(demo.child, 'exit', { signal }).then(
    () => assert.fail(`The demo ended: ${demo.errors()}`),
    () => assert.fail(`The demo did not get ready: ${demo.output()}${demo.errors()}`),
  )
  while (!demo.output().endsWith(end))
    await Promise.race([once(demo.child.stdout!, 'data', { signal }), ended])
}

async function runForScripts(...parameters: string[]): Promise<Demo & Announced> {
  const demo = run('--json', '--port', '0', ...parameters)
  await printed(demo, '\n')
  // The tests below look at each field.
  return { ...demo, ...(JSON.parse(demo.output()) as Announced) }
}

async function ask(
  demo: Announced,
  path: string,
  { token, body }: { token?: string; body?: object } = {},
): Promise<{ status: number; body: AnswerBody }> {
  const answer = await fetch(`${demo.url}/api/v1${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
  })
  return { status: answer.status, body: await answer.json() }
}

async function signIn(demo: Announced, role: string, which = 0): Promise<AnswerBody> {
  const { email, password } = demo.signIns.filter((one) => one.role === role)[which]!
  const answer = await ask(demo, '/auth/login', { body: { email, password } })
  assert.equal(answer.status, 200, `${email} signs in`)
  return answer.body
}

/** The last of the slots that is on no day on which one of these people has a visit. */
async function suitable(
  demo: Announced,
  slots: AnswerBody[],
  tokens: string[],
): Promise<AnswerBody> {
  const dates = new Set<string>()
  for (const token of tokens) {
    const { body } = await ask(demo, '/appointments?limit=100', { token })
    for (const { startsAt } of body.items) dates.add(startsAt.slice(0, 10))
  }
  const slot = slots.findLast(({ startsAt }) => !dates.has(startsAt.slice(0, 10)))
  assert.ok(slot, 'there is an open time')
  return slot
}

async function select(demo: Announced, statement: string): Promise<AnswerBody[]> {
  const client = new pg.Client({ connectionString: demo.databaseUrl, ssl: false })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

async function exitOf(demo: Demo): Promise<number | null> {
  if (demo.child.exitCode === null && demo.child.signalCode === null) await once(demo.child, 'exit')
  return demo.child.exitCode
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('the demo, from its first line to its end', async (t) => {
  const demo = await runForScripts()

  await t.test('its one line names the process that serves and everyone who can sign in', () => {
    assert.equal(demo.pid, demo.child.pid)
    assert.equal(demo.output().trimEnd().split('\n').length, 1)
    assert.deepEqual(
      demo.signIns,
      signIns.map(({ role, email, password }) => ({ role, email, password })),
    )
    const roles = demo.signIns.map(({ role }) => role)
    assert.deepEqual([...new Set(roles)].sort(), ['admin', 'doctor', 'front_desk', 'patient'])
    assert.ok(roles.filter((role) => role === 'patient').length >= 2)
  })

  await t.test('everyone it names can sign in with what belongs to the role', async () => {
    const { body: clinics } = await ask(demo, '/clinics')
    assert.equal(clinics.items.length, 3)
    assert.equal((await signIn(demo, 'admin')).account.role, 'admin')
    const desk = await signIn(demo, 'front_desk')
    assert.equal(desk.account.clinicIds.length, 1)
    const doctor = await signIn(demo, 'doctor')
    assert.ok(doctor.account.doctorId)
    const patient = await signIn(demo, 'patient')
    assert.ok(patient.account.patientId)
    for (const { accessToken: token } of [desk, doctor, patient]) {
      const visits = await ask(demo, '/appointments', { token })
      assert.ok(visits.body.items.length > 1, 'there are visits to look at')
    }
  })

  await t.test(
    'a time that one patient books is refused to another, who is told of others',
    async () => {
      const found = await ask(demo, '/doctors?specialty=cardiology&limit=100')
      assert.equal(found.body.items.length, 3)
      const [doctor] = found.body.items
      const { body } = await ask(demo, `/doctors/${doctor.id}/availability`)
      const { accessToken: first } = await signIn(demo, 'patient', 0)
      const { accessToken: second } = await signIn(demo, 'patient', 1)
      const slots = body.days.flatMap((day: AnswerBody) => day.slots)
      const slot = await suitable(demo, slots, [first, second])
      const wish = { slotId: slot.id }
      const booked = await ask(demo, '/appointments', { token: first, body: wish })
      assert.equal(booked.status, 201, JSON.stringify(booked.body))
      assert.equal(booked.body.startsAt, slot.startsAt)
      const refused = await ask(demo, '/appointments', { token: second, body: wish })
      assert.equal(refused.status, 409)
      assert.equal(refused.body.type, '/problems/slot-taken')
      assert.ok(refused.body.alternatives.length > 0)
      assert.ok(refused.body.otherDoctors.length > 0)
    },
  )

  await t.test(
    'its first patient has a child with visits, and both a medical history',
    async () => {
      const { accessToken: token, account } = await signIn(demo, 'patient')
      const { body } = await ask(demo, `/patients/${account.patientId}/dashboard`, { token })
      const [child] = body.family
      assert.equal(child.name, 'Mila Vogelsang')
      assert.match(child.nextVisit.status, /^(confirmed|requested)$/)
      for (const [id, kinds] of [
        [account.patientId, ['allergy', 'condition', 'medicine']],
        [child.id, ['allergy', 'note']],
      ]) {
        const history = await ask(demo, `/patients/${id}/medical-history`, { token })
        assert.deepEqual(history.body.items.map(({ kind }: AnswerBody) => kind).toSorted(), kinds)
      }
    },
  )

  await t.test(
    'its mails are read in a mailbox of its own, and their set-up is no warning',
    async () => {
      assert.equal(demo.mailboxUrl, `${demo.url}/dev/mail`)
      const mailbox = await fetch(demo.mailboxUrl)
      assert.equal(mailbox.status, 200)
      assert.match(await mailbox.text(), /Mailbox of the demo/)
      const { checks } = (await (await fetch(`${demo.url}/readyz`)).json()) as AnswerBody
      const mail = checks.find(({ name }: AnswerBody) => name === 'mail')
      assert.deepEqual(mail, {
        name: 'mail',
        status: 'ok',
        detail: 'E-mail goes by a mailbox in memory.',
      })
    },
  )

  await t.test('no calendar is claimed twice, and every visit has its claims', async () => {
    const overlaps = await select(
      demo,
      `select one.calendar_id from claim one join claim other
         on one.calendar_id = other.calendar_id and one.ctid < other.ctid
         and one.during && other.during`,
    )
    assert.deepEqual(overlaps, [])
    const unclaimed = await select(
      demo,
      `select id from appointment
       where status <> 'cancelled' and (
         select count(*) from claim where appointment_id = appointment.id
           and during @> tstzrange(starts_at, ends_at)
       ) <> case when room_id is null then 2 else 3 end`,
    )
    assert.deepEqual(unclaimed, [])
    const [counts] = await select(
      demo,
      `select (select count(*)::integer from doctor) as doctors,
         (select count(*)::integer from specialty) as specialties,
         (select count(distinct time_zone)::integer from clinic) as zones,
         (select count(*)::integer from appointment where starts_at > now()) as coming`,
    )
    const { coming, ...rest } = counts
    assert.deepEqual(rest, { doctors: 24, specialties: 10, zones: 2 })
    assert.ok(coming >= 200, `${coming} visits are to come`)
  })

  await t.test('another one on its port is told which to take instead', async () => {
    const port = Number(new URL(demo.url).port)
    const other = run('--port', String(port))
    assert.equal(await exitOf(other), 1)
    assert.match(other.errors(), new RegExp(`port ${port} of .* in use.*--port \\d+`))
    assert.equal(other.output(), '')
  })

  await t.test('told to stop, it leaves no process and no file behind', async () => {
    const directory = /host=([^&]*)/.exec(demo.databaseUrl)![1]!
    const [serverPid] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')
    assert.ok(isRunning(Number(serverPid)))
    demo.child.kill('SIGTERM')
    assert.equal(await exitOf(demo), 0)
    assert.equal(isRunning(Number(serverPid)), false)
    assert.deepEqual(await readdir(temporary()), [])
    assert.equal(demo.errors(), '')
  })
})

test('the command that it prints books, and is refused when it is pasted again', async (t) => {
  if (
    await execute('curl', ['--version']).then(
      () => false,
      () => true,
    )
  ) {
    t.skip('there is no curl here')
    return
  }
  const demo = run('--port', '0')
  await printed(demo, 'thrown away then.\n')
  for (const { email, password } of signIns) {
    const line = demo
      .output()
      .split('\n')
      .find((one) => one.includes(email))
    assert.ok(line?.includes(password), `${email} is listed`)
  }
  const command = /^curl [^]*?\n\n/m.exec(demo.output())![0]
  const paste = async () => JSON.parse((await execute('/bin/sh', ['-c', command])).stdout)
  const booked = await paste()
  assert.equal(booked.status, 'confirmed', JSON.stringify(booked))
  assert.equal((await paste()).type, '/problems/slot-taken')
  demo.child.kill('SIGINT')
  demo.child.kill('SIGINT')
  assert.equal(await exitOf(demo), 0)
})

test('kept data goes on after kill -9: the bookings, the same sign-ins, nothing filled in again', async () => {
  const directory = join(temporary(), 'kept')
  const first = await runForScripts('--data', directory)
  const { accessToken: token } = await signIn(first, 'patient')
  const { body: slots } = await ask(first, '/slots?specialty=psychotherapy&limit=100')
  const wish = { slotId: (await suitable(first, slots.items, [token])).id }
  const booked = await ask(first, '/appointments', { token, body: wish })
  assert.equal(booked.status, 201, JSON.stringify(booked.body))
  const counting = 'select (select count(*) from appointment), (select count(*) from patient)'
  const before = await select(first, counting)
  first.child.kill('SIGKILL')
  await exitOf(first)

  const second = await runForScripts('--data', directory)
  assert.deepEqual(await select(second, counting), before)
  // The secrets are kept too, so that an old access token is still good.
  const found = await ask(second, `/appointments/${booked.body.id}`, { token })
  assert.equal(found.body.status, booked.body.status)
  await signIn(second, 'patient')
  second.child.kill('SIGTERM')
  assert.equal(await exitOf(second), 0)
  assert.ok(existsSync(join(directory, 'postgres')))
})

test('a database that is not a demo’s is left alone', async () => {
  const { runtime } = await testVisita()
  await makeNetwork(runtime)
  await assert.rejects(ensureNetwork(runtime), /holds the database of a real Visita/)
  const strangers = await runtime.db
    .selectFrom('account')
    .select('email')
    .where(
      'email',
      'in',
      signIns.map(({ email }) => email),
    )
    .execute()
  assert.deepEqual(strangers, [])
})

test('a parameter that is wrong is refused with what would be right', () => {
  assert.throws(() => readOptions(['--port', '70000']), /--port takes a number from 0 to 65535/)
  assert.throws(() => readOptions(['--data', '']), /--data takes the path of a directory/)
  assert.throws(() => readOptions(['--verbose']), /--verbose[^]*npm run demo -- --port/)
  const options = readOptions(['--port', '0', '--data', '/srv/demo', '--json'])
  assert.deepEqual(options, { json: true, help: false, port: 0, dataDirectory: '/srv/demo' })
})
