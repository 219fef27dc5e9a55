// Giving others access to a patient: who may, what they get, and how it ends.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Subjects } from '#src/events/events.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, makeNetwork, pointersOf, type Answer } from '#test/support/network.ts'
import { makePatient, type TestPatient } from '#test/support/patient.ts'
import { testVisita } from '#test/support/visita.ts'
import { contextLater } from '#test/support/visits.ts'
import { acceptAccess } from './access-invitations.ts'

const { app, runtime } = await testVisita()
const { people } = await makeNetwork(runtime)
const day = 86_400_000

type Giving = Pick<TestPatient, 'as' | 'patientId'>

/** The address of a test's account. */
function emailOf({ accountId }: TestPatient): string {
  return `${accountId}@example.org`
}

function invite({ as, patientId }: Giving, body: object): Promise<Answer> {
  const email = `${newId()}@example.org`
  const wish = { email, relation: 'carer', scope: 'book', ...body }
  return call(app, `POST /patients/${patientId}/access`, { as, body: wish })
}

/** The word of the mail of an invitation. */
function tokenOf(invitation: Answer): string {
  assert.equal(invitation.status, 201, JSON.stringify(invitation.body))
  return runtime.links.tokenOf('access', invitation.body.id)
}

function accept(as: string, token: string): Promise<Answer> {
  return call(app, 'POST /patients/access-invitations/accept', { as, body: { token } })
}

/** Lets someone new act for the patient. */
async function letIn(giving: Giving, access: object = {}): Promise<TestPatient> {
  const taker = await makePatient(runtime, 'Marie Berg')
  const token = tokenOf(await invite(giving, { ...access, email: emailOf(taker) }))
  const accepted = await accept(taker.as, token)
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body))
  return taker
}

/** The record of a child, as its parent has it. */
async function childOf(parent: TestPatient, dateOfBirth = '2020-05-17'): Promise<Giving> {
  const body = { name: 'Ben Berg', dateOfBirth, relation: 'parent' }
  const { body: child } = await call(app, 'POST /patients', { as: parent.as, body })
  return { as: parent.as, patientId: child.id }
}

function list({ as, patientId }: Giving): Promise<Answer> {
  return call(app, `GET /patients/${patientId}/access`, { as })
}

function change(giving: Giving, accountId: string, body: object): Promise<Answer> {
  const request = `PATCH /patients/${giving.patientId}/access/${accountId}` as const
  return call(app, request, { as: giving.as, body })
}

function end(giving: Giving, accountId: string): Promise<Answer> {
  return call(app, `DELETE /patients/${giving.patientId}/access/${accountId}`, { as: giving.as })
}

async function eventsAbout(patientId: string): Promise<[string, string | undefined][]> {
  const rows = await runtime.db
    .selectFrom('event')
    .select(['type', 'subjects'])
    .where('type', 'like', 'access.%')
    .orderBy('seq')
    .execute()
  return rows
    .map(({ type, subjects }) => ({ type, ...(subjects as Subjects) }))
    .filter((event) => event.patientId === patientId)
    .map(({ type, accountId }) => [type, accountId])
}

async function auditAbout(patientId: string): Promise<[string, boolean][]> {
  const rows = await runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'allowed'])
    .where('subject_id', '=', patientId)
    .where('action', 'like', 'patient.access-%')
    .orderBy('seq')
    .execute()
  return rows.map(({ action, allowed }) => [action, allowed])
}

test('an invitation lets the account of its address in, once, as far as it says', async () => {
  const owner = await makePatient(runtime, 'Anna Berg')
  const taker = await makePatient(runtime, 'Marie Berg')
  const endsAt = formatUtc(runtime.clock() + 90 * day)
  const invited = await invite(owner, { email: emailOf(taker).toUpperCase(), endsAt })
  const { id: _id, email, createdAt, expiresAt, ...rest } = invited.body
  assert.deepEqual(rest, { relation: 'carer', scope: 'book', endsAt })
  assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 14 * day)
  assert.equal(email.toLowerCase(), emailOf(taker))
  assert.deepEqual((await list(owner)).body.invitations, [invited.body])

  const token = tokenOf(invited)
  const stranger = await makePatient(runtime)
  assert.equal((await accept(stranger.as, token)).status, 422)
  const accepted = await accept(taker.as, token)
  assert.deepEqual(
    [accepted.status, accepted.body.id, accepted.body.scope, accepted.body.endsAt],
    [200, owner.patientId, 'book', endsAt],
  )
  assert.equal((await accept(taker.as, token)).status, 422)
  const { accounts, invitations } = (await list(owner)).body
  assert.deepEqual(invitations, [])
  assert.deepEqual(accounts, [
    {
      accountId: owner.accountId,
      name: 'Someone',
      email: emailOf(owner),
      relation: 'self',
      scope: 'manage',
    },
    {
      accountId: taker.accountId,
      name: 'Someone',
      email: emailOf(taker),
      relation: 'carer',
      scope: 'book',
      endsAt,
    },
  ])
  assert.deepEqual(await eventsAbout(owner.patientId), [
    ['access.invited', undefined],
    ['access.granted', taker.accountId],
  ])
  assert.deepEqual(await auditAbout(owner.patientId), [
    ['patient.access-invite', true],
    ['patient.access-list', true],
    ['patient.access-accept', false],
    ['patient.access-accept', true],
    ['patient.access-accept', false],
    ['patient.access-list', true],
  ])
})

test('what is said to whoever invites does not depend on whether the address has an account', async () => {
  const owner = await makePatient(runtime)
  const known = await makePatient(runtime)
  const carer = await letIn(owner)
  const shapes: string[] = []
  for (const email of [emailOf(known), emailOf(carer), emailOf(owner), `${newId()}@example.org`]) {
    const { status, body } = await invite(owner, { email })
    assert.equal(body.email, email)
    shapes.push(JSON.stringify([status, Object.keys(body)]))
  }
  assert.equal(new Set(shapes).size, 1)
})

test('a link is void when it is taken back, sent again, 14 days old, or of another purpose', async () => {
  const owner = await makePatient(runtime)
  const taker = await makePatient(runtime)
  const email = emailOf(taker)
  const invited = await invite(owner, { email })
  const path = `/patients/${owner.patientId}/access-invitations/${invited.body.id}` as const
  assert.equal((await call(app, `DELETE ${path}`, { as: taker.as })).status, 404)
  assert.equal((await call(app, `DELETE ${path}`, { as: owner.as })).status, 204)
  assert.equal((await call(app, `DELETE ${path}`, { as: owner.as })).status, 404)
  assert.equal((await accept(taker.as, tokenOf(invited))).status, 422)

  const [first, second] = [await invite(owner, { email }), await invite(owner, { email })]
  assert.equal((await accept(taker.as, tokenOf(first))).status, 422)
  const foreign = runtime.links.tokenOf('claim', second.body.id)
  for (const token of [foreign, 'x', runtime.links.tokenOf('access', newId())]) {
    const answer = await accept(taker.as, token)
    assert.deepEqual([answer.status, pointersOf(answer)], [422, ['/token']])
  }
  const late = await contextLater(taker.as, 14 * day + 1000)
  await assert.rejects(acceptAccess(late, tokenOf(second)), { code: 'invalid-invitation' })
  assert.equal((await accept(taker.as, tokenOf(second))).status, 200)
})

test('nobody is let in by someone who no longer manages the record', async () => {
  const owner = await makePatient(runtime)
  const taker = await makePatient(runtime)
  for (const lose of [
    (accountId: string) => end(owner, accountId),
    (accountId: string) => change(owner, accountId, { scope: 'book' }),
    (id: string) =>
      runtime.db.updateTable('account').set({ status: 'disabled' }).where('id', '=', id).execute(),
  ]) {
    const manager = await letIn(owner, { scope: 'manage' })
    const giving = { as: manager.as, patientId: owner.patientId }
    const invited = await invite(giving, { email: emailOf(taker) })
    await lose(manager.accountId)
    assert.equal((await accept(taker.as, tokenOf(invited))).status, 422)
    assert.deepEqual((await list(owner)).body.invitations, [])
  }
})

test('who has as much already is not made less by an invitation', async () => {
  const owner = await makePatient(runtime)
  const soon = formatUtc(runtime.clock() + day)
  const later = formatUtc(runtime.clock() + 2 * day)
  const cases: [object, object, number][] = [
    [{ scope: 'manage' }, { scope: 'book' }, 409],
    [{ scope: 'book' }, { scope: 'see' }, 409],
    [{ scope: 'book' }, { scope: 'book' }, 409],
    [{ scope: 'book', endsAt: later }, { scope: 'book', endsAt: soon }, 409],
    [{ scope: 'book', endsAt: soon }, { scope: 'book', endsAt: later }, 200],
    [{ scope: 'book', endsAt: soon }, { scope: 'book' }, 200],
    [{ scope: 'see' }, { scope: 'manage' }, 200],
  ]
  for (const [had, invited, status] of cases) {
    const taker = await letIn(owner, had)
    const token = tokenOf(await invite(owner, { ...invited, email: emailOf(taker) }))
    const answer = await accept(taker.as, token)
    assert.equal(answer.status, status, JSON.stringify([had, invited, answer.body]))
    if (status === 409) assert.equal((await list(owner)).body.invitations.length, 1)
    await end(owner, taker.accountId)
    if (status === 409) assert.equal((await accept(taker.as, token)).status, 200)
  }
  const own = tokenOf(await invite(owner, { email: emailOf(owner), scope: 'see' }))
  assert.equal((await accept(owner.as, own)).status, 409)
})

test('nobody gives what lasts longer than their own access', async () => {
  const owner = await makePatient(runtime)
  const until = formatUtc(runtime.clock() + 60 * day)
  const manager = await letIn(owner, { scope: 'manage', endsAt: until })
  const giving = { as: manager.as, patientId: owner.patientId }
  const longer = await invite(giving, { endsAt: formatUtc(runtime.clock() + 61 * day) })
  assert.deepEqual([longer.status, pointersOf(longer)], [422, ['/endsAt']])
  const taker = await letIn(giving)
  const patient = await call(app, `GET /patients/${owner.patientId}`, { as: taker.as })
  assert.equal(patient.body.endsAt, until)
  for (const accountId of [taker.accountId, manager.accountId]) {
    const lengthened = await change(giving, accountId, {
      endsAt: formatUtc(runtime.clock() + 61 * day),
    })
    assert.deepEqual([lengthened.status, pointersOf(lengthened)], [422, ['/endsAt']])
    assert.equal((await change(giving, accountId, { endsAt: null })).body.endsAt, until)
  }
  // The one whose record it is may.
  assert.equal((await change(owner, manager.accountId, { endsAt: null })).body.endsAt, undefined)
  const past = await change(owner, manager.accountId, { endsAt: formatUtc(runtime.clock() - 1) })
  assert.equal(past.status, 422)
})

test('carers whom a parent lets in go no later than the parent; another parent when the child is of age', async () => {
  const parent = await makePatient(runtime)
  const child = await childOf(parent)
  const [other, carer] = [await letIn(child, { relation: 'parent' }), await letIn(child)]
  const { accounts } = (await list(child)).body
  assert.equal(accounts.length, 3)
  for (const { endsAt } of accounts) assert.equal(endsAt, '2038-05-17T00:00:00.000Z')
  // A year is given to the child: the parents' end follows, the carer's was agreed on.
  const body = { dateOfBirth: '2021-05-17' }
  const request = `PATCH /patients/${child.patientId}` as const
  assert.equal((await call(app, request, { as: parent.as, body })).status, 200)
  const ends = new Map<string, string>(
    (await list(child)).body.accounts.map((row: Answer['body']) => [row.accountId, row.endsAt]),
  )
  assert.equal(ends.get(parent.accountId), '2039-05-17T00:00:00.000Z')
  assert.equal(ends.get(other.accountId), '2039-05-17T00:00:00.000Z')
  assert.equal(ends.get(carer.accountId), '2038-05-17T00:00:00.000Z')
})

test('nobody touches the access of the patients themselves, and a stranger learns of none', async () => {
  const owner = await makePatient(runtime)
  const manager = await letIn(owner, { scope: 'manage' })
  const booker = await letIn(owner)
  const byManager = { as: manager.as, patientId: owner.patientId }
  for (const giving of [byManager, owner]) {
    assert.equal((await change(giving, owner.accountId, { scope: 'see' })).status, 403)
    assert.equal((await end(giving, owner.accountId)).status, 403)
  }
  const byBooker = { as: booker.as, patientId: owner.patientId }
  assert.equal((await change(byBooker, booker.accountId, { scope: 'manage' })).status, 403)
  assert.equal((await end(byBooker, manager.accountId)).status, 403)
  assert.equal((await list(byBooker)).status, 403)
  assert.equal((await invite(byBooker, {})).status, 403)
  const stranger = await makePatient(runtime)
  const asStranger = { as: stranger.as, patientId: owner.patientId }
  const answers = await Promise.all([
    list(asStranger),
    invite(asStranger, {}),
    change(asStranger, booker.accountId, { scope: 'see' }),
    end(asStranger, booker.accountId),
    end(asStranger, stranger.accountId),
  ])
  for (const { status } of answers) assert.equal(status, 404)
  // An admin reads whose access there is, without the addresses, and changes none.
  const asAdmin = { as: people.admin, patientId: owner.patientId }
  const seen = await list(asAdmin)
  assert.equal(seen.body.accounts.length, 3)
  assert.doesNotMatch(JSON.stringify(seen.body), /@/)
  assert.equal((await end(asAdmin, booker.accountId)).status, 403)
  assert.equal((await invite(asAdmin, {})).status, 403)
})

test('access is changed and ended, by managers and by its holder, and is gone at once', async () => {
  const owner = await makePatient(runtime)
  const path = `GET /patients/${owner.patientId}` as const
  const [one, other] = [await letIn(owner), await letIn(owner)]
  assert.equal((await change(owner, one.accountId, { scope: 'see' })).body.scope, 'see')
  assert.deepEqual((await end(owner, one.accountId)).body, { isManaged: true })
  assert.equal((await call(app, path, { as: one.as })).status, 404)
  assert.equal((await end(owner, one.accountId)).status, 404)
  const own = { as: other.as, patientId: owner.patientId }
  assert.deepEqual((await end(own, other.accountId)).body, { isManaged: true })
  assert.equal((await call(app, path, { as: other.as })).status, 404)
  assert.equal((await change(owner, other.accountId, { scope: 'book' })).status, 404)
  assert.deepEqual((await eventsAbout(owner.patientId)).slice(-3), [
    ['access.changed', one.accountId],
    ['access.ended', one.accountId],
    ['access.ended', other.accountId],
  ])
})

test('a record whose last manager leaves goes back to the desk, which the answer says', async () => {
  const body = { name: `Ada ${newId()}`, dateOfBirth: '2020-05-17' }
  const { body: child } = await call(app, 'POST /patients', { as: people.deskHere, body })
  const request = `POST /patients/${child.id}/claim-links` as const
  const { code } = (await call(app, request, { as: people.deskHere, body: {} })).body
  const parent = await makePatient(runtime)
  const claim = { code, dateOfBirth: body.dateOfBirth, relation: 'parent' }
  const claimed = await call(app, 'POST /patients/claims', { as: parent.as, body: claim })
  assert.equal(claimed.status, 200)
  const phone = { phone: '+33 1 42 68 53 01' }
  const byDesk = () =>
    call(app, `PATCH /patients/${child.id}`, { as: people.deskHere, body: phone })
  assert.equal((await byDesk()).status, 403)
  const giving = { as: parent.as, patientId: child.id }
  const onlooker = await letIn(giving, { scope: 'see' })
  assert.deepEqual((await end(giving, parent.accountId)).body, { isManaged: false })
  assert.equal((await byDesk()).status, 200)
  // Nobody would be left to end what the onlooker has.
  assert.equal((await call(app, `GET /patients/${child.id}`, { as: onlooker.as })).status, 404)
})

test('the last account that manages a record does not make it one that nobody manages, but leaves', async () => {
  const parent = await makePatient(runtime)
  const child = await childOf(parent)
  await letIn(child, { scope: 'see' })
  const refused = await change(child, parent.accountId, { scope: 'see' })
  assert.deepEqual([refused.status, refused.body.type], [409, '/problems/conflict'])
  assert.match(refused.body.detail, /DELETE/)
  const other = await letIn(child, { relation: 'parent', scope: 'manage' })
  assert.equal((await change(child, parent.accountId, { scope: 'book' })).status, 200)
  const left = { as: other.as, patientId: child.patientId }
  assert.equal((await change(left, other.accountId, { scope: 'book' })).status, 409)
})

test('of two who accept one invitation at once, one does; and what is taken back at once lets nobody in', async () => {
  const owner = await makePatient(runtime)
  for (let round = 0; round < 8; round += 1) {
    const taker = await makePatient(runtime)
    const invited = await invite(owner, { email: emailOf(taker) })
    const token = tokenOf(invited)
    const twice = await Promise.all([accept(taker.as, token), accept(taker.as, token)])
    assert.deepEqual(twice.map(({ status }) => status).toSorted(), [200, 422])

    const next = await makePatient(runtime)
    const again = await invite(owner, { email: emailOf(next) })
    const path = `/patients/${owner.patientId}/access-invitations/${again.body.id}` as const
    const [accepted, withdrawn] = await Promise.all([
      accept(next.as, tokenOf(again)),
      call(app, `DELETE ${path}`, { as: owner.as }),
    ])
    const isIn = (await list(owner)).body.accounts.some(
      ({ accountId }: { accountId: string }) => accountId === next.accountId,
    )
    assert.equal(isIn, accepted.status === 200)
    assert.equal(withdrawn.status, isIn ? 404 : 204)
  }
})

test('who loses the right while giving access has given it before, or not at all', async () => {
  const owner = await makePatient(runtime)
  for (let round = 0; round < 8; round += 1) {
    const manager = await letIn(owner, { scope: 'manage' })
    const giving = { as: manager.as, patientId: owner.patientId }
    const taker = await makePatient(runtime)
    const token = tokenOf(await invite(giving, { email: emailOf(taker) }))
    const [ended, accepted, invited] = await Promise.all([
      end(owner, manager.accountId),
      accept(taker.as, token),
      invite(giving, {}),
    ])
    assert.equal(ended.status, 200)
    const types = (await eventsAbout(owner.patientId)).filter(([, id]) =>
      [manager.accountId, taker.accountId].includes(id ?? ''),
    )
    const order = types.map(([type, id]) => `${type} ${id === taker.accountId ? 'taker' : ''}`)
    const wanted = ['access.granted ', 'access.granted taker', 'access.ended ']
    assert.deepEqual(
      order,
      accepted.status === 200 ? wanted : wanted.toSpliced(1, 1),
      String(accepted.status),
    )
    assert.ok([201, 403, 404].includes(invited.status), String(invited.status))
  }
  assert.equal(
    (await list(owner)).body.invitations.length,
    0,
    'what who lost the right has sent does not stand',
  )
})
