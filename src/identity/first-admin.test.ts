import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp } from '#src/app.ts'
import { connect, currentRole } from '#src/db/connect.ts'
import { migrate } from '#src/db/migrate.ts'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { call } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { createAdmin, firstAdminInvitation } from './first-admin.ts'

const password = 'four wet herons wait'

/** A network of its own, in a schema beside that of the other tests, without any account. */
async function emptyNetwork(schema: string) {
  const visita = await testVisita()
  const url = visita.databaseUrl
  await migrate({ url, schema, appRole: await currentRole(url) })
  const { db, pool } = connect({ url, schema, poolSize: 4, onLost() {} })
  const runtime = { ...visita.runtime, db }
  const app = await createApp(runtime)
  return {
    runtime,
    async register(email: string, invitationCode: string) {
      const body = { email, password, name: 'Ada Admin', invitationCode }
      return call(app, 'POST /auth/register', { body })
    },
    async close() {
      await app.close()
      await pool.end()
    },
  }
}

test('the first admin joins by a link that a later start replaces and the first use ends', async () => {
  const network = await emptyNetwork('first_admin_by_link')
  try {
    const older = await firstAdminInvitation(network.runtime)
    const newer = await firstAdminInvitation(network.runtime)
    assert(older && newer)
    assert.equal((await network.register('one@example.org', older.code)).status, 422)
    const { status, body } = await network.register('two@example.org', newer.code)
    assert.equal(status, 201)
    assert.equal(body.account.role, 'admin')
    assert.equal((await network.register('three@example.org', newer.code)).status, 422)
    assert.equal(await firstAdminInvitation(network.runtime), null)
  } finally {
    await network.close()
  }
})

test('an admin made on the command line ends the link for the first one', async () => {
  const network = await emptyNetwork('first_admin_by_command')
  try {
    const invitation = await firstAdminInvitation(network.runtime)
    assert(invitation)
    await createAdmin(network.runtime, { email: 'ada@example.org', name: 'Ada', password })
    assert.equal((await network.register('mallory@example.org', invitation.code)).status, 422)
    assert.equal(await firstAdminInvitation(network.runtime), null)
    const weak = { email: 'nobody', name: ' ', password: 'password' }
    await assert.rejects(createAdmin(network.runtime, weak), (error) => {
      assert(error instanceof InvalidRequest)
      assert.equal(JSON.stringify(error.members).match(/pointer/g)?.length, 3)
      return true
    })
  } finally {
    await network.close()
  }
})
