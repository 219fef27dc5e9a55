// The page that the links in mails open. It is the same for everyone: what it shows comes by its script.

import { readFileSync } from 'node:fs'
import type { App } from '#src/http/server.ts'

const folder = new URL('visit-page/', import.meta.url)

const files = [
  { path: '/visit', file: 'visit.html', type: 'text/html; charset=utf-8' },
  { path: '/visit/visit.js', file: 'visit.js', type: 'text/javascript; charset=utf-8' },
  { path: '/visit/words.js', file: 'words.js', type: 'text/javascript; charset=utf-8' },
  { path: '/visit/visit.css', file: 'visit.css', type: 'text/css; charset=utf-8' },
]

/** Serves the page at the root, from memory. */
export function visitPageRoutes(app: App): void {
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder))
    app.get(
      path,
      {
        config: { audience: 'public' },
        schema: { hide: true, summary: 'The page that links in mails open', tags: ['links'] },
      },
      async (_request, reply) => reply.type(type).send(content),
    )
  }
}
