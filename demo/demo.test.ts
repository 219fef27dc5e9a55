// The demo as a newcomer runs it: the real command on free ports, asked over HTTP and SQL.

import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { makeNetwork, type AnswerBody } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { readOptions } from './options.ts'
import { ensureNetwork } from './seed.ts'
import { signIns } from './sign-ins.ts'

interface Announced {
  url: string
  pid: number
  signIns: { role: string; email: string; password: string }[]
  databaseUrl: string
}

interface Demo {
  child: ChildProcess
  /** All that it has printed. */
  output: () => string
  errors: () => string
}

const children = new Set<ChildProcess>()

after(() => {
  for (const child of children) child.kill('SIGKILL')
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
    env: { ...process.env, ...foreignSettings },
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
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests below look at each field
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
  if (demo.child.exitCode === null && demo.child.signalCode === null)
    await once(demo.child, 'exit')
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

  await t.test('a time that one patient books is refused to another, who is told of others', async () => {
    const found = await ask(demo, '/doctors?specialty=cardiology&limit=100')
    assert.equal(found.body.items.length, 3)
    const [doctor] = found.body.items
    const { body } = await ask(demo, `/doctors/${doctor.id}/availability`)
    const slots = body.days.flatMap((day: AnswerBody) => day.slots)
    const slot = slots.at(-1)
    assert.ok(slot, 'there is an open time within two weeks')

    const { accessToken: first } = await signIn(demo, 'patient', 0)
    const { accessToken: second } = await signIn(demo, 'patient', 1)
    const wish = { slotId: slot.id }
    const booked = await ask(demo, '/appointments', { token: first, body: wish })
    assert.equal(booked.status, 201, JSON.stringify(booked.body))
    assert.equal(booked.body.startsAt, slot.startsAt)
    const refused = await ask(demo, '/appointments', { token: second, body: wish })
    assert.equal(refused.status, 409)
    assert.equal(refused.body.type, '/problems/slot-taken')
    assert.ok(refused.body.alternatives.length > 0)
    assert.ok(refused.body.otherDoctors.length > 0)
  })

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
    assert.match(other.errors(), new RegExp(`Port ${port} is in use.*--port \\d+`))
    assert.equal(other.output(), '')
  })

  await t.test('told to stop, it leaves no process and no file behind', async () => {
    const directory = new URL(demo.databaseUrl).searchParams.get('host')!
    assert.ok(existsSync(directory))
    const [{ pid }] = await select(
      demo,
      `select pg_read_file('postmaster.pid', 0, 1) is not null as pid`,
    ).catch(() => [{ pid: null }])
    assert.equal(pid, null, 'the owner of the tables does not read files')
    demo.child.kill('SIGTERM')
    assert.equal(await exitOf(demo), 0)
    assert.equal(existsSync(directory), false)
    assert.equal(existsSync(resolve(directory, '..')), false)
    assert.equal(demo.errors(), '')
  })
})
