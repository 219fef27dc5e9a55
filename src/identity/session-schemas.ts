// The shape of a session on the wire.

import { Type, type Static } from 'typebox'
import { component, Id, InstantText, nullable } from '#src/http/schema.ts'
import { formatUtc } from '#src/kernel/time.ts'
import type { SessionRow } from './session-queries.ts'

export const SessionSchema = component(
  'Session',
  Type.Object(
    {
      id: Id,
      createdAt: { ...InstantText, description: 'When someone signed in.' },
      lastUsedAt: {
        ...InstantText,
        description: 'When its tokens were last exchanged, or else when it began.',
      },
      expiresAt: { ...InstantText, description: 'When it ends unless its tokens are exchanged.' },
      userAgent: nullable(
        Type.String({
          description:
            'What the browser or program called itself when it signed in; null for nothing. It may have lied.',
        }),
      ),
      isCurrent: Type.Boolean({ description: 'Whether it is the one that asks.' }),
    },
    {
      examples: [
        {
          id: '019a9b5e-4c54-7f08-a2d1-5e6b9c0f1d32',
          createdAt: '2026-11-18T08:30:00.000Z',
          lastUsedAt: '2026-11-20T13:05:09.000Z',
          expiresAt: '2026-12-20T13:05:09.000Z',
          userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
          isCurrent: true,
        },
      ],
    },
  ),
)

/** The session as its owner sees it from the session with the id `currentId`. */
export function presentSession(
  session: SessionRow,
  currentId: string,
): Static<typeof SessionSchema> {
  const { id, userAgent, createdAt, usedAt, expiresAt } = session
  return {
    id,
    createdAt: formatUtc(createdAt),
    lastUsedAt: formatUtc(usedAt ?? createdAt),
    expiresAt: formatUtc(expiresAt),
    userAgent,
    isCurrent: id === currentId,
  }
}
