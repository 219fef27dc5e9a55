// Shows the visit of a link and does the one thing that the link is for. The token stands in the address's
// fragment, which browsers never send; from there it goes into memory, and into the bodies of POSTs.

import { locale, say, sayCount } from './words.js'

const element = (id) => document.getElementById(id)
const heading = element('heading')
const notice = element('notice')
const actions = element('actions')

let token = ''
/** What the server last said of the visit. */
let link = null
/** A link that is opened while an answer is awaited makes that answer void. */
let turn = 0

function open() {
  token = location.hash.slice(1).trim()
  // Takes the token out of the address bar and the list behind the back button. What a browser keeps in its
  // history of visited pages is its own matter: Chromium keeps the address as it was opened.
  history.replaceState(null, '', location.pathname)
  turn += 1
  if (/^(?:view|cancel|move|confirm|offer)\../.test(token)) void load()
  else showEnd('missingTitle', [say('missingText')])
}

// Talking to the server.

/** The answer of a path below /links, or null where that is told to the reader already. */
async function post(path, body, { retry, isDeed = false }) {
  const mine = turn
  if (!navigator.onLine) {
    if (isDeed) showNotice('warning', [say('offlineAct')], { takesFocus: true })
    else showOffline(retry)
    return null
  }
  try {
    const response = await fetch(`/api/v1/links/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, ...body }),
      signal: AbortSignal.timeout(20_000),
      cache: 'no-store',
    })
    const answer = { ok: response.ok, status: response.status, body: await response.json() }
    if (mine !== turn) return null
    if (answer.status === 503 || answer.status === 429 || answer.status >= 500) {
      showTrouble('busy', retry)
      return null
    }
    return answer
  } catch {
    if (mine === turn) showTrouble('unreachable', retry)
    return null
  }
}

async function load({ kept } = {}) {
  showLoading()
  const answer = await post('view', {}, { retry: () => load({ kept }) })
  if (answer === null) return
  if (answer.ok) {
    link = answer.body
    showLink()
    if (!kept) return
    const shown = notice.hidden ? [] : [...notice.children]
    showNotice('warning', [kept, ...shown], { takesFocus: true })
  } else showRefusal(answer.body)
}

/** Does something to the visit with the button that asks for it, and shows what came of it. */
async function act(button, { path, body, after, refused = () => false }) {
  if (button.getAttribute('aria-disabled') === 'true') return
  hideNotice()
  const release = setBusy(button)
  // What was done and not heard of is done once: the server knows the request again.
  const retry = () => act(button, { path, body, after, refused })
  const answer = await post(path, body, { retry, isDeed: true })
  release()
  if (answer === null) return
  if (answer.ok) {
    link = answer.body
    after()
  } else if (!refused(answer.body)) await showRefusedAction(answer.body)
}

function setBusy(button) {
  const text = button.textContent
  const all = [...actions.querySelectorAll('button')]
  for (const one of all) one.setAttribute('aria-disabled', 'true')
  button.textContent = say('loading')
  return () => {
    button.textContent = text
    for (const one of all) one.removeAttribute('aria-disabled')
  }
}

// What the server refuses.

function showRefusal(problem) {
  if (problem.type === '/problems/too-late') showLate(problem)
  else showEnd('invalidTitle', [say('invalidText')])
}

/** The visit is loaded again, since what was shown of it cannot be so any more. */
async function showRefusedAction(problem) {
  if (problem.type === '/problems/invalid-link') return showRefusal(problem)
  if (problem.type === '/problems/too-late') return showLate(problem)
  const changed =
    problem.type === '/problems/stale-version' || problem.type === '/problems/wrong-state'
  await load({ kept: changed ? say('changed') : sayNotPossible() })
}

function sayNotPossible() {
  return say('notPossible', { clinic: link.appointment.clinic.name })
}

function showLate({ clinic, changeableUntil }) {
  const { name, phone } = clinic ?? link.appointment.clinic
  if (token.startsWith('offer.')) return showEnd('lateTitle', [say('offerLate')])
  const time = changeableUntil && link && dateAndTime(changeableUntil)
  const text = time ? say('lateText', { time, clinic: name }) : say('lateCall', { clinic: name })
  showEnd('lateTitle', [text, ...(phone ? [phoneLink(phone)] : [])], { keepsVisit: Boolean(time) })
}

// The whole page in one of its states.

let loadingTimer = 0

function showLoading() {
  hideNotice()
  actions.replaceChildren()
  element('visit').hidden = true
  setTitle('visit')
  clearTimeout(loadingTimer)
  loadingTimer = setTimeout(() => {
    element('skeleton').hidden = false
    announce(say('loading'))
  }, 150)
}

function endLoading() {
  clearTimeout(loadingTimer)
  element('skeleton').hidden = true
}

/** A state in which nothing can be done here. */
function showEnd(title, parts, { keepsVisit = false } = {}) {
  endLoading()
  actions.replaceChildren()
  if (!keepsVisit) element('visit').hidden = true
  setTitle(title)
  showNotice('warning', parts)
  heading.focus()
}

function showTrouble(reason, retry) {
  endLoading()
  if (element('visit').hidden) setTitle('failedTitle')
  const again = quietButton(say('retry'), () => {
    hideNotice()
    retry()
  })
  showNotice('danger', [say(reason), again], { takesFocus: true })
}

function showOffline(retry) {
  endLoading()
  if (element('visit').hidden) setTitle('failedTitle')
  showNotice('warning', [say('offline')], { takesFocus: true })
  const mine = turn
  const goOn = () => {
    if (mine !== turn) return
    hideNotice()
    retry()
  }
  addEventListener('online', goOn, { once: true })
}

const screens = {
  view: showView,
  cancel: showCancel,
  move: showMove,
  confirm: showConfirm,
  offer: showOffer,
}

function showLink() {
  endLoading()
  hideNotice()
  showVisit()
  actions.replaceChildren()
  screens[link.purpose]()
  announce(heading.textContent)
}

// One screen for each purpose.

function showView() {
  const { changeableUntil, canCancel, canMove } = link.appointment
  setTitle('visit')
  if (sayIsOver()) return
  add(paragraph(say(link.appointment.status), 'lead'))
  if (canCancel || canMove)
    add(paragraph(say('changeable', { time: dateAndTime(changeableUntil) }), 'lead'))
}

/** Says what a visit is that nobody goes to any more; answers whether it is such a one. */
function sayIsOver() {
  const { status } = link.appointment
  if (status === 'confirmed' || status === 'requested' || status === 'held') return false
  if (status === 'cancelled' || status === 'declined' || status === 'expired')
    showNotice('warning', [`${say(status)} ${say('anew')}`])
  else showNotice('warning', [say('begun')])
  return true
}

/** Says that only the clinic can still change the visit; answers whether that is so. */
function sayIsLate(isPossible) {
  if (isPossible) return false
  const { changeableUntil, clinic } = link.appointment
  setTitle('lateTitle')
  showNotice('warning', [
    changeableUntil
      ? say('lateText', { time: dateAndTime(changeableUntil), clinic: clinic.name })
      : sayNotPossible(),
  ])
  return true
}

function showCancel() {
  const { status, canCancel } = link.appointment
  if (status === 'cancelled') {
    setTitle('cancelledTitle')
    showNotice('success', [say('alreadyCancelled')])
    return
  }
  setTitle('visit')
  if (sayIsOver() || sayIsLate(canCancel)) return
  setTitle('cancelTitle')
  add(paragraph(say('cancelLead'), 'lead'))
  const body = { version: link.appointment.version }
  const cancel = button(say('cancel'), () =>
    act(cancel, {
      path: 'cancel',
      body,
      after: () => showDone('cancelledTitle', say('cancelledText')),
    }),
  )
  cancel.classList.add('danger')
  const keep = quietButton(say('keep'), () => showDone('keptTitle', say('keptText')))
  add(cancel, keep)
}

function showConfirm() {
  setTitle('visit')
  if (link.confirmedAt) return showComing()
  if (sayIsOver()) return
  if (!link.canConfirm) {
    const isMoved = link.appointment.status === 'confirmed'
    add(paragraph(say(isMoved ? 'otherTime' : link.appointment.status), 'lead'))
    return
  }
  setTitle('confirmTitle')
  add(paragraph(say('confirmLead'), 'lead'))
  const body = { version: link.appointment.version }
  const come = button(say('confirm'), () => act(come, { path: 'confirm', body, after: showComing }))
  add(come, paragraph(say('cannotCome'), 'hint'))
}

function showComing() {
  showDone('comingTitle', say('comingText'))
}

function showOffer() {
  const { offer } = link
  if (offer.status === 'taken') return showTaken()
  if (offer.status === 'refused') return showDone('refusedTitle', say('refusedText'))
  setTitle('offered')
  const time = timeOf(offer.heldUntil)
  add(paragraph(say(offer.insteadOf ? 'offerLead' : 'offerFirstLead', { time }), 'lead'))
  const answerWith = (answer, after) => ({
    path: 'offer',
    body: { answer },
    after,
    refused: lostOffer,
  })
  const take = button(say('take'), () => act(take, answerWith('take', showTaken)))
  const refuse = quietButton(say('refuse'), () =>
    act(
      refuse,
      answerWith('refuse', () => showDone('refusedTitle', say('refusedText'))),
    ),
  )
  add(take, refuse)
}

function showTaken() {
  setTitle('visit')
  actions.replaceChildren()
  if (sayIsOver()) return
  const isRequest = link.appointment.status === 'requested'
  showDone('takenTitle', say(isRequest ? 'takenRequested' : 'takenText'))
}

function lostOffer({ type }) {
  if (type !== '/problems/slot-taken' && type !== '/problems/hold-expired') return false
  showEnd('lateTitle', [say('offerGone')])
  return true
}

/** What was done, with the visit as it is now. */
function showDone(title, text) {
  showVisit()
  actions.replaceChildren()
  setTitle(title)
  const isLost = title === 'refusedTitle' || title === 'keptTitle'
  showNotice(isLost ? 'plain' : 'success', [text])
  heading.focus()
}

// Moving: a day, one of its times, and the question whether that is meant.

/** The open times so far, and where to look for more. */
let days = []
let nextFrom = null
let openDay = ''

function showMove() {
  setTitle('visit')
  if (sayIsOver() || sayIsLate(link.appointment.canMove)) return
  setTitle('moveTitle')
  days = []
  nextFrom = null
  openDay = ''
  void loadTimes()
}

/** Adds the days from `from` on that have open times; looks further ahead where there are none at first. */
async function loadTimes(from) {
  const asked = from === undefined ? {} : { from }
  const answer = await post('open-times', asked, { retry: () => loadTimes(from) })
  if (answer === null) return
  if (!answer.ok) return showRefusedAction(answer.body)
  const found = answer.body.days.filter(({ slots }) => slots.length > 0)
  days.push(...found)
  nextFrom = answer.body.nextOpenDate
  if (days.length === 0 && nextFrom !== null) return loadTimes(nextFrom)
  if (openDay === '') openDay = days[0]?.date ?? ''
  showTimes()
  if (from !== undefined && found.length > 0) dayButton(found[0].date)?.focus()
}

function showTimes() {
  actions.replaceChildren()
  if (days.length === 0) {
    showNotice('warning', [say('noTimes')])
    return
  }
  const title = document.createElement('h2')
  title.textContent = say('choose')
  const list = document.createElement('ol')
  list.append(...days.map(dayItem))
  add(title, list)
  if (nextFrom === null) return
  const later = quietButton(say('later'), () => {
    const release = setBusy(later)
    void loadTimes(nextFrom).finally(release)
  })
  add(later)
}

function dayButton(date) {
  return actions.querySelector(`button[data-date="${date}"]`)
}

function dayItem({ date, slots }) {
  const item = document.createElement('li')
  item.className = 'day'
  const isOpen = date === openDay
  const toggle = quietButton('', () => {
    openDay = isOpen ? '' : date
    showTimes()
    dayButton(date).focus()
  })
  toggle.dataset.date = date
  toggle.setAttribute('aria-expanded', String(isOpen))
  const name = document.createElement('span')
  name.textContent = dayOf(slots[0].startsAt)
  const count = document.createElement('span')
  count.className = 'count'
  count.textContent = sayCount('times', slots.length)
  toggle.append(name, count)
  const title = document.createElement('h3')
  title.append(toggle)
  item.append(title)
  if (isOpen) item.append(timesOf(slots))
  return item
}

function timesOf(slots) {
  const times = document.createElement('div')
  times.className = 'times'
  times.append(...slots.map((slot) => slotButton(slot, timeOf(slot.startsAt))))
  return times
}

function slotButton(slot, text) {
  const choose = quietButton(text, () => askMove(slot))
  choose.dataset.slot = slot.id
  choose.setAttribute('aria-label', dateAndTime(slot.startsAt))
  return choose
}

function askMove(slot) {
  hideNotice()
  const card = document.createElement('section')
  card.className = 'card'
  const question = document.createElement('h2')
  question.tabIndex = -1
  question.textContent = say('moveQuestion')
  const time = paragraph(dateAndTime(slot.startsAt), 'when')
  const body = { slotId: slot.id, version: link.appointment.version }
  const move = button(say('move', { time: shortTime(slot.startsAt) }), () =>
    act(move, {
      path: 'move',
      body,
      after: showMoved,
      refused: (problem) => lostTime(problem, slot),
    }),
  )
  const back = quietButton(say('back'), () => {
    hideNotice()
    showTimes()
    const chosen = actions.querySelector(`button[data-slot="${CSS.escape(slot.id)}"]`)
    ;(chosen ?? actions.querySelector('button'))?.focus()
  })
  card.append(question, time, move, back)
  actions.replaceChildren(card)
  question.focus()
}

function showMoved() {
  const isRequest = link.appointment.status === 'requested'
  showDone(isRequest ? 'askedTitle' : 'movedTitle', say(isRequest ? 'askedText' : 'movedText'))
}

/** The chosen time is gone: what is left is shown anew, with the nearest times in reach. */
function lostTime({ type, alternatives = [] }, slot) {
  const isBusy = type === '/problems/patient-busy'
  if (!isBusy && type !== '/problems/slot-taken' && type !== '/problems/not-offered') return false
  const text = say(isBusy ? 'elsewhere' : 'taken', { time: shortTime(slot.startsAt) })
  const nearest = document.createElement('div')
  nearest.className = 'nearest'
  nearest.append(...alternatives.map((one) => slotButton(one, dateAndTime(one.startsAt))))
  const parts = alternatives.length > 0 ? [text, say('nearest'), nearest] : [text]
  days = days.map((day) => ({ ...day, slots: day.slots.filter(({ id }) => id !== slot.id) }))
  days = days.filter(({ slots }) => slots.length > 0)
  showTimes()
  showNotice('warning', parts, { takesFocus: true })
  return true
}

// The visit itself.

function showVisit() {
  const { appointment, offer } = link
  const { doctor, clinic, patient, status } = appointment
  const { street, postalCode, city } = clinic.address
  const list = document.createElement('dl')
  const isRemote = appointment.mode !== 'in_person'
  const address = [street, [postalCode, city].filter(Boolean).join(' ')].filter(Boolean).join(', ')
  list.append(
    row('when', [paragraph(dayOf(appointment.startsAt), 'when'), ...timeLines(appointment)]),
    ...(offer?.insteadOf ? [row('instead', [dateAndTime(offer.insteadOf)])] : []),
    row('doctor', [isolated([doctor.title, doctor.name].filter(Boolean).join(' '))]),
    row('where', [
      ...(isRemote ? [paragraph(say(appointment.mode))] : []),
      paragraph(isolated(clinic.name)),
      ...(isRemote ? [] : [paragraph(isolated(address))]),
    ]),
    ...(clinic.phone ? [row('telephone', [phoneLink(clinic.phone)])] : []),
    row('patient', [isolated(patient.firstName)]),
  )
  const box = element('visit')
  box.classList.toggle('gone', ['cancelled', 'declined', 'expired'].includes(status))
  box.replaceChildren(list)
  box.hidden = false
}

function row(name, parts) {
  const group = document.createElement('div')
  const term = document.createElement('dt')
  const value = document.createElement('dd')
  term.textContent = say(name)
  value.append(...parts)
  group.append(term, value)
  return group
}

/** The hours, and where the reader's clock differs a line that says whose they are. */
function timeLines({ startsAt, endsAt, timeZone, mode }) {
  const range = format({ timeStyle: 'short' }).formatRange(date(startsAt), date(endsAt))
  const lines = [paragraph(range, 'when')]
  if (!isElsewhere(startsAt)) return lines
  const city = timeZone.split('/').at(-1).replaceAll('_', ' ')
  const zone = say('zone', { city, offset: offsetOf(startsAt) })
  lines.push(paragraph(zone, 'zone'))
  if (mode === 'in_person') return lines
  const time = new Intl.DateTimeFormat(locale, {
    weekday: 'long',
    hour: 'numeric',
    minute: '2-digit',
  }).format(date(startsAt))
  return [...lines, paragraph(say('ownZone', { time }), 'zone')]
}

/** Whether the reader's clock shows another time then than the clinic's. */
function isElsewhere(instant) {
  const clinics = format({ dateStyle: 'short', timeStyle: 'short' }).format(date(instant))
  const own = new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'short' })
  return own.format(date(instant)) !== clinics
}

// Times as people read them, always those of the clinic.

function date(instant) {
  return new Date(instant)
}

function format(options) {
  return new Intl.DateTimeFormat(locale, { timeZone: link.appointment.timeZone, ...options })
}

/** With the year where it is another than this one. */
function dayOf(instant) {
  const yearOf = (one) => format({ year: 'numeric' }).format(one)
  const isThisYear = yearOf(date(instant)) === yearOf(new Date())
  return format({
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(!isThisYear && { year: 'numeric' }),
  }).format(date(instant))
}

function timeOf(instant) {
  return written(instant, { timeStyle: 'short' })
}

function dateAndTime(instant) {
  const clock = { hour: 'numeric', minute: '2-digit' }
  return written(instant, { weekday: 'long', day: 'numeric', month: 'long', ...clock })
}

function shortTime(instant) {
  const clock = { hour: 'numeric', minute: '2-digit' }
  return written(instant, { weekday: 'short', day: 'numeric', month: 'short', ...clock })
}

/** As the reader's language writes it, with no line's end before AM or PM. */
function written(instant, options) {
  const parts = format(options).formatToParts(date(instant))
  return parts
    .map(({ value }, index) => (parts[index + 1]?.type === 'dayPeriod' ? '\u00a0' : value))
    .join('')
}

function offsetOf(instant) {
  const parts = format({ timeZoneName: 'shortOffset' }).formatToParts(date(instant))
  return parts.find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', 'UTC') ?? ''
}

// Pieces of the page.

function add(...parts) {
  actions.append(...parts)
}

function paragraph(content, className = '') {
  const made = document.createElement('p')
  made.className = className
  made.append(content)
  return made
}

/** Text whose writing direction is its own. */
function isolated(text) {
  const made = document.createElement('bdi')
  made.textContent = text
  return made
}

function phoneLink(phone) {
  const made = document.createElement('a')
  made.href = `tel:${phone.replaceAll(/[^+\d]/g, '')}`
  const number = document.createElement('bdi')
  number.dir = 'ltr'
  number.textContent = phone
  made.append(number)
  return made
}

function button(text, onClick) {
  const made = document.createElement('button')
  made.type = 'button'
  made.textContent = text
  made.addEventListener('click', () => {
    if (made.getAttribute('aria-disabled') !== 'true') onClick()
  })
  return made
}

function quietButton(text, onClick) {
  const made = button(text, onClick)
  made.className = 'quiet'
  return made
}

function setTitle(name) {
  heading.textContent = say(name)
  document.title = `${say(name)} – Visita`
}

function showNotice(kind, parts, { takesFocus = false } = {}) {
  notice.className = `notice ${kind}`
  notice.replaceChildren(
    ...parts.map((part) => (typeof part === 'string' ? paragraph(part) : part)),
  )
  notice.hidden = false
  if (takesFocus) notice.focus()
  announce(parts.filter((part) => typeof part === 'string').join(' '))
}

function hideNotice() {
  notice.hidden = true
}

function announce(text) {
  element('announcement').textContent = text
}

// Someone may open the link of another mail in the same window.
addEventListener('hashchange', () => {
  if (location.hash.length > 1) open()
})
open()
