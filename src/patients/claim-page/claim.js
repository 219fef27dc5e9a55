// Claims a record with the code in the address's fragment, which browsers never send: by registering,
// or by signing in first.

const code = location.hash.slice(1).trim()
// Takes the code out of the address bar and the list behind the back button. A browser may keep the first
// address in its history all the same; the code there is good once.
history.replaceState(null, '', location.pathname)

const dateParts = ['day', 'month', 'year']
const credentials = ['name', 'email', 'password']
const title = document.title

const element = (id) => document.getElementById(id)
const form = element('form')
const result = element('result')
const submit = element('submit')

/** Who is signed in by now, so that a second try only claims. */
let signedIn = null

if (code === '') {
  element('heading').textContent = 'This link is not complete'
  showResult(
    'danger',
    'The code is missing. Open the whole link again as you got it; it ends with # and the code.',
  )
} else {
  form.hidden = false
}

form.addEventListener('change', adaptForm)
adaptForm()

element('show').addEventListener('change', (event) => {
  element('password').type = event.target.checked ? 'text' : 'password'
})

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (submit.getAttribute('aria-disabled') === 'true') return
  clearErrors()
  const errors = [...dateErrors(), ...credentialErrors()]
  if (errors.length > 0) showErrors(errors)
  else void claim()
})

function isNew() {
  return signedIn === null && element('new').checked
}

function relation() {
  return new FormData(form).get('relation')
}

/** Browsers restore what was chosen before a reload, so this runs at the start, too. */
function adaptForm() {
  const isSelf = relation() === 'self'
  element('birth-legend').textContent = isSelf
    ? 'Your date of birth'
    : 'The patient’s date of birth'
  element('accounts').hidden = signedIn !== null
  element('credentials').hidden = signedIn !== null
  element('name-field').hidden = !isNew()
  element('password-hint').hidden = !isNew()
  element('password').autocomplete = isNew() ? 'new-password' : 'current-password'
  for (const part of dateParts) element(part).autocomplete = isSelf ? `bday-${part}` : 'off'
  submit.textContent = actionName()
}

function actionName() {
  if (signedIn !== null) return 'Take the record'
  return isNew() ? 'Create account and take the record' : 'Sign in and take the record'
}

async function claim() {
  setBusy(true)
  try {
    await send()
  } catch {
    showResult('danger', 'The server cannot be reached. Check your connection and try again.', true)
  } finally {
    setBusy(false)
  }
}

async function send() {
  const claimed = { code, dateOfBirth: dateOfBirth() }
  if (isNew() && relation() === 'self') {
    const answer = await post('/auth/register', { ...valuesOf(credentials), claim: claimed })
    if (answer.ok) await showDone(answer.body)
    else showProblem(answer.body)
    return
  }
  if (signedIn === null) {
    const answer = isNew()
      ? await post('/auth/register', valuesOf(credentials))
      : await post('/auth/login', valuesOf(['email', 'password']))
    if (!answer.ok) return showProblem(answer.body)
    signedIn = answer.body
    adaptForm()
  }
  const answer = await post('/patients/claims', { ...claimed, relation: relation() })
  if (answer.ok) await showDone(signedIn, answer.body.name)
  else showProblem(answer.body)
}

async function post(path, body) {
  const response = await fetch(`/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization(signedIn) },
    body: JSON.stringify(body),
  })
  return { ok: response.ok, body: response.status === 204 ? null : await response.json() }
}

function authorization(account) {
  return account === null ? {} : { authorization: `Bearer ${account.accessToken}` }
}

/** Nothing of the sign-in is kept here, so its session ends. */
async function showDone(account, recordName) {
  form.reset()
  form.hidden = true
  element('done-name').textContent = recordName ?? account.account.name
  element('done-email').textContent = account.account.email
  element('done').hidden = false
  showResult('success', 'The record is in your account now.')
  document.title = 'The record is in your account – Visita'
  element('heading').focus()
  signedIn = account
  await post('/auth/logout', {}).catch(() => {})
}

const explanations = {
  '/problems/invalid-claim':
    'The link and the date of birth do not fit, or the link was used or is older than 14 days. Check the date of birth. If it is right, ask the clinic for a new link; after 5 wrong dates a link is void.',
  '/problems/email-taken':
    'There is already an account with this e-mail address. Choose “I have an account already” and sign in with it.',
  '/problems/bad-credentials': 'The e-mail address or the password is wrong. Check both.',
  '/problems/not-allowed':
    'This account is not a patient’s. Take the record with an account of your own.',
  '/problems/not-signed-in': 'The sign-in took too long. Sign in again.',
  '/problems/busy': 'The server is busy. Wait a moment and try again.',
}

function showProblem(problem) {
  if (problem.type === '/problems/not-allowed' || problem.type === '/problems/not-signed-in') {
    signedIn = null
    adaptForm()
  }
  const named = (problem.errors ?? []).map(({ pointer, detail }) => ({
    name: fieldOf(pointer),
    text: sentences[pointer] ?? detail,
  }))
  const shown = named.filter(({ name }) => name === 'birth' || credentials.includes(name))
  if (shown.length > 0 && problem.type === '/problems/invalid-request') showErrors(shown)
  else showResult('danger', explanations[problem.type] ?? problem.detail, true)
}

function fieldOf(pointer) {
  return pointer.endsWith('/dateOfBirth') ? 'birth' : pointer.slice(1)
}

/** What the server says of a field names it as programs do. A password's fault is told in its own words. */
const sentences = {
  '/name': 'Write your name.',
  '/email': 'Write an e-mail address, such as anna.berg@example.org.',
  '/dateOfBirth': 'The date of birth must be a real date in the past.',
  '/claim/dateOfBirth': 'The date of birth must be a real date in the past.',
}

function credentialErrors() {
  if (signedIn !== null) return []
  return credentials
    .filter((name) => (name !== 'name' || isNew()) && element(name).value.trim() === '')
    .map((name) => ({ name, text: sentences[`/${name}`] ?? passwordSentence() }))
}

function passwordSentence() {
  return isNew() ? 'Choose a password of at least 8 characters.' : 'Write your password.'
}

/** At most one, with the parts of the date that it is about. */
function dateErrors() {
  const missing = dateParts.filter((part) => element(part).value.trim() === '')
  if (missing.length === dateParts.length) return [dateError('Write the date of birth.', dateParts)]
  if (missing.length > 0)
    return [dateError(`The date of birth must have a ${missing.join(' and a ')}.`, missing)]
  const odd = dateParts.filter((part) => !/^[0-9]+$/.test(element(part).value.trim()))
  if (odd.length > 0) return [dateError('Write the date of birth in numbers.', odd)]
  if (element('year').value.trim().length !== 4)
    return [dateError('The year must have 4 digits, such as 1980.', ['year'])]
  const date = new Date(`${dateOfBirth()}T00:00:00Z`)
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(dateOfBirth())
  if (!isReal) return [dateError('The date of birth must be a real date.', dateParts)]
  if (date > Date.now()) return [dateError('The date of birth must be in the past.', dateParts)]
  return []
}

function dateError(text, parts) {
  return { name: 'birth', text, parts }
}

function dateOfBirth() {
  const [day, month, year] = dateParts.map((part) => element(part).value.trim())
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
}

function valuesOf(names) {
  return Object.fromEntries(names.map((name) => [name, element(name).value]))
}

function inputsOf({ name, parts }) {
  return name === 'birth' ? (parts ?? dateParts) : [name]
}

function showErrors(errors) {
  for (const error of errors) {
    const message = element(`${error.name}-error`)
    message.textContent = error.text.replace('/password', 'The password')
    message.hidden = false
    for (const name of inputsOf(error)) element(name).setAttribute('aria-invalid', 'true')
  }
  document.title = `Error: ${title}`
  element(inputsOf(errors[0])[0]).focus()
}

function clearErrors() {
  result.hidden = true
  document.title = title
  for (const name of ['birth', ...credentials]) element(`${name}-error`).hidden = true
  for (const name of [...dateParts, ...credentials]) element(name).removeAttribute('aria-invalid')
}

function showResult(kind, text, takesFocus = false) {
  result.className = `notice ${kind}`
  result.textContent = text
  result.hidden = false
  if (takesFocus) result.focus()
}

function setBusy(isBusy) {
  submit.setAttribute('aria-disabled', String(isBusy))
  submit.textContent = isBusy ? 'One moment…' : actionName()
}
