// An HTTP interface on loopback that stands for a provider of mails or text messages.

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came in. */
export interface ProviderRequest {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

export interface ProviderAnswer {
  status: number
  headers?: Record<string, string>
  body?: unknown
  /** Goes on for as long as it is read, in place of a body. */
  endless?: boolean
}

export interface Provider {
  url: string
  requests: ProviderRequest[]
  /** What to answer from now on; null never answers. */
  answer(answer: ProviderAnswer | null): void
  /** How many bytes of the endless answer were taken, once whoever asked has gone away. Fails after 10 s. */
  left(): Promise<number>
  close(): Promise<void>
}

/** Starts it on a free port of 127.0.0.1. */
export async function startProvider(): Promise<Provider> {
  const requests: ProviderRequest[] = []
  const leaving = Promise.withResolvers<number>()
  let next: ProviderAnswer | null = { status: 200, body: {} }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => void pieces.push(piece))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      requests.push({ method, path, headers, body: Buffer.concat(pieces).toString() })
      if (next === null) return
      const { status, body, headers: own, endless = false } = next
      response.writeHead(status, { 'content-type': 'application/json', ...own })
      if (endless) {
        pour(response, leaving.resolve)
        return
      }
      response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer(answer) {
      next = answer
    },
    async left() {
      const limit = AbortSignal.timeout(10_000)
      const late = once(limit, 'abort').then(() => {
        throw new Error('The answer is still being read.')
      })
      return Promise.race([leaving.promise, late])
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function pour(response: ServerResponse, left: (bytes: number) => void): void {
  const piece = Buffer.alloc(1 << 16, ' ')
  let bytes = 0
  const more = () => {
    while (!response.destroyed && response.write(piece)) bytes += piece.length
  }
  response.on('drain', more)
  response.on('close', () => left(bytes))
  more()
}
