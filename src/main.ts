// `npm start`: the real thing, until it is told to stop.

import { startVisita, type Visita } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { firstAdminInvitation } from '#src/identity/first-admin.ts'
import { invitationLink } from '#src/identity/invitations.ts'
import { isPlainRefusal } from '#src/refusal-at-start.ts'

// Sentences for people go to standard error, so that standard output is the structured log alone.
const say = (sentence: string) => console.error(sentence)

const stopSecondsMax = 30

try {
  const config = loadConfig({ env: process.env })
  for (const warning of config.warnings) say(warning)
  const visita = await startVisita({ config, say })
  stopOnSignal(visita)
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

function stopOnSignal(visita: Visita): void {
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    say(`Stopping (${signal}): requests in flight are finished first.`)
    setTimeout(() => {
      say(`The stop took longer than ${stopSecondsMax} s and was cut short.`)
      process.exit(1)
    }, stopSecondsMax * 1000).unref()
    visita.close().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`The stop failed: ${String(error)}`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
