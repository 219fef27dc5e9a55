// Registers with the invitation code in the address's fragment, which browsers never send.

const code = location.hash.slice(1).trim()
// The code must not stay in the history of a browser that others use.
history.replaceState(null, '', location.pathname)

const roles = {
  patient: 'Patient',
  doctor: 'Doctor',
  front_desk: 'Front desk',
  admin: 'Admin',
}
const fields = ['name', 'email', 'password']

const element = (id) => document.getElementById(id)
const form = element('form')
const result = element('result')
const submit = element('submit')

if (code === '') {
  element('heading').textContent = 'This link is not complete'
  showResult(
    'danger',
    'The invitation code is missing. Open the whole link again as you got it; it ends with # and the code.',
  )
} else {
  form.hidden = false
}

element('show').addEventListener('change', (event) => {
  element('password').type = event.target.checked ? 'text' : 'password'
})

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (submit.getAttribute('aria-disabled') === 'true') return
  clearErrors()
  const missing = emptyFields()
  if (missing.length > 0) showErrors(missing)
  else void register()
})

async function register() {
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
  const body = { invitationCode: code }
  for (const name of fields) body[name] = element(name).value
  const response = await fetch('/api/v1/auth/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (response.status === 201) showAccount(answer.account)
  else showProblem(answer)
}

function showAccount(account) {
  form.reset()
  form.hidden = true
  element('done-name').textContent = account.name
  element('done-email').textContent = account.email
  element('done-role').textContent = roles[account.role]
  element('done').hidden = false
  showResult('success', 'Your account is ready.')
  element('heading').textContent = 'Welcome to Visita'
  document.title = 'Welcome to Visita'
  element('heading').focus()
}

const explanations = {
  '/problems/invalid-invitation':
    'This invitation is used, has expired, or is for another e-mail address. Ask the person who sent it for a new one.',
  '/problems/email-taken':
    'There is already an account with this e-mail address. Use another address, or sign in with that account.',
  '/problems/busy': 'The server is busy. Wait a moment and try again.',
}

function showProblem(problem) {
  const named = (problem.errors ?? []).map(({ pointer, detail }) => ({
    name: pointer.slice(1),
    text: sentences[pointer] ?? detail,
  }))
  const shown = named.filter(({ name }) => fields.includes(name))
  if (shown.length > 0 && problem.type === '/problems/invalid-request') showErrors(shown)
  else showResult('danger', explanations[problem.type] ?? problem.detail, true)
}

/** What the server says of a field names it as programs do. A password's fault is told in its own words. */
const sentences = {
  '/name': 'Write your name.',
  '/email': 'Write an e-mail address, such as anna.berg@example.org.',
}

function emptyFields() {
  return fields
    .filter((name) => element(name).value.trim() === '')
    .map((name) => ({
      name,
      text: sentences[`/${name}`] ?? 'Choose a password of at least 8 characters.',
    }))
}

function showErrors(errors) {
  for (const { name, text } of errors) {
    const message = element(`${name}-error`)
    message.textContent = text.replace('/password', 'The password')
    message.hidden = false
    element(name).setAttribute('aria-invalid', 'true')
  }
  document.title = 'Error: Join Visita'
  element(errors[0].name).focus()
}

function clearErrors() {
  result.hidden = true
  document.title = 'Join Visita'
  for (const name of fields) {
    element(`${name}-error`).hidden = true
    element(name).removeAttribute('aria-invalid')
  }
}

function showResult(kind, text, takesFocus = false) {
  result.className = `notice ${kind}`
  result.textContent = text
  result.hidden = false
  if (takesFocus) result.focus()
}

function setBusy(isBusy) {
  submit.setAttribute('aria-disabled', String(isBusy))
  submit.textContent = isBusy ? 'Creating account…' : 'Create account'
}
