// Keeps the list up to date, fits the frame to the mail in it, and filters without a button.

const pauseMilliseconds = 2000

const element = (id) => document.getElementById(id)

const filter = element('filter')
filter.querySelector('button').hidden = true
element('to').addEventListener('change', () => filter.requestSubmit())
filter.addEventListener('submit', (event) => {
  if (element('to').value !== '') return
  event.preventDefault()
  location.assign('/dev/mail')
})

const frame = element('body')
if (frame !== null) {
  frame.addEventListener('load', fit)
  addEventListener('resize', fit)
  fit()
}

/** The frame grows and shrinks, so it is measured from a small height. */
function fit() {
  const content = frame.contentDocument?.documentElement
  if (!content || frame.contentDocument.readyState !== 'complete') return
  frame.height = '160'
  const border = frame.offsetHeight - frame.clientHeight
  frame.height = String(Math.max(160, content.scrollHeight) + border)
}

setInterval(() => {
  if (!document.hidden) void refresh()
}, pauseMilliseconds)

let shown = null

/** Takes the list and the filter over from a fresh copy of the page, if they changed. */
async function refresh() {
  const response = await fetch(location.href).catch(() => null)
  if (!response?.ok) return
  const text = await response.text()
  if (text === shown) return
  const isFirst = shown === null
  shown = text
  const page = new DOMParser().parseFromString(text, 'text/html')
  const list = page.getElementById('messages')
  if (isFirst && list.textContent === element('messages').textContent) return
  const focused = document.activeElement?.closest('#messages a')?.getAttribute('href')
  document.body.className = page.body.className
  element('messages').replaceChildren(...list.childNodes)
  if (focused) document.querySelector(`#messages a[href="${CSS.escape(focused)}"]`)?.focus()
  if (document.activeElement !== element('to')) {
    const chosen = element('to').value
    element('to').replaceChildren(...page.getElementById('to').childNodes)
    element('to').value = chosen
  }
  if (frame === null)
    element('message').replaceChildren(...page.getElementById('message').childNodes)
}
