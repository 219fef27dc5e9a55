// Every answer "no" as RFC 9457 problem details. The one place that knows status codes.

import type { FieldError, Refusal, RefusalCode } from '#src/kernel/errors.ts'

/** The refusals of the domain, and those that HTTP itself brings. */
export type ProblemCode =
  | RefusalCode
  | 'no-such-path'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'body-too-large'
  | 'address-too-long'
  | 'unsupported-media-type'
  | 'upgrade-required'
  | 'headers-too-large'
  | 'internal-error'

interface ProblemKind {
  /** The name of a type that is registered with IANA, in place of our own. */
  type?: string
  status: number
  title: string
  /** What the person who asked should do. */
  advice: string
  /** The `detail` of the example in openapi.json. */
  example: string
}

const problemKinds: Record<ProblemCode, ProblemKind> = {
  'malformed-request': {
    status: 400,
    title: 'The request cannot be read',
    advice: 'Send a body that is valid JSON in UTF-8.',
    example: 'The body is not valid JSON (at character 17).',
  },
  'invalid-request': {
    status: 422,
    title: 'A field is not as it must be',
    advice: 'Correct the fields named in `errors`.',
    example: '/email must be an e-mail address such as anna.berg@example.org.',
  },
  'not-signed-in': {
    status: 401,
    title: 'Not signed in',
    advice: 'Sign in, and send the access token as "Authorization: Bearer …".',
    example: 'Sign in first: send the access token as "Authorization: Bearer …".',
  },
  'bad-credentials': {
    status: 401,
    title: 'Wrong e-mail address, password or code',
    advice: 'Check the e-mail address and the password, or the code that `detail` names.',
    example: 'The e-mail address or the password is wrong.',
  },
  'second-factor-needed': {
    status: 401,
    title: 'A code of the second factor is needed',
    advice: 'Send the same request with `code`: six digits of the app, or a recovery code.',
    example: 'The password is right. Send also the code of your second factor.',
  },
  'second-factor-required': {
    status: 403,
    title: 'A second factor must be set up first',
    advice: 'Set one up with `POST /auth/second-factor`, and confirm it with a first code.',
    example:
      'The network asks its staff for a second factor. Set one up first: POST /api/v1/auth/second-factor.',
  },
  'not-allowed': {
    status: 403,
    title: 'Not allowed',
    advice: 'Ask someone whose role allows it.',
    example: 'Your role does not allow this.',
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    advice: 'Check the id. A thing that is not yours to see is answered in the same way.',
    example: 'There is no such appointment.',
  },
  'no-such-path': {
    status: 404,
    title: 'No such path',
    advice: 'See /docs for the paths there are.',
    example: 'There is nothing at this path.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    advice: 'Use a method that the Allow header names.',
    example: 'This path answers GET and POST.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    advice: 'Try again on a better connection.',
    example: 'The request did not arrive in time.',
  },
  'email-taken': {
    status: 409,
    title: 'The e-mail address is taken',
    advice: 'Sign in with the account that has this address, or use another address.',
    example: 'There is already an account with this e-mail address.',
  },
  conflict: {
    status: 409,
    title: 'In conflict with what is already there',
    advice: 'Read the current state and decide again.',
    example: 'There is already one with this name.',
  },
  'slot-taken': {
    status: 409,
    title: 'The time is taken',
    advice: 'Choose another time; `alternatives` and `otherDoctors` name some.',
    example: 'Someone else has just taken this time.',
  },
  'patient-busy': {
    status: 409,
    title: 'The patient has another appointment then',
    advice: 'Choose another time, or move the other appointment.',
    example: 'The patient already has an appointment at this time.',
  },
  'not-offered': {
    status: 422,
    title: 'The time is not offered',
    advice: 'Choose one of the open times that the server lists.',
    example: 'The doctor does not offer this time.',
  },
  'wrong-state': {
    status: 409,
    title: 'Not possible in the current state',
    advice: 'Read the current state and decide again.',
    example: 'An appointment that is completed cannot be cancelled; only one that is confirmed.',
  },
  'visits-affected': {
    status: 409,
    title: 'Booked visits would be left outside the hours',
    advice: 'Look at `affected`, and send the same request with `confirmation` to go on.',
    example: 'Two booked visits would lie outside the hours. Nothing was saved.',
  },
  'hold-expired': {
    status: 409,
    title: 'The hold has run out',
    advice: 'Choose a time again; this one may still be open.',
    example: 'The hold has run out. Choose a time again.',
  },
  'too-late': {
    status: 409,
    title: 'Too late for this change',
    advice: 'Call the clinic, whose staff can help.',
    example: 'This visit could be changed until 24 hours before it. Call the clinic.',
  },
  'stale-version': {
    status: 412,
    title: 'Changed in the meantime',
    advice: 'Read the current version and send it in If-Match.',
    example: 'This was changed since version 3 was read.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    advice: 'Send a smaller body.',
    example: 'The body may have at most 65536 bytes.',
  },
  'address-too-long': {
    status: 414,
    title: 'The address is too long',
    advice: 'Send a shorter address.',
    example: 'The address is too long.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The kind of content is not supported',
    advice: 'Send the Content-Type that the path takes.',
    example: 'The body must be sent with Content-Type: application/json.',
  },
  'invalid-invitation': {
    status: 422,
    title: 'The invitation is not valid',
    advice: 'Ask for a new invitation.',
    example: 'This invitation is unknown, used or expired.',
  },
  'invalid-claim': {
    status: 422,
    title: 'The link to the record is not valid',
    advice: 'Check the code and the date of birth, or ask the clinic for a new link.',
    example:
      'The code is unknown, used or expired, or the date of birth is not that of the record.',
  },
  'invalid-link': {
    status: 422,
    title: 'The link is not valid',
    advice: 'Open the link of the newest mail about the visit, or call the clinic.',
    example: 'This link is not valid, or not any more.',
  },
  'possible-duplicates': {
    status: 409,
    title: 'The person seems to be known already',
    advice: 'Use one of the `candidates`, or send `despiteDuplicates`: true.',
    example: 'Someone who is known already looks like this person.',
  },
  'records-clash': {
    status: 409,
    title: 'Visits of the two records overlap',
    advice: 'Move or cancel one of each two `visits` that overlap, and send the request again.',
    example:
      'Visits of the two records overlap, and one person cannot be at both. Nothing changed.',
  },
  'visits-open': {
    status: 409,
    title: 'There are visits ahead',
    advice: 'Move or cancel the visits first; `visits` has the first of them.',
    example: 'There are 2 visits ahead. Move or cancel them first.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key was used for another request',
    advice: 'Use a new Idempotency-Key for a new request.',
    example: 'This Idempotency-Key was sent before with another body.',
  },
  // The type is that of draft-ietf-httpapi-ratelimit-headers, as is its member `violated-policies`.
  'too-many-requests': {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    status: 429,
    title: 'Too many requests',
    advice: 'Wait the seconds in Retry-After before the next request.',
    example: 'Too many requests, or tries. Wait a while before the next one.',
  },
  'upgrade-required': {
    status: 426,
    title: 'This path is for WebSockets',
    advice: 'Open it as a WebSocket.',
    example: 'Open this path as a WebSocket.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    advice: 'Send fewer or smaller headers.',
    example: 'The headers are too large.',
  },
  'internal-error': {
    status: 500,
    title: 'A fault in the server',
    advice: 'Try again, and report the `requestId` if it stays.',
    example: 'Something went wrong. Please report the request id.',
  },
  busy: {
    status: 503,
    title: 'Busy',
    advice: 'Try again after the seconds in Retry-After.',
    example: 'The server is busy. Try again in a moment.',
  },
}

/** RFC 9457 problem details; refusals may add members. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  requestId: string
  errors?: FieldError[]
  [member: string]: unknown
}

/** The detail for a path that leads nowhere. */
export const nothingHere = 'There is nothing at this path.'

export const problemContentType = 'application/problem+json; charset=utf-8'

/** The problem for a code. `detail` is for the person who asked; `members` are added as they are. */
export function problemOf(
  code: ProblemCode,
  options: { detail: string; requestId: string; members?: Record<string, unknown> },
): Problem {
  const { status, title, type = `/problems/${code}` } = problemKinds[code]
  const { detail, requestId, members } = options
  const standard = { type, title, status, detail, requestId }
  // Named first to be read first, and last so that no member replaces them.
  return { ...standard, ...members, ...standard }
}

/** An answer "no" that HTTP itself brings, and that the domain does not know of. */
export class HttpRefusal extends Error {
  readonly code: ProblemCode
  readonly headers: Record<string, string>

  constructor(code: ProblemCode, detail: string, headers: Record<string, string> = {}) {
    super(detail)
    this.code = code
    this.headers = headers
  }
}

/** The problem for a refusal of the domain. */
export function problemOfRefusal(refusal: Refusal, requestId: string): Problem {
  return problemOf(refusal.code, {
    detail: refusal.message,
    requestId,
    members: refusal.members,
  })
}

/** The status code, title, advice and example of a problem, for documentation. */
export function problemKind(code: ProblemCode): Readonly<ProblemKind> {
  return problemKinds[code]
}

/** Whether the text is the code of a problem. */
export function isProblemCode(text: string): text is ProblemCode {
  return Object.hasOwn(problemKinds, text)
}
