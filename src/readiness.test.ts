import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Senders } from '#src/delivery/delivery.ts'
import { createMailbox } from '#src/delivery/mailbox.ts'
import type { ReadinessCheck } from '#src/http/health.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { ownDatabase } from '#test/support/own-database.ts'
import { makePatient } from '#test/support/patient.ts'
import { skipEarlierNews, tellEverything } from '#test/support/told.ts'
import { testVisita } from '#test/support/visita.ts'
import { checkReadiness } from './readiness.ts'

const { runtime, app } = await testVisita()

const noSenders: Senders = { mail: null, sms: null }
const { senders } = createMailbox({ clock: runtime.clock, from: 'visits@visita.example' })

const now = Date.parse('2026-11-24T10:00:00Z')
const minute = 60_000

interface Waiting {
  dueAt: number
  attempts?: number
  channel?: 'email' | 'sms'
  status?: 'queued' | 'sent'
}

class Undone extends Error {}

/** What the check says when these messages and no others are in the ledger, which it leaves as it was. */
async function mailCheck(senders: Senders, waiting: Waiting[]): Promise<ReadinessCheck> {
  const { patientId } = await makePatient(runtime)
  let found: ReadinessCheck | undefined
  await runtime.db
    .transaction()
    .execute(async (db) => {
      await db.deleteFrom('notification').execute()
      for (const { dueAt, attempts = 0, channel = 'email', status = 'queued' } of waiting) {
        const id = newId()
        await db
          .insertInto('notification')
          .values({
            id,
            kind: 'account',
            channel,
            patient_id: patientId,
            side: 'patient' as const,
            topic: id,
            details: '{}',
            status,
            queued_at: formatUtc(now - 30 * minute),
            due_at: formatUtc(dueAt),
            attempts,
          })
          .execute()
      }
      const { checks } = await checkReadiness({ ...runtime, db, senders, clock: () => now })
      found = checks.find(({ name }) => name === 'mail')
      throw new Undone()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error
    })
  assert.ok(found)
  return found
}

test('mail that is not set up is a warning that names the variables, and what waits since when', async () => {
  const notSetUp =
    'E-mail is not set up: messages wait. Set MAIL_FROM and SMTP_URL or RESEND_API_KEY.'
  assert.deepEqual(await mailCheck(noSenders, []), {
    name: 'mail',
    status: 'warn',
    detail: notSetUp,
  })
  const waiting = [{ dueAt: now }, { dueAt: now + minute }, { dueAt: now, channel: 'sms' as const }]
  const { status, detail } = await mailCheck(noSenders, waiting)
  assert.equal(status, 'warn')
  assert.equal(detail, `${notSetUp} Waiting: 2, the oldest since 2026-11-24T09:30:00.000Z.`)
})

test('mail that gets away is fine, mail that is overdue or fails again and again is a warning', async () => {
  const fine = [
    { dueAt: now - 9 * minute },
    { dueAt: now + 60 * minute, attempts: 3 },
    // What was sent is due to be asked after, which nobody waits for.
    { dueAt: now - 60 * minute, status: 'sent' as const },
    { dueAt: now - 60 * minute, channel: 'sms' as const },
  ]
  assert.deepEqual(await mailCheck(senders, fine), {
    name: 'mail',
    status: 'ok',
    detail: 'E-mail goes by a mailbox in memory.',
  })
  for (const late of [{ dueAt: now - 11 * minute }, { dueAt: now + 5 * minute, attempts: 4 }]) {
    const { status, detail } = await mailCheck(senders, [...fine, late])
    assert.equal(status, 'warn')
    assert.match(detail, /Late: 1 of 3, the oldest since 2026-11-24T09:30:00.*send-test-mail/)
  }
})

test('a warning about mail stops nothing', async () => {
  const answer = await app.inject('/readyz')
  assert.equal(answer.statusCode, 200)
  assert.equal(answer.json<{ status: string }>().status, 'warn')
})

test('a warning says that nobody has been told what happened, until someone has', async () => {
  await skipEarlierNews()
  const check = async () =>
    (await checkReadiness(runtime)).checks.find(({ name }) => name === 'background work')!
  assert.equal((await check()).status, 'ok')
  await runtime.db
    .insertInto('event')
    .values({
      origin: newId(),
      type: 'doctor.schedule-changed',
      subjects: JSON.stringify({ doctorId: newId() }),
      actor_id: null,
      occurred_at: formatUtc(runtime.clock() - 180_000),
    })
    .execute()
  const waiting = await check()
  assert.equal(waiting.status, 'warn')
  assert.match(waiting.detail, /3 minutes ago.*npm run worker/)
  await tellEverything()
  assert.equal((await check()).status, 'ok')
})

test('a database role that could change entries of the audit, or their seals alone, is warned of', async (t) => {
  const { db, owner } = await ownDatabase(t)
  const { rows } = await owner.query("select current_setting('is_superuser') as answer")
  if (rows[0].answer === 'on') return t.skip('a superuser may change everything')
  const audit = async () => {
    const { checks } = await checkReadiness({ ...runtime, db })
    return checks.find(({ name }) => name === 'audit')?.status
  }
  assert.equal(await audit(), 'warn')
  await owner.query('revoke update, delete, truncate on audit_entry from current_user')
  assert.equal(await audit(), 'warn')
  await owner.query('revoke update, delete, truncate on audit_seal from current_user')
  assert.equal(await audit(), 'ok')
})
