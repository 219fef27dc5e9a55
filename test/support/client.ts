// A client that talks to a listening Visita over real connections, which it keeps open.

import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import type { AnswerBody } from './network.ts'

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  /** The JSON of the answer, null when it is empty. */
  body: AnswerBody
}

export interface Sending {
  /** The Authorization header. */
  as?: string | undefined
  /** The Idempotency-Key. */
  key?: string | undefined
  /** The version of If-Match. */
  ifMatch?: number | undefined
  body?: unknown
}

export interface Client {
  /** Sends to a path below /api/v1. Rejects when the connection breaks before the whole answer. */
  send(
    line: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`,
    sending?: Sending,
  ): Promise<Reply>
  close(): void
}

/** A client of the server at `url`, such as http://127.0.0.1:3000. */
export function openClient(url: string): Client {
  const agent = new Agent({ keepAlive: true })
  return {
    send(line, { as, key, ifMatch, body } = {}) {
      const [method = '', path = ''] = line.split(' ')
      const text = body === undefined ? undefined : JSON.stringify(body)
      return new Promise((resolve, reject) => {
        const sent = request(
          `${url}/api/v1${path}`,
          {
            method,
            agent,
            headers: {
              ...(as !== undefined && { authorization: as }),
              ...(key !== undefined && { 'idempotency-key': key }),
              ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
              ...(text !== undefined && {
                'content-type': 'application/json',
                'content-length': Buffer.byteLength(text),
              }),
            },
          },
          (incoming) => {
            const pieces: Buffer[] = []
            incoming.on('data', (piece: Buffer) => void pieces.push(piece))
            incoming.on('error', reject)
            incoming.on('end', () => {
              const answered = Buffer.concat(pieces).toString()
              resolve({
                status: incoming.statusCode ?? 0,
                headers: incoming.headers,
                body: answered === '' ? null : JSON.parse(answered),
              })
            })
          },
        )
        sent.on('error', reject)
        sent.end(text)
      })
    },
    close: () => agent.destroy(),
  }
}
