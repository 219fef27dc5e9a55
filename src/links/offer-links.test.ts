import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailAbout, wordOf } from '#test/support/links.ts'
import { call, type Answer } from '#test/support/network.ts'
import { contextLater, instantOf, storedVisit } from '#test/support/visits.ts'
import {
  entryOf,
  free,
  fullNetwork,
  tomorrowAt,
  waitWith,
  workAt,
  type FullNetwork,
  type Waiting,
} from '#test/support/waitlist.ts'
import { testVisita } from '#test/support/visita.ts'
import { answerOfferByLink, viewLink } from './visit-links.ts'

const { app, runtime } = await testVisita()

function use(path: string, body: object): Promise<Answer> {
  return call(app, `POST /links/${path}`, { body })
}

/** Someone who waits and is offered the first near slot, and the token of a mail about that. */
async function offered(
  network: FullNetwork,
): Promise<Waiting & { token: string; offerId: string }> {
  const waiting = await waitWith(network, 0)
  await free(network, 0)
  await workAt(await tomorrowAt())
  const { offer } = await entryOf(waiting)
  assert.ok(offer)
  const { appointmentId } = offer
  const { accountId } = waiting
  const mailId = await mailAbout(runtime, { appointmentId, accountId, kind: 'waitlist_offer' })
  return { ...waiting, token: wordOf(runtime, 'offer', mailId), offerId: appointmentId }
}

test('a link shows the offered time and what it would replace, until it is let go', async () => {
  const network = await fullNetwork()
  const waiting = await offered(network)
  const { body } = await use('view', { token: waiting.token })
  const { offer } = await entryOf(waiting)
  assert.equal(body.purpose, 'offer')
  assert.equal(body.expiresAt, offer.heldUntil)
  assert.deepEqual(body.offer, {
    status: 'open',
    heldUntil: offer.heldUntil,
    insteadOf: network.far[0]!.startsAt,
  })
  assert.equal(body.appointment.startsAt, network.near[0]!.startsAt)
  assert.deepEqual([body.appointment.canCancel, body.appointment.canMove], [false, false])

  const late = instantOf(offer.heldUntil) - runtime.clock() + 1000
  const context = await contextLater(waiting.as, late)
  const { token } = waiting
  await assert.rejects(viewLink(context, { token }), { code: 'too-late' })
  await assert.rejects(answerOfferByLink(context, { token, answer: 'take' }), { code: 'too-late' })
})

test('an offer is taken by the link: the visit moves there, and a second time answers the same', async () => {
  const network = await fullNetwork()
  const waiting = await offered(network)
  const { token, visitId } = waiting
  const answer = await use('offer', { token, answer: 'take' })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.offer.status, 'taken')
  assert.equal(answer.body.appointment.status, 'confirmed')
  assert.equal(answer.body.appointment.startsAt, network.near[0]!.startsAt)
  assert.equal((await storedVisit(visitId)).starts_at, instantOf(network.near[0]!.startsAt))
  assert.deepEqual(await use('offer', { token, answer: 'take' }), answer)
  const { body } = await use('view', { token })
  assert.equal(body.offer.status, 'taken')
  assert.equal(body.appointment.status, 'confirmed')
  const refused = await use('offer', { token, answer: 'refuse' })
  assert.equal(refused.body.type, '/problems/wrong-state')
  assert.equal((await entryOf(waiting)).status, 'fulfilled')
})

test('an offer is refused by the link: the time is free, and the patient waits on', async () => {
  const network = await fullNetwork()
  const waiting = await offered(network)
  const { token, visitId, offerId } = waiting
  const answer = await use('offer', { token, answer: 'refuse' })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.body.offer.status, 'refused')
  assert.deepEqual(await use('offer', { token, answer: 'refuse' }), answer)
  assert.equal((await storedVisit(offerId)).claims.length, 0)
  assert.equal((await storedVisit(visitId)).starts_at, instantOf(network.far[0]!.startsAt))
  assert.equal((await entryOf(waiting)).status, 'waiting')
  assert.equal((await use('view', { token })).body.offer.status, 'refused')
  assert.equal((await use('offer', { token, answer: 'take' })).body.type, '/problems/wrong-state')
})

test('a link to an offer cancels, moves and confirms nothing', async () => {
  const network = await fullNetwork()
  const { token, offerId } = await offered(network)
  const slotId = network.far[5]!.id
  for (const [path, body] of [
    ['cancel', { token }],
    ['confirm', { token }],
    ['move', { token, slotId }],
    ['open-times', { token }],
  ] as const)
    assert.equal((await use(path, body)).body.type, '/problems/invalid-link')
  assert.equal((await storedVisit(offerId)).status, 'held')
})
