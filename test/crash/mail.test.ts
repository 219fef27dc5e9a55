// What becomes of messages when the process that sends them is killed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { startMailServer } from '#test/support/mail-server.ts'
import { until } from '#test/support/race-servers.ts'
import { atSite, type Site } from './running-visita.ts'

/** How often the application is killed while it sends, and how many mails there are. */
const kills = Number(process.env['CRASH_TEST_MAIL_KILLS'] ?? 3)
const mailCount = 500

test('an application killed while it sends loses no mail, and what is sent again has the same Message-ID', async (t) => {
  const server = await startMailServer()
  const settings = { MAIL_FROM: 'Visita <visits@example.org>', SMTP_URL: server.url }
  try {
    await atSite(async (site) => {
      const first = await site.start()
      const ids = await queueMails(site)
      for (let kill = 1; kill <= kills; kill += 1) {
        const visita = kill === 1 ? first : await site.start()
        const enough = Math.round((mailCount * kill) / (kills + 1))
        await until('enough is sent', () => server.received.length >= enough)
        assert.equal(await visita.end('SIGKILL'), null)
        await endLeases(site)
      }
      const last = await site.start()
      const messageIds = () => new Set(server.received.map(({ email }) => email.messageId))
      await until('every mail came', () => messageIds().size >= mailCount)
      await allWrittenDown(site)
      assert.deepEqual(
        messageIds(),
        new Set(ids.map((id) => `<${id}@example.org>`)),
        'each mail has one Message-ID, of its row in the ledger',
      )
      t.diagnostic(`${kills} kills, ${server.received.length - mailCount} mails sent again`)
      assert.equal(await last.end('SIGTERM'), 0)
    }, settings)
  } finally {
    await server.close()
  }
})

/** Mails to as many accounts that wait to be sent; answers their ids. */
async function queueMails(site: Site): Promise<string[]> {
  const people = Array.from({ length: mailCount }, () => ({ accountId: newId(), id: newId() }))
  await site.withRuntime(async ({ runtime: { db, clock } }) => {
    const at = formatUtc(clock())
    await db
      .insertInto('account')
      .values(
        people.map(({ accountId }) => ({
          id: accountId,
          email: `${accountId}@example.org`,
          password_hash: 'none',
          name: 'Anna Berg',
          role: 'patient' as const,
          created_at: at,
        })),
      )
      .execute()
    await db
      .insertInto('notification')
      .values(
        people.map(({ accountId, id }) => ({
          id,
          kind: 'account' as const,
          channel: 'email' as const,
          account_id: accountId,
          side: 'patient' as const,
          topic: 'account:welcome',
          details: JSON.stringify({ notice: 'welcome' }),
          status: 'queued' as const,
          queued_at: at,
          due_at: at,
        })),
      )
      .execute()
  })
  return people.map(({ id }) => id)
}

/** The time after which another process takes over what one that died was sending. */
async function endLeases(site: Site): Promise<void> {
  await site.withRuntime(async ({ runtime: { db, clock } }) => {
    await db
      .updateTable('notification')
      .set({ due_at: formatUtc(clock()) })
      .where('status', '=', 'queued')
      .execute()
  })
}

async function allWrittenDown(site: Site): Promise<void> {
  await site.withRuntime(async ({ runtime: { db } }) => {
    await until('all is written down', async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::integer as count from notification where status <> 'sent'`.execute(db)
      return rows[0]!.count === 0
    })
  })
}
