// What the demo says when it is ready, for people and for scripts.

import type { Visita } from '#src/app.ts'
import { clinics } from './clinics.ts'
import { bookingCommand } from './example.ts'
import { countEverything } from './queries.ts'
import { signIns, type SignIn } from './sign-ins.ts'

const allSignIns: readonly SignIn[] = signIns

/** One line of JSON. */
export function announcement({ url, databaseUrl }: Visita): string {
  return JSON.stringify({
    url,
    pid: process.pid,
    signIns: signIns.map(({ role, email, password }) => ({ role, email, password })),
    databaseUrl,
    mailboxUrl: mailboxUrlOf(url),
  })
}

function mailboxUrlOf(url: string): string {
  return `${url}/dev/mail`
}

/** A page for the terminal. `dataDirectory` is null when the data is thrown away. */
export async function greeting(
  { url, runtime }: Visita,
  dataDirectory: string | null,
): Promise<string> {
  const counts = await countEverything(runtime.db, runtime.clock())
  return [
    `Visita is ready, with a made-up network: ${counts.clinics} clinics, ${counts.doctors} doctors of ${counts.specialties} specialties,`,
    `${counts.patients} patients, ${counts.past} visits so far and ${counts.coming} to come.`,
    '',
    `  ${url}            the API is below /api/v1`,
    `  ${url}/docs       to try it: call /auth/login, give its accessToken to Authorize`,
    `  ${url}/redoc      to read about it`,
    `  ${mailboxUrlOf(url)}   to read what it sends by e-mail and SMS; nothing leaves this machine`,
    '',
    'Sign in as any of these:',
    '',
    ...table([
      ['role', 'e-mail', 'password', 'who'],
      ...allSignIns.map(({ role, email, password, name, clinic }) => [
        role.replace('_', ' '),
        email,
        password,
        `${name}, ${clinic === undefined ? 'the whole network' : clinics[clinic].city}`,
      ]),
    ]),
    '',
    ...(await bookingLines(runtime, url)),
    dataDirectory === null
      ? 'Stop it with Ctrl+C. Everything is thrown away then.'
      : `Stop it with Ctrl+C. The data stays in ${dataDirectory} for the next time.`,
  ].join('\n')
}

async function bookingLines(runtime: Visita['runtime'], url: string): Promise<string[]> {
  const booking = await bookingCommand(runtime, url)
  if (booking === null) return []
  return [
    booking.meaning,
    'Paste it again, and the time is taken: the answer names others.',
    '',
    booking.command,
    '',
  ]
}

/** Lines with their columns below each other. */
function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd(),
  )
}
