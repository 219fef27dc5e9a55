// `npm start`: the real thing, until it is told to stop.

import { startVisita, type Visita } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { firstAdminInvitation } from '#src/identity/first-admin.ts'
import { invitationLink } from '#src/identity/invitations.ts'
import { isPlainRefusal, refuseArguments } from '#src/refusal-at-start.ts'
import { stopOnSignal } from '#src/stop.ts'

// Sentences for people go to standard error, so that standard output is the structured log alone.
const say = (sentence: string) => console.error(sentence)

try {
  refuseArguments(process.argv.slice(2))
  const config = loadConfig({ env: process.env })
  for (const warning of config.warnings) say(warning)
  const visita = await startVisita({ config, say })
  stopOnSignal({ what: 'requests in flight', say, close: () => visita.close() })
  await greet(visita)
} catch (error) {
  if (!isPlainRefusal(error)) throw error
  say(error.message)
  process.exitCode = 1
}

async function greet({ runtime, url }: Visita): Promise<void> {
  say(`Visita listens on ${url}. The API is described at ${url}/docs. Stop it with Ctrl+C.`)
  const invitation = await firstAdminInvitation(runtime)
  if (invitation === null) return
  say('There is no admin yet. Open this link within a day to become the first one; it works once:')
  say(`  ${invitationLink(runtime, invitation.code)}`)
}
