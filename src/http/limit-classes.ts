// How many requests of each kind are taken on in a while. The table in docs/operate/limits.md says the same.

/** So many requests in each window, of which one begins when the one before ends. */
export interface Limit {
  /** As the headers and problems name it. */
  name: string
  max: number
  windowSeconds: number
}

export interface LimitClass {
  limits: readonly Limit[]
  /**
   * Whether each request is counted in the database before it is served. It is not where the limits are
   * wide: what the processes count apart is added up a moment later.
   */
  isExact: boolean
  /** Whom it is counted for. With `account` strangers, and bad tokens, count for their address. */
  by: 'account' | 'address'
}

const minute = 60
const hour = 3600

/** One limit a minute, for accounts. */
function eachMinute(name: string, max: number): LimitClass {
  return { limits: [{ name, max, windowSeconds: minute }], isExact: false, by: 'account' }
}

/** A limit a minute and one an hour. */
function alsoEachHour(
  name: string,
  max: { minute: number; hour: number },
  rest: Omit<LimitClass, 'limits'>,
): LimitClass {
  const limits = [
    { name, max: max.minute, windowSeconds: minute },
    { name: `${name}-hour`, max: max.hour, windowSeconds: hour },
  ]
  return { ...rest, limits }
}

export const limitClasses = {
  /** What checks a password, or makes an account. An account that is signed in does not widen it. */
  'sign-in': alsoEachHour('sign-in', { minute: 20, hour: 200 }, { isExact: true, by: 'address' }),
  /** What takes a code that could be guessed, or mails someone who did not ask. */
  code: alsoEachHour('code', { minute: 20, hour: 120 }, { isExact: true, by: 'address' }),
  /** Open times over many doctors. */
  search: eachMinute('search', 300),
  read: eachMinute('read', 1200),
  write: eachMinute('write', 300),
  /** Exports and imports. */
  heavy: alsoEachHour('heavy', { minute: 10, hour: 100 }, { isExact: false, by: 'account' }),
  /** Opening a socket for live updates. */
  socket: { ...eachMinute('socket', 600), by: 'address' },
} as const satisfies Record<string, LimitClass>

export type LimitClassName = keyof typeof limitClasses

/** What a route can declare; `none` is not limited. */
export type LimitName = Exclude<LimitClassName, 'socket'> | 'none'

/** The class of a route that declares none. */
export function defaultLimit(method: string): LimitName {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write'
}
