// `node bench/open-slots.ts`: how long the open times of one doctor take to work out, with 62 days of
// quarter-hour visits, 200 of them booked. Prints the median of many rounds in microseconds.

import { openStarts, type SlotSearch } from '#src/availability/open-slots.ts'
import { cutsOf, windowsOf, type Schedule } from '#src/availability/windows.ts'
import { parseInstant, spanOfDates } from '#src/kernel/time.ts'

const [from, to] = ['2026-10-01', '2026-12-01']
const clinic = { clinicId: 'clinic', timeZone: 'Europe/Paris', closures: [] }
const visitType = {
  id: 'visit',
  durationMinutes: 15,
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 0,
  stepMinutes: null,
}
const schedule: Schedule = {
  hours: [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId: 'clinic',
    weekday,
    fromMinute: 540,
    toMinute: 1020,
    validFrom: null,
    validUntil: null,
    visitTypeIds: null,
  })),
  openings: [],
  timeOff: [],
  paused: false,
}

function search(claims: SlotSearch['claims']): number[] {
  return openStarts({
    windows: windowsOf(schedule, clinic, visitType.id, from, to),
    cuts: cutsOf(schedule, clinic, spanOfDates(clinic.timeZone, from, to)),
    claims,
    rooms: null,
    visitType,
    earliest: parseInstant('2026-09-01T00:00:00Z')!,
    latest: parseInstant('2027-09-01T00:00:00Z')!,
  })
}

const claims = search([])
  .filter((_, index) => index % 9 === 0)
  .slice(0, 200)
  .map((startsAt) => ({ startsAt, endsAt: startsAt + 900_000 }))

const rounds = Array.from({ length: 5000 }, () => {
  const began = performance.now()
  search(claims)
  return performance.now() - began
}).sort((one, other) => one - other)

const median = rounds[rounds.length / 2]! * 1000
console.log(
  `62 days, 200 booked, ${search(claims).length} open times: ${median.toFixed(0)} µs (median of ${rounds.length})`,
)
