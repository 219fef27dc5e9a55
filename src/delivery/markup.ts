// HTML in which every value is text, unless it is markup that was made here.

export interface Markup {
  readonly markup: string
}

type Value = string | number | Markup | readonly Markup[]

/** Markup with values in it; texts are escaped, for elements and for attributes in double quotes. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Markup {
  return { markup: String.raw({ raw: parts }, ...values.map(markupOf)) }
}

/** Nothing, where there may be something. */
export const nothing: Markup = { markup: '' }

function markupOf(value: Value): string {
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('')
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter)
}

/** The text with its web addresses as links that open beside the page. */
export function linked(text: string): Markup {
  const pieces = text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]])/g)
  return {
    markup: pieces
      .map((piece, index) =>
        index % 2 === 0
          ? escaped(piece)
          : `<a href="${escaped(piece)}" target="_blank" rel="noreferrer">${escaped(piece)}</a>`,
      )
      .join(''),
  }
}
