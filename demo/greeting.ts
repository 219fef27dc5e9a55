// What the demo says when it is ready, for people and for scripts.

import type { Visita } from '#src/app.ts'
import { openStartsOf, offersOf } from '#src/availability/open-times.ts'
import type { Runtime } from '#src/context.ts'
import { addDays, formatInstant, localDateOf, localDateTimeOf } from '#src/kernel/time.ts'
import { bookingExample, countEverything } from './queries.ts'
import { firstPatient, signIns } from './sign-ins.ts'

/** One line of JSON. */
export function announcement({ url, databaseUrl }: Visita): string {
  return JSON.stringify({
    url,
    pid: process.pid,
    signIns: signIns.map(({ role, email, password }) => ({ role, email, password })),
    databaseUrl,
  })
}

/** The page that is printed for people. `dataDirectory` is null for what is thrown away. */
export async function greeting(
  { url, runtime }: Visita,
  { dataDirectory }: { dataDirectory: string | null },
): Promise<string> {
  const { clinics, doctors, specialties, patients, past, coming } = await countEverything(
    runtime.db,
    runtime.clock(),
  )
  const example = await exampleOf(runtime, url)
  return `
Visita is ready, with a made-up network: ${clinics} clinics, ${doctors} doctors of ${specialties} specialties,
${patients} patients, ${past} visits so far and ${coming} to come.

  Try the API      ${url}/docs     (sign in there with Authorize)
  Read about it    ${url}/redoc
  The API itself   ${url}/api/v1

Sign in as any of these; the password is the same for all.

${table([
  ['Role', 'E-mail', 'Password', 'Who'],
  ...signIns.map(({ role, email, password, name, as }) => [role, email, password, `${name}, ${as}`]),
])}
${example}
${
  dataDirectory === null
    ? 'All of it is thrown away when you stop the demo.'
    : `The data stays in ${dataDirectory} for the next time.`
} Stop it with Ctrl+C.
`
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`)
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}
