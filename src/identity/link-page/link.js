// Does the one thing that a link in a mail to an account is for, when its reader says so. The token stands
// in the address's fragment, which browsers never send; from there it goes into the body of a POST.

import { locale, say } from './words.js'

const token = location.hash.slice(1).trim()
// Takes the token out of the address bar and the list behind the back button. A browser may keep the first
// address in its history all the same; the token there is good once.
history.replaceState(null, '', location.pathname)

const element = (id) => document.getElementById(id)
const heading = element('heading')
const form = element('form')
const result = element('result')
const submit = element('submit')
const all = ['name', 'email', 'password', 'code']

/** Each page by its address: the words that it begins with, its fields, and what it sends. */
const pages = {
  '/reset-password': {
    words: 'reset',
    fields: () => ['password'],
    send: () => post('/auth/reset-password', { token, password: element('password').value }),
  },
  '/verify-email': {
    words: 'verify',
    fields: () => [],
    send: () => post('/auth/verify-email', { token }),
  },
  '/change-email': {
    words: 'change',
    fields: () => [],
    send: () => post('/auth/change-email/confirm', { token }),
  },
  '/access': {
    words: 'access',
    fields: () => {
      if (isNew()) return ['name', 'email', 'password']
      return needsCode ? ['email', 'password', 'code'] : ['email', 'password']
    },
    send: acceptAccess,
  },
}

const page = pages[location.pathname] ?? pages['/verify-email']
const takesAccount = page === pages['/access']

/** The account of these fields has a second step. */
let needsCode = false
/** Who is signed in by now, so that a second try only accepts. */
let signedIn = null

for (const one of document.querySelectorAll('[data-say]')) one.textContent = say(one.dataset.say)
element('lead').textContent = say(`${page.words}Lead`)
element('accounts').hidden = !takesAccount
if (token === '') showEnd('missingTitle', [say('missingText')])
else {
  setTitle(say(`${page.words}Title`))
  form.hidden = false
  adaptForm()
}

form.addEventListener('change', adaptForm)
element('email').addEventListener('input', () => {
  needsCode = false
})
element('show').addEventListener('change', ({ target }) => {
  element('password').type = target.checked ? 'text' : 'password'
})

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (submit.getAttribute('aria-disabled') === 'true') return
  clearErrors()
  const missing = page.fields().filter((name) => element(name).value.trim() === '')
  if (missing.length > 0) showErrors(missing.map((name) => ({ name, text: missingText(name) })))
  else void act()
})

function isNew() {
  return takesAccount && element('new').checked
}

function choosesPassword() {
  return !takesAccount || isNew()
}

/** Browsers restore what was chosen before a reload, so this runs at the start, too. */
function adaptForm() {
  const fields = page.fields()
  for (const name of all) element(`${name}-field`).hidden = !fields.includes(name)
  const isChosen = choosesPassword()
  element('password-label').textContent = say(
    isChosen && !takesAccount ? 'newPassword' : 'password',
  )
  element('password-hint').hidden = !isChosen
  element('password').autocomplete = isChosen ? 'new-password' : 'current-password'
  submit.textContent = actionName()
}

function actionName() {
  return say(isNew() ? 'accessNewAction' : `${page.words}Action`)
}

// Talking to the server.

async function act() {
  setBusy(true)
  try {
    const answer = await page.send()
    if (answer.ok) await showDone(answer.body)
    else await showProblem(answer.body)
  } catch {
    showResult('danger', say('unreachable'))
  } finally {
    setBusy(false)
  }
}

/** Signs in, or makes an account, and accepts as who that is. */
async function acceptAccess() {
  if (signedIn === null) {
    const path = isNew() ? '/auth/register' : '/auth/login'
    const more = isNew() ? { locale } : {}
    const answer = await post(path, { ...valuesOf(page.fields()), ...more })
    if (!answer.ok) return answer
    signedIn = answer.body
  }
  return post('/patients/access-invitations/accept', { token })
}

async function post(path, body) {
  const response = await fetch(`/api/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(signedIn !== null && { authorization: `Bearer ${signedIn.accessToken}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
    cache: 'no-store',
  })
  return { ok: response.ok, body: response.status === 204 ? null : await response.json() }
}

/** Nothing of the sign-in is kept here, so its session ends. */
async function signOut() {
  if (signedIn === null) return
  await post('/auth/logout', {}).catch(() => {})
  signedIn = null
}

// What came of it.

async function showDone(answer) {
  await signOut()
  form.reset()
  form.hidden = true
  setTitle(say(`${page.words}Done`))
  element('done-text').textContent = say(`${page.words}Text`, { name: answer?.name ?? '' })
  element('done').hidden = false
  heading.focus()
}

const explanations = {
  'bad-credentials': 'wrongPassword',
  'not-signed-in': 'wrongPassword',
  'email-taken': takesAccount ? 'emailTaken' : 'taken',
  conflict: 'hasAccess',
  'not-allowed': 'noMore',
  'second-factor-required': 'noMore',
  busy: 'busy',
  'internal-error': 'busy',
}

async function showProblem(problem) {
  const isLimit = problem.status === 429
  const kind = problem.type.split('/').at(-1)
  // A session that gave nothing is not left open.
  if (!isLimit && problem.status < 500) await signOut()
  if (kind === 'invalid-link' || kind === 'invalid-invitation')
    return showEnd('invalidTitle', [say('invalidText'), say(`${page.words}Invalid`)])
  if (kind === 'second-factor-needed') {
    needsCode = true
    adaptForm()
    return showErrors([{ name: 'code', text: say('codeNeeded') }])
  }
  const fields = page.fields()
  const named = (problem.errors ?? [])
    .map(({ pointer }) => pointer.slice(1))
    .filter((name) => fields.includes(name))
  if (kind === 'invalid-request' && named.length > 0)
    return showErrors(named.map((name) => ({ name, text: wrongText(name) })))
  showResult('danger', isLimit ? say('tooMany') : say(explanations[kind] ?? 'busy'))
}

function missingText(name) {
  if (name === 'password' && choosesPassword()) return say('newPasswordMissing')
  return say(`${name}Missing`)
}

function wrongText(name) {
  return name === 'password' ? say('passwordPoor') : missingText(name)
}

/** The page in a state that leads no further. */
function showEnd(title, sentences) {
  form.hidden = true
  setTitle(say(title))
  result.className = 'notice danger'
  result.replaceChildren(...sentences.map(paragraph))
  result.hidden = false
  heading.focus()
}

function paragraph(text) {
  const one = document.createElement('p')
  one.textContent = text
  return one
}

function setTitle(text) {
  heading.textContent = text
  document.title = `${text} – Visita`
}

function showErrors(errors) {
  for (const { name, text } of errors) {
    const message = element(`${name}-error`)
    message.textContent = text
    message.hidden = false
    element(name).setAttribute('aria-invalid', 'true')
  }
  document.title = say('errorTitle', { title: `${heading.textContent} – Visita` })
  element(errors[0].name).focus()
}

function clearErrors() {
  result.hidden = true
  setTitle(heading.textContent)
  for (const name of all) {
    element(`${name}-error`).hidden = true
    element(name).removeAttribute('aria-invalid')
  }
}

function showResult(kind, text) {
  result.className = `notice ${kind}`
  result.replaceChildren(paragraph(text))
  result.hidden = false
  result.focus()
}

function setBusy(isBusy) {
  submit.setAttribute('aria-disabled', String(isBusy))
  submit.textContent = isBusy ? say('busyAction') : actionName()
}

function valuesOf(names) {
  return Object.fromEntries(names.map((name) => [name, element(name).value]))
}
