// Calls the HTTP interface of a provider: one question, one answer in JSON, within a limit of time.

export interface Question {
  /** Of whom it is asked, for the message when no answer comes. */
  provider: string
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  /** The longest that the whole of it may take, in milliseconds. */
  limit: number
}

export interface Answer {
  status: number
  /** The fields of the JSON object in the answer; none when it is something else. */
  fields: Readonly<Record<string, unknown>>
}

/** Answers of providers have a few hundred bytes; what is longer comes from somebody else. */
const answerBytesMax = 65_536

/**
 * Asks and answers whatever the status is. A redirect counts as no answer: it would take the password
 * to another place.
 *
 * @throws Error that names the provider and what went wrong, and neither the address nor the body.
 */
export async function askProvider(question: Question): Promise<Answer> {
  const { provider, url, method, headers, body, limit } = question
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'error',
      signal: AbortSignal.timeout(limit),
    })
    return { status: response.status, fields: fieldsOf(await textIn(response)) }
  } catch (error) {
    throw failureOf(provider, error)
  }
}

/** The body as far as it is read: one that is too long is left in the middle, and so is no JSON. */
async function textIn({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop early cancels the rest, and with it the connection.
  for await (const piece of body ?? []) {
    pieces.push(piece)
    bytes += piece.byteLength
    if (bytes > answerBytesMax) break
  }
  return Buffer.concat(pieces).toString()
}

/** Without the original as its cause, which may hold the address that was called. */
function failureOf(provider: string, error: unknown): Error {
  return error instanceof Error && error.name === 'TimeoutError'
    ? new Error(`${provider} did not answer in time.`)
    : new Error(`${provider} cannot be reached (${causeOf(error)}).`)
}

function fieldsOf(text: string): Answer['fields'] {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}

/** The system's code, such as ECONNREFUSED, which fetch keeps in the cause of its error. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error'
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error.cause instanceof AggregateError) return causeOf(error.cause.errors[0])
  if (error.cause instanceof Error) return causeOf(error.cause)
  return error.message
}

/** For an answer of success that does not say what was asked: whoever gave it is not the provider. */
export function notUnderstood(provider: string, status: number): Error {
  return new Error(`${provider} answered something that is not understood (${status}).`)
}

/** The text of a field, or an empty one. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
