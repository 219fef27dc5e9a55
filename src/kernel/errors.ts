// Refusals: the answers "no" that the domain gives on purpose. Anything else that is thrown is a bug.

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What is wrong with one input: `pointer` is a JSON Pointer (RFC 6901) into `in`. */
export interface FieldError {
  in: 'body' | 'query' | 'path' | 'header'
  pointer: string
  detail: string
}

/**
 * The stable name of a refusal, the last segment of its problem type. `http/problems.ts` alone knows
 * which status code each becomes.
 */
export type RefusalCode =
  | 'malformed-request'
  | 'invalid-request'
  | 'not-signed-in'
  | 'bad-credentials'
  | 'second-factor-needed'
  | 'second-factor-required'
  | 'not-allowed'
  | 'not-found'
  | 'email-taken'
  | 'conflict'
  | 'slot-taken'
  | 'patient-busy'
  | 'not-offered'
  | 'wrong-state'
  | 'hold-expired'
  | 'too-late'
  | 'visits-affected'
  | 'stale-version'
  | 'invalid-invitation'
  | 'invalid-claim'
  | 'invalid-link'
  | 'possible-duplicates'
  | 'records-clash'
  | 'visits-open'
  | 'idempotency-key-reused'
  | 'too-many-requests'
  | 'busy'

/** `detail` is a sentence for the person who asked; `members` become further members of the problem. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly members: Record<string, unknown>

  constructor(code: RefusalCode, detail: string, members: Record<string, unknown> = {}) {
    super(detail)
    this.code = code
    this.members = members
  }
}

/** One or more fields are not as they must be; names each. */
export class InvalidRequest extends Refusal {
  readonly errors: readonly FieldError[]

  constructor(errors: FieldError[]) {
    super('invalid-request', errors.map((error) => error.detail).join(' '), { errors })
    this.errors = errors
  }
}

/** The one body field at `pointer` is not as it must be. */
export function invalidField(pointer: string, detail: string): InvalidRequest {
  return new InvalidRequest([{ in: 'body', pointer, detail }])
}

/** The one query parameter is not as it must be. */
export function invalidParameter(name: string, detail: string): InvalidRequest {
  return new InvalidRequest([{ in: 'query', pointer: `/${name}`, detail }])
}

export class NotSignedIn extends Refusal {
  constructor(detail = 'Sign in first: send the access token as "Authorization: Bearer …".') {
    super('not-signed-in', detail)
  }
}

export class NotAllowed extends Refusal {
  constructor(detail = 'Your role does not allow this.') {
    super('not-allowed', detail)
  }
}

/** The network asks for a second factor that the account has not set up yet. */
export class SecondFactorRequired extends Refusal {
  constructor() {
    super(
      'second-factor-required',
      'The network asks its staff for a second factor. Set one up first: POST /api/v1/auth/second-factor.',
    )
  }
}

/** What was allowed in a while is used up. */
export class TooManyRequests extends Refusal {
  constructor(retryAfterSeconds: number, policy: string) {
    super('too-many-requests', 'Too many requests, or tries. Wait a while before the next one.', {
      retryAfterSeconds,
      'violated-policies': [policy],
    })
  }
}

/** Also the answer for a thing that exists and is not the caller's to know of. */
export class NotFound extends Refusal {
  /** `field` is the one that named it, where that was not the path. */
  constructor(what: string, field?: Pick<FieldError, 'in' | 'pointer'>) {
    const detail = `There is no such ${what}.`
    super('not-found', detail, field ? { errors: [{ ...field, detail }] } : {})
  }
}
