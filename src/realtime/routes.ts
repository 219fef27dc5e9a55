import { Type } from 'typebox'
import { HttpRefusal } from '#src/http/problems.ts'
import type { App } from '#src/http/server.ts'
import { realtimeLimits, type RealtimeLimits } from './limits.ts'
import { attachRealtime } from './realtime.ts'

const description = `A WebSocket (RFC 6455) that tells what changes. Each message is one JSON object as text.

The client begins, within 5 seconds: \`{"type": "authenticate", "accessToken": "…"}\`. The answer is
\`{"type": "ready", "cursor": "…", "heartbeatSeconds": 25}\`.

| The client sends | It is answered |
|---|---|
| \`{"type": "subscribe", "id": "a", "topic": "appointments"}\` | \`{"type": "subscribed", "id": "a", "cursor": "…"}\`, then events |
| \`{"type": "unsubscribe", "id": "a"}\` | \`{"type": "unsubscribed", "id": "a"}\` |
| \`{"type": "ping"}\` | \`{"type": "pong", "cursor": "…"}\` |

\`id\` is the client's name for the subscription. An event is \`{"type": "event", "id": "a", "cursor": "…",
"event": "appointment.moved", "appointmentId": "…", "version": 3}\`, with further ids and nothing else: read
what changed with the API.

| Topic | With | For whom | Events |
|---|---|---|---|
| \`appointments\` | | everyone | of one's patients' visits, and of those with oneself as the doctor: \`appointment.*\`, \`delay.set\` |
| \`open-times\` | \`doctorId\` | everyone | \`open-times.changed\` |
| \`clinic-day\` | \`clinicId\`, \`date\` | the clinic's front desk, admins; doctors for their own visits | of that day's visits: \`appointment.*\`, \`delay.set\` |
| \`thread\` | \`appointmentId\` | the patient's side and the visit's staff | \`message.sent\`, \`message.read\` |
| \`notifications\` | | everyone | \`notification.*\` |

A subscription with \`"after": cursor\` first tells what came after that cursor, without gap or repetition.
Where that is too much the answer is \`{"type": "reset", "id": "a", "cursor": "…"}\`: load afresh.
\`{"type": "refused", "id": "a", "code": "not-allowed", "detail": "…"}\` refuses a message, \`ended\` with the
same fields ends a subscription that is no longer allowed, and \`{"type": "heartbeat", "cursor": "…"}\` comes
every 25 seconds.

Too many sockets of one address that have not said who they are: 429 instead of a socket. The server closes
with 1001 when it stops, 1013 when it is full, the database is away or events could not be told (come back with
the last cursor), 4400 for a message that it cannot read before it knows who is there, 4401 for a token that is not valid or a session that is
over, 4429 for too many messages or sockets. A socket that leaves 1 MB unread or a ping unanswered is cut.
The \`Origin\`, when there is one, must be this server's or one of \`CORS_ORIGINS\`.`

/** The path of the sockets, which tells whoever comes without a WebSocket what to bring. */
export function realtimeRoutes(app: App, limits: RealtimeLimits = realtimeLimits): void {
  app.get(
    '/realtime',
    {
      config: { audience: 'public', refusals: ['upgrade-required'] },
      schema: {
        operationId: 'openRealtime',
        summary: 'Live updates over a WebSocket',
        description,
        tags: ['live updates'],
        response: { 101: Type.Null({ description: 'The socket is open.' }) },
      },
    },
    async () => {
      throw new HttpRefusal('upgrade-required', 'Open this path as a WebSocket.', {
        upgrade: 'websocket',
        connection: 'Upgrade',
      })
    },
  )
  attachRealtime(app, limits)
}
