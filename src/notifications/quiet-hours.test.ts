import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatInstant, localDateTimeOf, parseInstant } from '#src/kernel/time.ts'
import { sendAt, type QuietHours } from './quiet-hours.ts'

const night: QuietHours = { fromMinute: 22 * 60, toMinute: 7 * 60, timeZone: 'Europe/Paris' }
const noon: QuietHours = { fromMinute: 12 * 60, toMinute: 14 * 60, timeZone: 'Europe/Paris' }

function sentAt(now: string, quiet: QuietHours | null, before: string | null = null): string {
  const at = sendAt({
    now: parseInstant(now)!,
    quiet,
    before: before === null ? null : parseInstant(before),
  })
  return formatInstant(at, 'Europe/Paris')
}

test('what is ready in quiet hours waits for their end, also past midnight', () => {
  const morning = '2026-11-24T07:00:00+01:00'
  assert.equal(sentAt('2026-11-23T22:00:00+01:00', night), morning)
  assert.equal(sentAt('2026-11-24T00:30:00+01:00', night), morning)
  assert.equal(sentAt('2026-11-24T06:59:59+01:00', night), morning)
  assert.equal(sentAt('2026-11-24T13:00:00+01:00', noon), '2026-11-24T14:00:00+01:00')
})

test('what is ready at any other time goes at once', () => {
  for (const now of ['2026-11-24T07:00:00+01:00', '2026-11-24T21:59:59+01:00'])
    assert.equal(sentAt(now, night), now)
  assert.equal(sentAt('2026-11-24T14:00:00+01:00', noon), '2026-11-24T14:00:00+01:00')
  assert.equal(sentAt('2026-11-24T00:30:00+01:00', null), '2026-11-24T00:30:00+01:00')
})

test('what must be known before the quiet hours end does not wait for them', () => {
  const now = '2026-11-24T01:00:00+01:00'
  assert.equal(sentAt(now, night, '2026-11-24T06:30:00+01:00'), now)
  assert.equal(sentAt(now, night, '2026-11-24T07:00:00+01:00'), now)
  assert.equal(sentAt(now, night, '2026-11-24T07:00:01+01:00'), '2026-11-24T07:00:00+01:00')
})

test('an end that clocks skip moves forward, and one that they show twice is the first', () => {
  const quiet = { ...night, toMinute: 2 * 60 + 30 }
  assert.equal(sentAt('2026-03-29T00:00:00+01:00', quiet), '2026-03-29T03:30:00+02:00')
  assert.equal(sentAt('2026-10-25T00:00:00+02:00', quiet), '2026-10-25T02:30:00+02:00')
})

const zones = [
  'Europe/Paris',
  'America/New_York',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kolkata',
  'America/St_Johns',
]
const minute = 60_000
const minuteOfDay = fc.integer({ min: 0, max: 1439 })

/** The minute of the day that clocks in the zone show. */
function shownMinute(at: number, timeZone: string): number {
  const [hours, minutes] = localDateTimeOf(at, timeZone).slice(11).split(':').map(Number)
  return hours! * 60 + minutes!
}

/** Looks at the clock on the wall every minute until it shows one outside the quiet hours. */
function slowSendAt(now: number, { fromMinute, toMinute, timeZone }: QuietHours): number {
  const isQuiet = (at: number) => {
    const shown = shownMinute(at, timeZone)
    return fromMinute < toMinute
      ? fromMinute <= shown && shown < toMinute
      : fromMinute <= shown || shown < toMinute
  }
  if (!isQuiet(now)) return now
  let at = Math.floor(now / minute) * minute
  while (isQuiet(at)) at += minute
  return at
}

function changesClocksAround(at: number, timeZone: string): boolean {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at - 2 * 86_400_000).toZonedDateTimeISO(
    timeZone,
  )
  const next = zoned.getTimeZoneTransition('next')
  return next !== null && next.epochMilliseconds < at + 2 * 86_400_000
}

/** Every stretch of quiet hours around `now` by Temporal, one for each date. */
function stretches(now: number, { fromMinute, toMinute, timeZone }: QuietHours) {
  const today = Temporal.Instant.fromEpochMilliseconds(now)
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
  const at = (date: Temporal.PlainDate, minutes: number) =>
    date
      .toPlainDateTime({ hour: Math.floor(minutes / 60), minute: minutes % 60 })
      .toZonedDateTime(timeZone).epochMilliseconds
  return [-3, -2, -1, 0, 1, 2, 3].map((days) => {
    const date = today.add({ days })
    const last = toMinute > fromMinute ? date : date.add({ days: 1 })
    return { startsAt: at(date, fromMinute), endsAt: at(last, toMinute) }
  })
}

const anyCase = fc
  .record({
    now: fc.integer({ min: 1_262_304_000_000, max: 2_208_988_800_000 }),
    fromMinute: minuteOfDay,
    toMinute: minuteOfDay,
    timeZone: fc.constantFrom(...zones),
  })
  .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute)

test('on days without a change of the clocks the end is what the clock on the wall says', () => {
  fc.assert(
    fc.property(anyCase, ({ now, ...quiet }) => {
      fc.pre(!changesClocksAround(now, quiet.timeZone))
      assert.equal(sendAt({ now, quiet, before: null }), slowSendAt(now, quiet))
    }),
    { numRuns: 300 },
  )
})

test('at every change of the clocks nothing is sent within quiet hours, and nothing waits for longer', () => {
  const years = Array.from({ length: 30 }, (_, index) => 2010 + index)
  const changes = zones.flatMap((timeZone) =>
    years.flatMap((year) => {
      const start = Temporal.ZonedDateTime.from({ year, month: 1, day: 1, timeZone })
      const first = start.getTimeZoneTransition('next')
      const second = first?.getTimeZoneTransition('next')
      return [first, second].flatMap((one) =>
        one && one.year === year ? [{ timeZone, at: one.epochMilliseconds }] : [],
      )
    }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...changes),
      fc.integer({ min: -30 * 60, max: 30 * 60 }),
      minuteOfDay,
      minuteOfDay,
      ({ timeZone, at }, minutes, fromMinute, toMinute) => {
        fc.pre(fromMinute !== toMinute)
        const quiet = { fromMinute, toMinute, timeZone }
        const now = at + minutes * minute
        const all = stretches(now, quiet)
        let expected = now
        for (const { startsAt, endsAt } of all)
          if (startsAt <= expected && expected < endsAt) expected = endsAt
        const sent = sendAt({ now, quiet, before: null })
        assert.equal(sent, expected)
        assert.ok(sent === now || all.some(({ endsAt }) => endsAt === sent))
      },
    ),
    { numRuns: 2000 },
  )
})
