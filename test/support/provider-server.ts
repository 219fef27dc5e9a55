// An HTTP interface on loopback that stands for a provider of mails or text messages.

import { createServer, type IncomingHttpHeaders } from 'node:http'
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
}

export interface Provider {
  url: string
  requests: ProviderRequest[]
  /** What to answer from now on; null never answers. */
  answer(answer: ProviderAnswer | null): void
  close(): Promise<void>
}

/** Starts it on a free port of 127.0.0.1. */
export async function startProvider(): Promise<Provider> {
  const requests: ProviderRequest[] = []
  let next: ProviderAnswer | null = { status: 200, body: {} }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => void pieces.push(piece))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      requests.push({ method, path, headers, body: Buffer.concat(pieces).toString() })
      if (next === null) return
      const { status, body, headers: own } = next
      response.writeHead(status, { 'content-type': 'application/json', ...own })
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
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
