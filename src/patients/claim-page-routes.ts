// The page that the link to a record opens: who has no account yet gets one there.

import { readFileSync } from 'node:fs'
import type { App } from '#src/http/server.ts'

const folder = new URL('claim-page/', import.meta.url)

const files = [
  { path: '/claim', file: 'claim.html', type: 'text/html; charset=utf-8' },
  { path: '/claim/claim.js', file: 'claim.js', type: 'text/javascript; charset=utf-8' },
  { path: '/claim/claim.css', file: 'claim.css', type: 'text/css; charset=utf-8' },
]

/** Serves the page at the root, from memory. Its colours and controls are those of the page to join. */
export function claimPageRoutes(app: App): void {
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder))
    app.get(
      path,
      {
        config: { audience: 'public' },
        schema: { hide: true, summary: 'The page to claim a record by a link', tags: ['patients'] },
      },
      async (_request, reply) => reply.type(type).send(content),
    )
  }
}
