// Sending files of CSV.

import type { App } from '#src/http/server.ts'
import type { Answer } from './network.ts'

/** Imports a file of this kind as the holder of the Authorization header; `kind` may have a query. */
export async function importCsv(
  app: App,
  kind: string,
  { as, text }: { as: string; text: string },
): Promise<Answer> {
  const answer = await app.inject({
    method: 'POST',
    url: `/api/v1/admin/import/${kind}`,
    headers: { authorization: as, 'content-type': 'text/csv' },
    payload: text,
  })
  return { status: answer.statusCode, etag: '', body: JSON.parse(answer.body) }
}
