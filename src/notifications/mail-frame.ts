// The frame of every mail: its parts as one plain text and as one HTML document, which needs no images and
// no style sheet, reads well on a phone, aloud and in the dark, and shows nothing as markup. Pure.

/** One row of the table of facts. */
export interface FactRow {
  label: string
  /** Each on a line of its own where there is room. */
  values: readonly string[]
  /** Where the last value leads to, an http, https or tel address; null for nowhere. */
  href: string | null
}

/** A link that stands out. */
export interface Button {
  label: string
  href: string
}

export interface MailParts {
  /** Of `lang`, such as "de-DE". */
  locale: string
  direction: 'ltr' | 'rtl'
  /** Stands between the values of a fact in one line. */
  comma: string
  /** Who writes, at the top. */
  sender: string
  title: string
  greeting: string
  paragraphs: readonly string[]
  facts: readonly FactRow[]
  /** The first is the one that is meant to be taken. */
  buttons: readonly Button[]
  footer: readonly string[]
  /** An address that footers name, which becomes a link in HTML. */
  footerUrl: string
}

/** The mail as plain text. */
export function textOf(parts: MailParts): string {
  const facts = parts.facts.map(({ label, values }) => `${label}: ${values.join(parts.comma)}`)
  const buttons = parts.buttons.map(({ label, href }) => `${label}:\n${href}`)
  return `${[
    parts.sender,
    parts.title,
    parts.greeting,
    ...parts.paragraphs,
    facts.join('\n'),
    ...buttons,
    `-- \n${parts.footer.join('\n')}`,
  ]
    .filter((block) => block !== '')
    .join('\n\n')}\n`
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The text as it stands in HTML, between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/gv, (character) => escapes[character] ?? '')
}

const fonts =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif"

/** For readers in the dark; programs that know no media queries show the light colours. */
const darkStyles = `
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .canvas { background: #111614 !important; }
  .card { background: #1a211e !important; border-color: #323c37 !important; }
  .text { color: #ecefeb !important; }
  .muted { color: #aab5ae !important; }
  .sender { color: #83cdb3 !important; }
  .line { border-color: #323c37 !important; }
  .link { color: #8cc7ec !important; }
  .main-button { background: #83cdb3 !important; border-color: #83cdb3 !important; color: #0b201a !important; }
  .button { border-color: #7e8c85 !important; color: #83cdb3 !important; }
}
@media (max-width: 480px) {
  .canvas-cell { padding: 12px 8px !important; }
  .card { padding: 24px 20px !important; }
  .button, .main-button { display: block !important; margin: 0 0 10px !important; text-align: center !important; }
}`

const breakLong = 'overflow-wrap: anywhere; word-break: break-word;'

/** The mail as an HTML document. */
export function htmlOf(parts: MailParts): string {
  const side = parts.direction === 'rtl' ? 'right' : 'left'
  const { direction } = parts
  const paragraph = (text: string, style = '') =>
    `<p class="text" style="margin: 0 0 16px; color: #1c2622; ${style}">${escapeHtml(text)}</p>`
  const body = [
    `<p class="sender" style="margin: 0 0 20px; color: #1d5b4c; font-weight: 600; ${breakLong}">${escapeHtml(parts.sender)}</p>`,
    `<h1 class="text" style="margin: 0 0 20px; color: #1c2622; font-size: 23px; line-height: 1.3; font-weight: 700;">${escapeHtml(parts.title)}</h1>`,
    paragraph(parts.greeting, breakLong),
    ...parts.paragraphs.map((text) => paragraph(text, breakLong)),
    factsHtml(parts.facts, side),
    buttonsHtml(parts.buttons, side),
  ].join('\n')
  const footer = parts.footer
    .map(
      (text) =>
        `<p class="muted" style="margin: 0 0 8px; ${breakLong}">${withLink(text, parts.footerUrl)}</p>`,
    )
    .join('\n')
  return `<!doctype html>
<html lang="${escapeHtml(parts.locale)}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(parts.title)}</title>
<style>${darkStyles}
</style>
</head>
<body class="canvas" style="margin: 0; padding: 0; background: #faf8f4; -webkit-text-size-adjust: 100%;">
<table role="presentation" class="canvas" dir="${direction}" width="100%" cellpadding="0" cellspacing="0" style="width: 100%; border-collapse: collapse; background: #faf8f4; font-family: ${fonts}; font-size: 16px; line-height: 1.5;">
<tr><td class="canvas-cell" align="center" style="padding: 32px 12px;">
<table role="presentation" dir="${direction}" width="100%" cellpadding="0" cellspacing="0" style="width: 100%; max-width: 560px; border-collapse: separate;">
<tr><td class="card" align="${side}" style="padding: 32px; background: #ffffff; border: 1px solid #dad5c9; border-radius: 12px; text-align: ${side};">
${body}
</td></tr>
<tr><td class="muted" align="${side}" style="padding: 20px 8px 0; color: #525d57; font-size: 14px; line-height: 1.5; text-align: ${side};">
${footer}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`
}

function factsHtml(facts: readonly FactRow[], side: 'left' | 'right'): string {
  if (facts.length === 0) return ''
  const gap = side === 'left' ? 'padding-right: 16px;' : 'padding-left: 16px;'
  const rows = facts.map(({ label, values, href }) => {
    const lines = values.map((value, index) =>
      href !== null && index === values.length - 1 ? link(href, value) : escapeHtml(value),
    )
    const cell = `border-top: 1px solid #dad5c9; padding-top: 10px; padding-bottom: 10px; text-align: ${side}; vertical-align: top;`
    return `<tr>
<th class="muted line" scope="row" align="${side}" style="${cell} ${gap} width: 29%; color: #525d57; font-weight: 400; ${breakLong}">${escapeHtml(label)}</th>
<td class="text line" align="${side}" style="${cell} color: #1c2622; font-weight: 600; ${breakLong}">${lines.join('<br>')}</td>
</tr>`
  })
  return `<table width="100%" cellpadding="0" cellspacing="0" style="width: 100%; margin: 8px 0 16px; border-collapse: collapse; table-layout: fixed;">
${rows.join('\n')}
</table>`
}

function buttonsHtml(buttons: readonly Button[], side: 'left' | 'right'): string {
  const margin = side === 'left' ? 'margin: 0 10px 10px 0;' : 'margin: 0 0 10px 10px;'
  const shape = `display: inline-block; ${margin} padding: 11px 20px; border-radius: 8px; font-weight: 600; line-height: 1.4; text-decoration: none;`
  const links = buttons.map(({ label, href }, index) =>
    index === 0
      ? `<a class="main-button" href="${escapeHtml(href)}" style="${shape} background: #1d5b4c; border: 1px solid #1d5b4c; color: #ffffff;">${escapeHtml(label)}</a>`
      : `<a class="button" href="${escapeHtml(href)}" style="${shape} border: 1px solid #857d6d; color: #1d5b4c;">${escapeHtml(label)}</a>`,
  )
  return `<div style="padding-top: 8px;">${links.join('\n')}</div>`
}

/** The text with the address in it as a link. */
function withLink(text: string, url: string): string {
  const [before = '', ...after] = text.split(url)
  return [escapeHtml(before), ...after.map(escapeHtml)].join(link(url, url))
}

function link(href: string, label: string): string {
  return isFollowed(href)
    ? `<a class="link" href="${escapeHtml(href)}" style="color: #17557a;">${escapeHtml(label)}</a>`
    : escapeHtml(label)
}

/** Whether a link may lead there: no script, no data. */
function isFollowed(href: string): boolean {
  return /^(?:https?:\/\/|tel:)/iv.test(href)
}
