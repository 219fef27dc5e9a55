import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { mailAbout, wordOf } from '#test/support/links.ts'
import { call, type Answer } from '#test/support/network.ts'
import { book } from '#test/support/patient.ts'
import { command, contextLater, instantOf, storedVisit } from '#test/support/visits.ts'
import {
  entryOf,
  free,
  fullNetwork,
  must,
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

/** Someone without an account who waits, with a later visit or for a first one, and the link of a mail. */
async function offeredWithoutAccount(network: FullNetwork, hasVisit: boolean) {
  const as = network.people.deskHere
  const [slot] = network.far
  const person = { name: 'Zoë Müller', email: `${newId()}@example.org`, despiteDuplicates: true }
  const { id: patientId } = (await must(call(app, 'POST /patients', { as, body: person }))).body
  const visit = hasVisit && (await must(book(app, as, { slotId: slot!.id, patientId }))).body
  const { visitTypeId } = slot!
  const { doctorId } = network
  const body = visit ? { appointmentId: visit.id } : { patientId, visitTypeId, doctorId }
  const entry = (await must(call(app, 'POST /waitlist', { as, body }))).body
  await free(network, 0)
  await workAt(await tomorrowAt())
  const status = async () => (await must(call(app, `GET /waitlist/${entry.id}`, { as }))).body
  const { appointmentId } = (await status()).offer
  const mailId = await mailAbout(runtime, { appointmentId, patientId, kind: 'waitlist_offer' })
  const token = wordOf(runtime, 'offer', mailId)
  return { token, appointmentId, visitId: visit ? String(visit.id) : null, status }
}

for (const hasVisit of [true, false])
  test(`who waits ${hasVisit ? 'with a visit' : 'without one'} answers an offer without an account`, async () => {
    const network = await fullNetwork()
    const [near] = network.near
    const taker = await offeredWithoutAccount(network, hasVisit)
    const before = (await use('view', { token: taker.token })).body
    assert.equal(before.offer.insteadOf, hasVisit ? network.far[0]!.startsAt : undefined)
    const taken = await use('offer', { token: taker.token, answer: 'take' })
    assert.equal(taken.status, 200, JSON.stringify(taken.body))
    assert.deepEqual(
      [taken.body.offer.status, taken.body.appointment.status, taken.body.appointment.startsAt],
      ['taken', 'confirmed', near!.startsAt],
    )
    assert.deepEqual(await use('offer', { token: taker.token, answer: 'take' }), taken)
    const visitId = taker.visitId ?? taker.appointmentId
    assert.equal((await storedVisit(visitId)).starts_at, instantOf(near!.startsAt))
    assert.equal((await taker.status()).status, 'fulfilled')
    const { people } = network
    const body = { reason: 'The doctor is ill.' }
    await must(command(people.deskHere, visitId, 'cancel', { body }))
    const off = (await use('view', { token: taker.token })).body
    assert.deepEqual([off.offer.status, off.appointment.status], ['taken', 'cancelled'])

    const other = await fullNetwork()
    const refuser = await offeredWithoutAccount(other, hasVisit)
    const refused = await use('offer', { token: refuser.token, answer: 'refuse' })
    assert.equal(refused.body.offer?.status, 'refused', JSON.stringify(refused.body))
    assert.deepEqual(await use('offer', { token: refuser.token, answer: 'refuse' }), refused)
    assert.equal((await storedVisit(refuser.appointmentId)).claims.length, 0)
    assert.equal((await refuser.status()).status, 'waiting')
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
