// Versions of a record over HTTP: an ETag on the way out, If-Match on the way in (RFC 9110 13.1.1).

import { InvalidRequest, Refusal } from '#src/kernel/errors.ts'

/** The strong entity tag of a record's version. */
export function versionTag(version: number): string {
  return `"${version}"`
}

/**
 * The version that the caller's change is based on, or null when If-Match is absent or `*`.
 *
 * @throws InvalidRequest when it is not a tag that this API gives.
 */
export function requestedVersion(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch === '*') return null
  const match = /^"(\d{1,9})"$/.exec(ifMatch)
  if (!match)
    throw new InvalidRequest([
      {
        in: 'header',
        pointer: '/if-match',
        detail: 'If-Match must be the ETag of one version, such as "3".',
      },
    ])
  return Number(match[1])
}

/**
 * `members` say more about the change, such as who made it.
 *
 * @throws Refusal `stale-version` when the record has moved on from the version asked for.
 */
export function refuseStale(
  current: number,
  requested: number | null,
  members: Record<string, unknown> = {},
): void {
  if (requested !== null && requested !== current)
    throw new Refusal(
      'stale-version',
      `This has changed meanwhile: you have version ${requested}, it is now version ${current}. Read it again.`,
      { version: current, ...members },
    )
}
