// Keys that change: what was sealed, signed and mailed before goes on being good for as long as it should.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { createApp, openRuntime, type OpenRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Runtime } from '#src/context.ts'
import { resealBatchSize } from '#src/db/reseal.ts'
import { createVault } from '#src/db/vault.ts'
import type { App } from '#src/http/server.ts'
import { claimLinkAddress } from '#src/patients/claim-links.ts'
import { hashOfCode } from '#src/identity/codes.ts'
import { invitationAddress } from '#src/identity/invitations.ts'
import { createLinkSigner } from '#src/identity/link-signer.ts'
import { createTokenSigner } from '#src/identity/tokens.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { replaceSealedFactors } from '#src/identity/reseal-queries.ts'
import { replaceSealedEntries } from '#src/medical-history/queries.ts'
import { placeOfEntry } from '#src/medical-history/content.ts'
import { dropUnusedEncryptionKeys, reencrypt } from '#src/reencrypt.ts'
import { dropFormerKeys, rotateKey } from '#src/secrets.ts'
import { call, signInAs } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'

const newKey = () => randomBytes(32).toString('base64url')
const formerKey = newKey()

// A database of its own: what others leave in theirs may be sealed by keys that nobody has.
const place = await mkdtemp(join(tmpdir(), 'visita-reencrypt-'))
const env = { DATA_DIR: place, ENCRYPTION_KEY: formerKey, LOG_LEVEL: 'error' }
const own = await openRuntime({
  config: loadConfig({ envFile: null, env }),
  embedded: { ephemeral: true, durable: false },
})
const { runtime } = own

after(async () => {
  await own.close()
  await rm(place, { recursive: true, force: true })
})

/** The test's process after a restart with another list of keys. */
function restartedWith(...keys: string[]): Runtime {
  const vault = createVault(keys)
  return { ...runtime, vault, config: { ...runtime.config, encryptionKey: keys.join(',') } }
}

/** So many entries of a patient of their own, sealed by these keys. */
async function sealedEntries(count: number, { vault }: Pick<Runtime, 'vault'>): Promise<string[]> {
  const patient = await makePatient(runtime)
  const ids = Array.from({ length: count }, () => newId())
  await runtime.db
    .insertInto('medical_entry')
    .values(
      ids.map((id) => ({
        id,
        patient_id: patient.patientId,
        kind: 'note' as const,
        content: vault.seal(JSON.stringify({ text: `Note ${id}` }), placeOfEntry(id)),
        author_id: patient.accountId,
        author_side: 'patient' as const,
        recorded_at: formatUtc(runtime.clock()),
        corrects: null,
      })),
    )
    .execute()
  return ids
}

async function sealedFactor({ vault }: Pick<Runtime, 'vault'>): Promise<string> {
  const { accountId } = await makePatient(runtime)
  await runtime.db
    .insertInto('second_factor')
    .values({
      account_id: accountId,
      secret: vault.seal('JBSWY3DPEHPK3PXP', `second_factor ${accountId}`),
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  return accountId
}

async function contentsOf(ids: readonly string[]): Promise<Map<string, Buffer>> {
  const rows = await runtime.db
    .selectFrom('medical_entry')
    .select(['id', 'content'])
    .where('id', 'in', [...ids])
    .execute()
  return new Map(rows.map(({ id, content }) => [id, content!]))
}

test('everything is encrypted by the new key, in batches, and reads as before', async () => {
  const ids = await sealedEntries(resealBatchSize + 7, runtime)
  const factor = await sealedFactor(runtime)
  const key = newKey()
  const restarted = restartedWith(key, formerKey)
  const batches: number[] = []
  const done = await reencrypt(restarted, (what, { seen }) => {
    if (what === 'medical histories') batches.push(seen)
  })
  assert.ok(done['medical histories'].resealed >= ids.length)
  assert.ok(done['second factors'].resealed >= 1)
  assert.ok(batches.length > 1 && batches[0] === resealBatchSize)
  const alone = createVault([key])
  for (const [id, content] of await contentsOf(ids))
    assert.equal(alone.open(content, placeOfEntry(id)), JSON.stringify({ text: `Note ${id}` }))
  const { secret } = await runtime.db
    .selectFrom('second_factor')
    .select('secret')
    .where('account_id', '=', factor)
    .executeTakeFirstOrThrow()
  assert.equal(alone.open(secret, `second_factor ${factor}`), 'JBSWY3DPEHPK3PXP')

  const again = await reencrypt(restarted)
  assert.equal(again['medical histories'].resealed + again['second factors'].resealed, 0)
  await reencrypt(restartedWith(formerKey, key))
})

test('what no key opens stays as it is and is named, and does not stop the rest', async () => {
  const [lost] = await sealedEntries(1, { vault: createVault([newKey()]) })
  const [other] = await sealedEntries(1, runtime)
  const before = await contentsOf([lost!])
  const key = newKey()
  const done = await reencrypt(restartedWith(key, formerKey))
  assert.deepEqual(done['medical histories'].unreadable, [lost])
  assert.deepEqual(await contentsOf([lost!]), before)
  const after = (await contentsOf([other!])).get(other!)
  assert.ok(createVault([key]).isCurrent(after!))
  await runtime.db.deleteFrom('medical_entry').where('id', '=', lost!).execute()
  await reencrypt(restartedWith(formerKey, key))
})

test('what was written anew after it was read is not put back', async () => {
  const [id] = await sealedEntries(1, runtime)
  const accountId = await sealedFactor(runtime)
  const sealed = runtime.vault.seal('read before', 'anywhere')
  const resealed = runtime.vault.seal('read before', 'elsewhere')
  const before = await contentsOf([id!])
  assert.equal(await replaceSealedEntries(runtime.db, [{ id: id!, sealed, resealed }]), 0)
  assert.deepEqual(await contentsOf([id!]), before)
  const present = before.get(id!)!
  assert.equal(
    await replaceSealedEntries(runtime.db, [{ id: id!, sealed: present, resealed: present }]),
    1,
  )
  assert.equal(await replaceSealedFactors(runtime.db, [{ id: accountId, sealed, resealed }]), 0)
})

test('what is stopped midway is taken up again, and what goes meanwhile is not missed', async () => {
  const ids = await sealedEntries(3 * resealBatchSize, runtime)
  const key = newKey()
  const restarted = restartedWith(key, formerKey)
  const stop = new Error('killed')
  const { count } = await runtime.db
    .selectFrom('medical_entry')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('id', '<', ids[0]!)
    .executeTakeFirstOrThrow()
  await assert.rejects(
    reencrypt(restarted, (_what, { seen }) => {
      if (seen > count) throw stop
    }),
    stop,
  )
  const vault = createVault([key])
  const current = [...(await contentsOf(ids)).values()].filter((one) => vault.isCurrent(one))
  assert.ok(current.length > 0 && current.length < ids.length, `${current.length}`)
  // Another one at the same time, and people who read and delete.
  const deleted = ids.slice(-5)
  const [one, other] = await Promise.all([
    reencrypt(restarted),
    reencrypt(restarted),
    runtime.db.deleteFrom('medical_entry').where('id', 'in', deleted).execute(),
  ])
  assert.deepEqual(
    [...one['medical histories'].unreadable, ...other['medical histories'].unreadable],
    [],
  )
  const contents = await contentsOf(ids)
  assert.equal(contents.size, ids.length - deleted.length)
  for (const [id, content] of contents)
    assert.equal(vault.open(content, placeOfEntry(id)), JSON.stringify({ text: `Note ${id}` }))
  await reencrypt(restartedWith(formerKey, key))
})

test('a former encryption key goes only when nothing is encrypted by it', async () => {
  const [keptKey, unusedKey, key] = [newKey(), newKey(), newKey()]
  await sealedFactor({ vault: createVault([keptKey]) })
  await sealedEntries(1, runtime)
  const restarted = restartedWith(key, formerKey, unusedKey, keptKey)
  const first = await dropUnusedEncryptionKeys(restarted)
  assert.deepEqual([first.valueToSet, first.droppedCount], [[key, formerKey, keptKey].join(','), 1])
  await reencrypt(restarted)
  const second = await dropUnusedEncryptionKeys(restarted)
  assert.deepEqual([second.valueToSet, second.droppedCount], [key, 3])
  await reencrypt(restartedWith(formerKey, key))
})

test('the code of an invitation and of a link to a record stays that which was stored, whatever key comes', () => {
  const [key, next] = [newKey(), newKey()]
  const before = { ...runtime, links: createLinkSigner([key]) }
  const after = { ...runtime, links: createLinkSigner([next, newKey(), key]) }
  const [id, linkId] = [newId(), newId()]
  const codeOf = (address: string) => address.split('#')[1]!
  const invited = invitationAddress(before, { id, codeHash: undefined })
  const codeHash = hashOfCode(codeOf(invited))
  assert.equal(invitationAddress(after, { id, codeHash }), invited)
  assert.notEqual(invitationAddress(after, { id, codeHash: undefined }), invited)
  const claimed = claimLinkAddress(before, { linkId, codeHash: undefined })
  assert.equal(claimLinkAddress(after, { linkId, codeHash: hashOfCode(codeOf(claimed)) }), claimed)
})

interface Started extends OpenRuntime {
  app: App
}

/** A Visita of its own with an embedded database, whose keys are kept in the folder. */
async function startIn(directory: string): Promise<Started> {
  const env = { DATA_DIR: directory, PUBLIC_URL: 'http://visita.test', LOG_LEVEL: 'error' }
  const opened = await openRuntime({ config: loadConfig({ envFile: null, env }) })
  return { ...opened, app: await createApp(opened.runtime) }
}

async function stop(visita: Started): Promise<void> {
  await visita.app.close()
  await visita.close()
}

async function historyOf({ app }: Started, { as, patientId }: TestPatient): Promise<unknown[]> {
  const { status, body } = await call(app, `GET /patients/${patientId}/medical-history`, { as })
  assert.equal(status, 200)
  return body.items.map(({ text }: { text?: string }) => text)
}

async function keyIdsOf({ app }: Started): Promise<string[]> {
  const { body } = await app.inject('/.well-known/jwks.json')
  return JSON.parse(body).keys.map(({ kid }: { kid: string }) => kid)
}

test('after a rotation people stay signed in, links stay good, histories stay readable; until the keys go', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'visita-keys-'))
  let visita = await startIn(directory)
  t.after(async () => {
    await stop(visita)
    await rm(directory, { recursive: true, force: true })
  })
  const patient = await makePatient(visita.runtime)
  const path = `/patients/${patient.patientId}/medical-history` as const
  const body = { kind: 'allergy', text: 'Penicillin' }
  assert.equal((await call(visita.app, `POST ${path}`, { as: patient.as, body })).status, 201)
  const feed = (
    await call(visita.app, 'POST /calendar-feeds', {
      as: patient.as,
      body: { patientId: patient.patientId },
    })
  ).body.url
  const feedStatus = async () =>
    (await visita.app.inject({ url: new URL(feed).pathname })).statusCode
  const token = visita.runtime.links.tokenOf('view', patient.patientId)
  const firstIds = await keyIdsOf(visita)
  assert.equal(await feedStatus(), 200)

  for (const name of ['token-signing', 'encryption'] as const)
    assert.equal(rotateKey(visita.runtime.config, name).keyCount, 2)
  // Whoever runs on with the former keys is not disturbed.
  assert.deepEqual(await historyOf(visita, patient), ['Penicillin'])
  await stop(visita)

  visita = await startIn(directory)
  assert.deepEqual(await historyOf(visita, patient), ['Penicillin'])
  assert.equal(visita.runtime.links.idOf('view', token), patient.patientId)
  assert.equal(await feedStatus(), 200)
  const bothIds = await keyIdsOf(visita)
  assert.deepEqual(bothIds.slice(1), firstIds)
  const later = await signInAs(visita.runtime, { role: 'patient' })
  const head = JSON.parse(Buffer.from(later.split(/[ .]/)[1]!, 'base64url').toString())
  assert.equal(head.kid, bothIds[0])

  const kept = await dropUnusedEncryptionKeys(visita.runtime)
  assert.deepEqual([kept.keyCount, kept.droppedCount], [2, 0])
  assert.equal((await reencrypt(visita.runtime))['medical histories'].resealed, 1)
  const dropped = await dropUnusedEncryptionKeys(visita.runtime)
  assert.deepEqual([dropped.keyCount, dropped.droppedCount], [1, 1])
  dropFormerKeys(visita.runtime.config, 'token-signing', () => false)
  await stop(visita)

  const kinds = JSON.parse(await readFile(join(directory, 'secrets.json'), 'utf8'))
  assert.ok(Object.values<string>(kinds).every((value) => !value.includes(',')))
  visita = await startIn(directory)
  assert.deepEqual(await keyIdsOf(visita), bothIds.slice(0, 1))
  assert.equal((await call(visita.app, 'GET /auth/me', { as: patient.as })).status, 401)
  assert.equal(visita.runtime.links.idOf('view', token), null)
  assert.equal(await feedStatus(), 404)
  const { rows } = await sql<{ sessionId: string }>`
    select id as "sessionId" from session where account_id = ${patient.accountId}`.execute(
    visita.runtime.db,
  )
  const signed = await visita.runtime.tokens.issue({
    accountId: patient.accountId,
    sessionId: rows[0]!.sessionId,
    role: 'patient',
    now: visita.runtime.clock(),
  })
  const as = `Bearer ${signed.accessToken}`
  assert.deepEqual(await historyOf(visita, { ...patient, as }), ['Penicillin'])
})

test('processes that are given a key behind the others first never meet one that they do not know', async () => {
  const [present, fresh] = [newKey(), newKey()]
  // As docs/operate/keys.md has the steps; between two of them, processes run with either list.
  const steps = [[present], [present, fresh], [fresh, present], [fresh]]
  const processes = steps.map((keys) => ({
    vault: createVault(keys),
    links: createLinkSigner(keys),
    tokens: createTokenSigner({ signingKeys: keys, issuer: 'visita', accessTokenMinutes: 10 }),
  }))
  const now = runtime.clock()
  const id = newId()
  for (const [index, former] of processes.entries()) {
    const next = processes[index + 1]
    if (!next) break
    // By the last step everything was encrypted anew, and what was signed has run out.
    const pairs =
      index === 2 ? [[next, former] as const] : [[former, next] as const, [next, former] as const]
    for (const [writes, reads] of pairs) {
      assert.equal(reads.vault.open(writes.vault.seal('Asthma', 'there'), 'there'), 'Asthma')
      assert.equal(reads.links.idOf('view', writes.links.tokenOf('view', id)), id)
      const { accessToken } = await writes.tokens.issue({
        accountId: id,
        sessionId: id,
        role: 'patient',
        now,
      })
      assert.equal((await reads.tokens.verify(accessToken, now))?.accountId, id)
    }
  }
})
