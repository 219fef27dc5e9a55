// The pages that the links in mails to accounts open: to choose a password, to confirm or change an address,
// and to accept an access. All are one page, which goes by its own address and does nothing unasked.

import { readFileSync } from 'node:fs'
import type { App } from '#src/http/server.ts'

const folder = new URL('link-page/', import.meta.url)

const html = { file: 'link.html', type: 'text/html; charset=utf-8' }
const script = 'text/javascript; charset=utf-8'

const files = [
  { path: '/reset-password', ...html },
  { path: '/verify-email', ...html },
  { path: '/change-email', ...html },
  { path: '/access', ...html },
  { path: '/link/link.js', file: 'link.js', type: script },
  { path: '/link/words.js', file: 'words.js', type: script },
  { path: '/link/link.css', file: 'link.css', type: 'text/css; charset=utf-8' },
]

/** Serves the pages at the root, from memory. Their colours and controls are those of the page to join. */
export function linkPageRoutes(app: App): void {
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder))
    app.get(
      path,
      {
        config: { audience: 'public' },
        schema: { hide: true, summary: 'The page of a link in a mail', tags: ['auth'] },
      },
      async (_request, reply) => reply.type(type).send(content),
    )
  }
}
