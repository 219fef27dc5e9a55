// How a CSV file is answered.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { encodeCursor } from '#src/http/pagination.ts'
import { csvType, type CsvFile } from './csv.ts'

/**
 * Sends the file as one to be saved. When there is more, Link (RFC 8288) has its address: the request's
 * own with the cursor after the last row.
 */
export function sendCsv<Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  options: { name: string; file: CsvFile<Row>; positionOf: (row: Row) => object },
): FastifyReply {
  const { name, file, positionOf } = options
  if (file.last !== null) {
    const next = new URL(request.url, 'http://localhost')
    next.searchParams.set('cursor', encodeCursor(positionOf(file.last)))
    void reply.header('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  return reply
    .type(csvType)
    .header('content-disposition', `attachment; filename="${name}.csv"`)
    .send(file.text)
}
