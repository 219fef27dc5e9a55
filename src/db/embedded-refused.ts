// The one way in which the embedded database says no.

/** The database cannot be started as asked: the message is a plain sentence with the next step. */
export class EmbeddedRefused extends Error {}

/** The system's code of an error ('EACCES', 'ENOENT'), or a PostgreSQL code ('57P03'); '' when it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
