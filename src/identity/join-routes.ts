// The page that an invitation's link opens: it works before there is anything else to sign in to.

import { readFileSync } from 'node:fs'
import type { App } from '#src/http/server.ts'

const folder = new URL('join-page/', import.meta.url)

const files = [
  { path: '/join', file: 'join.html', type: 'text/html; charset=utf-8' },
  { path: '/join/join.js', file: 'join.js', type: 'text/javascript; charset=utf-8' },
  { path: '/join/join.css', file: 'join.css', type: 'text/css; charset=utf-8' },
]

/** Serves the page at the root, from memory. */
export function joinPageRoutes(app: App): void {
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder))
    app.get(
      path,
      {
        config: { audience: 'public' },
        schema: { hide: true, summary: 'The page to join by an invitation', tags: ['auth'] },
      },
      async (_request, reply) => reply.type(type).send(content),
    )
  }
}
