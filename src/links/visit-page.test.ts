// The page's own script, in a document that holds no more than the script asks of one, against the server.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { parseSlotId } from '#src/availability/slot-id.ts'
import { mailAbout, wordOf } from '#test/support/links.ts'
import {
  changeClinic,
  changeDoctor,
  command,
  makeVisit,
  openNetwork,
  storedStatus,
  storedVisit,
} from '#test/support/visits.ts'
import {
  entryOf,
  free,
  fullNetwork,
  must,
  tomorrowAt,
  waitWith,
  workAt,
} from '#test/support/waitlist.ts'
import { testVisita } from '#test/support/visita.ts'
import type { VisitPurpose } from './address.ts'

const { app, runtime } = await testVisita()

interface Piece {
  tag: string
  children: (Piece | string)[]
  hidden: boolean
  textContent: string
  dataset: Record<string, string>
  press: () => void
}

function isPiece(one: Piece | string): one is Piece {
  return typeof one !== 'string'
}

function makePiece(tag: string): Piece {
  const attributes = new Map<string, string>()
  const presses: (() => void)[] = []
  const within = (piece: Piece): Piece[] =>
    piece.children.filter(isPiece).flatMap((one) => [one, ...within(one)])
  const piece = {
    tag,
    children: [] as (Piece | string)[],
    hidden: false,
    className: '',
    dataset: {} as Record<string, string>,
    classList: { add() {}, toggle() {} },
    get textContent(): string {
      return piece.children.map((one) => (isPiece(one) ? one.textContent : one)).join(' ')
    },
    set textContent(text: string) {
      piece.children = [text]
    },
    append: (...parts: (Piece | string)[]) => void piece.children.push(...parts),
    replaceChildren(...parts: (Piece | string)[]) {
      piece.children = parts
    },
    setAttribute: (name: string, value: string) => void attributes.set(name, value),
    getAttribute: (name: string) => attributes.get(name) ?? null,
    removeAttribute: (name: string) => void attributes.delete(name),
    addEventListener: (_: 'click', listener: () => void) => void presses.push(listener),
    querySelectorAll(selector: string) {
      const [, name, value] = /^button(?:\[data-(\w+)="(.*)"\])?$/.exec(selector)!
      return within(piece).filter(
        (one) => one.tag === 'button' && (name === undefined || one.dataset[name] === value),
      )
    },
    querySelector: (selector: string) => piece.querySelectorAll(selector)[0] ?? null,
    focus() {},
    press: () => presses.forEach((listener) => listener()),
  }
  return piece
}

async function scriptOf(name: string): Promise<string> {
  return (await app.inject(`/visit/${name}`)).body
}

/** The page as it is once it has opened the link. */
async function openPage(word: string) {
  const elements = new Map<string, Piece>()
  const element = (id: string) => {
    if (!elements.has(id)) elements.set(id, makePiece('section'))
    return elements.get(id)!
  }
  const waits = new Set<Promise<unknown>>()
  const state = { losesAnswers: false, asked: [] as string[] }
  const location = { hash: `#${word}`, pathname: '/visit' }
  async function answerOf(path: string, body: string) {
    const answer = await app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/json' },
      payload: body,
    })
    if (state.losesAnswers) throw new TypeError('The answer was lost.')
    const { statusCode: status } = answer
    return { ok: status < 300, status, json: async () => answer.json() }
  }
  const fetch = (path: string, { body }: { body: string }) => {
    state.asked.push(path)
    const answering = answerOf(path, body)
    waits.add(answering)
    return answering
  }
  /** Waits until nothing is asked of the server any more and the page has shown what it heard. */
  async function settle() {
    while (waits.size > 0) {
      for (const wait of waits) {
        await wait.catch(() => {})
        waits.delete(wait)
      }
      await new Promise((resolve) => void setImmediate(resolve))
    }
  }
  const words = (await scriptOf('words.js')).replaceAll(/^export /gm, '')
  const page = (await scriptOf('visit.js')).replace(/^import .*$/m, '')
  runInNewContext(
    `'use strict'
    const { locale, say, sayCount } = (() => { ${words}; return { locale, say, sayCount } })()
    { ${page} }`,
    {
      document: { getElementById: element, createElement: makePiece, documentElement: {} },
      history: { replaceState: () => void (location.hash = '') },
      location,
      navigator: { onLine: true, languages: ['en-GB'] },
      fetch,
      addEventListener() {},
      AbortSignal: { timeout: () => null },
      CSS: { escape: (text: string) => text },
      setTimeout: () => 0,
      clearTimeout() {},
    },
  )
  await settle()
  const buttons = () => {
    const within = (piece: Piece): Piece[] => [
      ...(piece.tag === 'button' ? [piece] : []),
      ...piece.children.filter(isPiece).flatMap(within),
    ]
    return [element('notice'), element('actions')]
      .filter(({ hidden }) => !hidden)
      .flatMap((one) => within(one))
  }
  return {
    state,
    location,
    heading: () => element('heading').textContent,
    notice: () => (element('notice').hidden ? null : element('notice').textContent),
    actions: () => element('actions').textContent,
    visit: () => (element('visit').hidden ? null : element('visit').textContent),
    buttons: () => buttons().map(({ textContent }) => textContent),
    /** The buttons of open times, by their slots. */
    slots: () => buttons().flatMap(({ dataset: { slot } }) => (slot === undefined ? [] : [slot])),
    async press(isMeant: (text: string, slot: string | undefined) => boolean) {
      const found = buttons().find((one) => isMeant(one.textContent, one.dataset['slot']))
      assert.ok(
        found,
        buttons()
          .map(({ textContent }) => textContent)
          .join(' | '),
      )
      found.press()
      await settle()
    },
  }
}

const says = (words: string) => (text: string) => text === words

/** A visit, and the page of a link in a mail about it. */
async function pageOf(purpose: VisitPurpose, index = 0) {
  const network = await openNetwork()
  const visit = await makeVisit(network, index)
  const mailId = await mailAbout(runtime, { appointmentId: visit.id, accountId: visit.accountId })
  const open = () => openPage(wordOf(runtime, purpose, mailId))
  return { network, ...visit, open, page: await open() }
}

test('the page takes the token out of the address, shows the visit and changes nothing unasked', async () => {
  for (const purpose of ['view', 'cancel', 'move', 'confirm'] as const) {
    const { id, page } = await pageOf(purpose)
    assert.equal(page.location.hash, '')
    assert.match(page.visit() ?? '', /Claire Moreau/)
    assert.deepEqual(
      page.state.asked.filter((path) => !/view$|open-times$/.test(path)),
      [],
    )
    assert.equal(await storedStatus(id), 'confirmed')
  }
})

test('a page without a link says that one that is reloaded does not know its link', async () => {
  const page = await openPage('')
  assert.equal(page.heading(), 'This link is not complete')
  assert.match(page.notice() ?? '', /reloaded/)
})

test('the page cancels when the button is pressed, and keeps when the other is', async () => {
  const { id, page, open } = await pageOf('cancel')
  await page.press(says('Keep the visit'))
  assert.equal(page.heading(), 'Your visit stands')
  assert.equal(await storedStatus(id), 'confirmed')
  const again = await open()
  await again.press(says('Cancel the visit'))
  assert.equal(again.heading(), 'Your visit is cancelled')
  assert.equal(await storedStatus(id), 'cancelled')
})

test('the page moves a visit to the time that is chosen, and offers none when it is too late', async () => {
  const { id, network, page, open } = await pageOf('move')
  const slotId = page.slots()[3]!
  await page.press((_, slot) => slot === slotId)
  await page.press((text) => text.startsWith('Move to '))
  assert.equal(page.heading(), 'Your visit is moved')
  assert.equal((await storedVisit(id)).starts_at, parseSlotId(slotId)?.startsAt)
  await changeClinic(network, { change_notice_minutes_min: 60 * 24 * 60 })
  const late = await open()
  assert.equal(late.heading(), 'Too late to do this online')
  assert.deepEqual(late.slots(), [])
})

test('who chooses another time after a lost answer is told that the visit has changed', async () => {
  const { id, page } = await pageOf('move')
  const [first, second] = [page.slots()[4]!, page.slots()[6]!]
  await page.press((_, slot) => slot === first)
  page.state.losesAnswers = true
  await page.press((text) => text.startsWith('Move to '))
  page.state.losesAnswers = false
  assert.match(page.notice() ?? '', /The server cannot be reached/)
  const moved = (await storedVisit(id)).starts_at

  await page.press(says('Choose another time'))
  // What failed can be tried again no more: another time is chosen now.
  assert.equal(page.notice(), null)
  await page.press((_, slot) => slot === second)
  await page.press((text) => text.startsWith('Move to '))
  assert.match(page.notice() ?? '', /The visit has changed since you opened this page/)
  assert.equal((await storedVisit(id)).starts_at, moved)

  await page.press((_, slot) => slot === second)
  await page.press((text) => text.startsWith('Move to '))
  assert.equal(page.heading(), 'Your visit is moved')
  assert.notEqual((await storedVisit(id)).starts_at, moved)
})

test('what was done and not heard of is done once when it is tried again', async () => {
  const { id, page } = await pageOf('move')
  const slotId = page.slots()[4]!
  await page.press((_, slot) => slot === slotId)
  page.state.losesAnswers = true
  await page.press((text) => text.startsWith('Move to '))
  page.state.losesAnswers = false
  await page.press(says('Try again'))
  assert.equal(page.heading(), 'Your visit is moved')
  const { version } = await runtime.db
    .selectFrom('appointment')
    .select('version')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  assert.equal(version, 2)
})

test('the page asks to come to the time that the mail named, and to none that came after', async () => {
  const { id, network, page, open } = await pageOf('confirm')
  await page.press(says('I will come'))
  assert.equal(page.heading(), 'Thank you, see you then')
  assert.equal((await open()).heading(), 'Thank you, see you then')
  const body = { slotId: network.slots[30]!.id }
  await must(command(network.people.deskHere, id, 'reschedule', { body }))
  const after = await open()
  assert.equal(after.heading(), 'Your visit')
  assert.match(after.actions(), /was moved since you got the mail/)
  assert.deepEqual(after.buttons(), [])
  await must(command(network.people.deskHere, id, 'cancel', { body: { reason: 'Ill.' } }))
  assert.match((await open()).notice() ?? '', /This visit is cancelled/)
})

test('who says that they come while the visit is moved is told so', async () => {
  const { id, network, page } = await pageOf('confirm')
  const body = { slotId: network.slots[30]!.id }
  await must(command(network.people.deskHere, id, 'reschedule', { body }))
  await page.press(says('I will come'))
  assert.match(page.notice() ?? '', /The visit has changed since you opened this page/)
  assert.deepEqual(page.buttons(), [])
})

test('the page says of an offer that was taken what became of the visit', async () => {
  const network = await fullNetwork()
  const waiting = await waitWith(network, 0)
  await free(network, 0)
  await workAt(await tomorrowAt())
  const { appointmentId } = (await entryOf(waiting)).offer
  const { accountId, visitId } = waiting
  const mailId = await mailAbout(runtime, { appointmentId, accountId, kind: 'waitlist_offer' })
  const open = () => openPage(wordOf(runtime, 'offer', mailId))
  const page = await open()
  await page.press(says('Take this time'))
  assert.equal(page.heading(), 'The earlier time is yours')
  assert.equal((await open()).heading(), 'The earlier time is yours')
  const body = { reason: 'The doctor is ill.' }
  await must(command(network.people.deskHere, visitId, 'cancel', { body }))
  const after = await open()
  assert.equal(after.heading(), 'Your visit')
  assert.match(after.notice() ?? '', /This visit is cancelled/)
})

test('a request is told as one where the doctor wants to be asked', async () => {
  const { network, page } = await pageOf('move')
  await changeDoctor(network, { bookingMode: 'on_request' })
  const slotId = page.slots()[8]!
  await page.press((_, slot) => slot === slotId)
  await page.press((text) => text.startsWith('Move to '))
  assert.equal(page.heading(), 'You have asked for another time')
})
