// The command that books, to be copied from the terminal.

import { offersOf, openStartsOf, type Offer } from '#src/availability/open-times.ts'
import type { Runtime } from '#src/context.ts'
import { overlaps } from '#src/kernel/interval.ts'
import { addDays, formatInstant, localDateOf, type Instant } from '#src/kernel/time.ts'
import { bookingExample } from './queries.ts'
import { firstPatient, signIns } from './sign-ins.ts'

/** How far ahead a time is looked for, in days. */
const daysAhead = 60

const doctor = signIns.find(({ role }) => role === 'doctor')

/**
 * What to paste into a shell so that the first patient books with a doctor who can sign in too, and
 * what it does; null when that doctor has no open time.
 */
export async function bookingCommand(
  runtime: Runtime,
  url: string,
): Promise<{ meaning: string; command: string } | null> {
  const found = await findTime(runtime)
  if (found === null) return null
  const { offer, startsAt } = found
  const wanted = {
    doctorId: offer.doctor.id,
    startsAt: formatInstant(startsAt, offer.clinic.calendar.timeZone),
  }
  const [date, time] = wanted.startsAt.slice(0, 16).split('T')
  const json = `-H 'Content-Type: application/json'`
  const { email, password } = firstPatient
  const signIn = `curl -s ${url}/api/v1/auth/login ${json} -d '${JSON.stringify({ email, password })}'`
  return {
    meaning: `This books a visit of ${firstPatient.name} with ${doctor?.name}, on ${date} at ${time}.`,
    command: `curl -sw '\\n' ${url}/api/v1/appointments ${json} \\
  -H "Authorization: Bearer $(${signIn} | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')" \\
  -d '${JSON.stringify(wanted)}'`,
  }
}

/** The first open time from tomorrow on that neither of the two is busy at. */
async function findTime({
  db,
  board,
  clock,
}: Runtime): Promise<{ offer: Offer; startsAt: Instant } | null> {
  const names = { doctorName: doctor?.name ?? '', email: firstPatient.email }
  const known = await bookingExample(db, names)
  if (known === undefined) return null
  const { doctorId, taken } = known
  const offers = await offersOf(board, { doctorIds: [doctorId], viewerAt: () => 'patient' })
  const [offer] = offers.get(doctorId) ?? []
  if (offer === undefined) return null
  const now = clock()
  const today = localDateOf(now, offer.clinic.calendar.timeZone)
  const dates = { from: addDays(today, 1), to: addDays(today, daysAhead) }
  const length = offer.visitType.rule.durationMinutes * 60_000
  const startsAt = openStartsOf(offer, { ...dates, now }).find((start) =>
    taken.every((claim) => !overlaps(claim, { startsAt: start, endsAt: start + length })),
  )
  return startsAt === undefined ? null : { offer, startsAt }
}
