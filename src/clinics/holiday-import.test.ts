import { test } from 'node:test'
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { InvalidRequest } from '#src/kernel/errors.ts'
import { addDays, formatMinute } from '#src/kernel/time.ts'
import { readHolidays } from './holiday-import.ts'

const paris = { timeZone: 'Europe/Paris', thisYear: 2026 }
const newYork = { timeZone: 'America/New_York', thisYear: 2026 }

function calendar(...lines: string[]): string {
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n')
}

function event(...lines: string[]): string[] {
  return ['BEGIN:VEVENT', 'UID:holiday@example.org', ...lines, 'END:VEVENT']
}

function spans(text: string, options = paris): string[] {
  return readHolidays(text, options).holidays.map(
    ({ startsOn, startMinute, endsOn, endMinute }) =>
      `${startsOn} ${formatMinute(startMinute)} – ${endsOn} ${formatMinute(endMinute)}`,
  )
}

function refusal(text: string): string {
  try {
    readHolidays(text, paris)
  } catch (error) {
    assert.ok(error instanceof InvalidRequest, String(error))
    return error.message
  }
  return assert.fail('the file was taken')
}

test('a holiday of the file is on the same dates at the clinic, in any zone', () => {
  const zones = fc.constantFrom(
    'Pacific/Pago_Pago',
    'Pacific/Apia',
    'America/New_York',
    'America/Sao_Paulo',
    'UTC',
    'Europe/Paris',
    'Asia/Kolkata',
    'Pacific/Kiritimati',
  )
  fc.assert(
    fc.property(
      zones,
      fc.integer({ min: 0, max: 60_000 }),
      fc.integer({ min: 1, max: 40 }),
      (timeZone, day, days) => {
        const startsOn = addDays('1990-01-01', day)
        const until = addDays(startsOn, days)
        const text = calendar(
          ...event(
            `DTSTART;VALUE=DATE:${startsOn.replaceAll('-', '')}`,
            `DTEND;VALUE=DATE:${until.replaceAll('-', '')}`,
          ),
        )
        const endsOn = addDays(until, -1)
        assert.deepEqual(spans(text, { timeZone, thisYear: 2026 }), [
          `${startsOn} 00:00 – ${endsOn} 24:00`,
        ])
      },
    ),
  )
})

test('a date without an end, or with the same date as its end, is one day', () => {
  const oneDay = ['2026-12-25 00:00 – 2026-12-25 24:00']
  assert.deepEqual(spans(calendar(...event('DTSTART;VALUE=DATE:20261225'))), oneDay)
  assert.deepEqual(spans(calendar(...event('DTSTART:20261225'))), oneDay)
  assert.deepEqual(
    spans(calendar(...event('DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261225'))),
    oneDay,
  )
  assert.deepEqual(spans(calendar(...event('DTSTART;VALUE=DATE:20261225', 'DURATION:P2D'))), [
    '2026-12-25 00:00 – 2026-12-26 24:00',
  ])
})

test('a time is converted to the wall clock of the clinic', () => {
  const inUtc = calendar(...event('DTSTART:20261224T230000Z', 'DTEND:20261225T230000Z'))
  assert.deepEqual(spans(inUtc), ['2026-12-25 00:00 – 2026-12-25 24:00'])
  assert.deepEqual(spans(inUtc, newYork), ['2026-12-24 18:00 – 2026-12-25 18:00'])
  const zoned = calendar(
    ...event('DTSTART;TZID="Asia/Tokyo":20261224T090000', 'DTEND;TZID=Asia/Tokyo:20261224T120000'),
  )
  assert.deepEqual(spans(zoned), ['2026-12-24 01:00 – 2026-12-24 04:00'])
  const floating = calendar(...event('DTSTART:20261224T120000', 'DURATION:PT12H'))
  assert.deepEqual(spans(floating, newYork), ['2026-12-24 12:00 – 2026-12-24 24:00'])
})

test('a time that is not a whole minute never makes the closure shorter', () => {
  assert.deepEqual(spans(calendar(...event('DTSTART:20261224T120030', 'DTEND:20261224T120130'))), [
    '2026-12-24 12:00 – 2026-12-24 12:02',
  ])
})

test('what cannot be imported is named with its reason', () => {
  const { holidays, skipped } = readHolidays(
    calendar(
      ...event('DTSTART;VALUE=DATE:20261225', 'SUMMARY:Christmas', 'STATUS:CANCELLED'),
      ...event('DTSTART;TZID=Romance Standard Time:20261224T120000', 'SUMMARY:Party'),
      ...event('DTSTART:20261224T120000', 'SUMMARY:Moment'),
      ...event('DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261201', 'SUMMARY:Backwards'),
      ...event('DTSTART;VALUE=DATE:20261225', 'DURATION:P90000D', 'SUMMARY:For ever'),
      ...event('DTSTART;VALUE=DATE:00010101', 'SUMMARY:Long ago'),
      ...event('DTSTART;VALUE=DATE:20261225', 'DURATION:PT4H', 'SUMMARY:Odd'),
    ),
    paris,
  )
  assert.deepEqual(holidays, [])
  assert.deepEqual(skipped, [
    { summary: 'Christmas', reason: 'is cancelled' },
    { summary: 'Party', reason: 'is in a time zone that is not an IANA one such as Europe/Paris' },
    { summary: 'Moment', reason: 'has a time at which it starts and none at which it ends' },
    { summary: 'Backwards', reason: 'ends before it starts' },
    { summary: 'For ever', reason: 'is longer than ten years' },
    { summary: 'Long ago', reason: 'is outside the years 1900 to 2999' },
    {
      summary: 'Odd',
      reason: 'has a date without a time and a DURATION that is not of whole days',
    },
  ])
})

test('folded lines, escapes and a byte order mark are read as RFC 5545 means them', () => {
  const text = `\uFEFF${calendar(
    ...event(
      'DTSTART;VALUE=DA',
      ' TE:2026',
      '\t1225',
      'SUMMARY;LANGUAGE=fr:Noël\\, fê',
      ' te\\nfériée',
    ),
  )}`
  assert.deepEqual(readHolidays(text, paris).holidays, [
    {
      uid: 'holiday@example.org',
      name: 'Noël, fête fériée',
      startsOn: '2026-12-25',
      startMinute: 0,
      endsOn: '2026-12-25',
      endMinute: 1440,
    },
  ])
  assert.equal(readHolidays(text.replaceAll('\r\n', '\n'), paris).holidays.length, 1)
})

test('properties of alarms and zones inside the calendar are not taken for the event', () => {
  const text = calendar(
    'BEGIN:VTIMEZONE',
    'TZID:Europe/Paris',
    'BEGIN:STANDARD',
    'DTSTART:19961027T030000',
    'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
    'END:STANDARD',
    'END:VTIMEZONE',
    ...event(
      'DTSTART;VALUE=DATE:20261225',
      'BEGIN:VALARM',
      'DTSTART:garbage',
      'DURATION:PT15M',
      'END:VALARM',
    ),
  )
  assert.deepEqual(spans(text), ['2026-12-25 00:00 – 2026-12-25 24:00'])
})

function yearly(...lines: string[]): string[] {
  const text = calendar(...event('DTSTART;VALUE=DATE:19900501', ...lines))
  return spans(text).map((span) => span.slice(0, 10))
}

test('a yearly holiday is given for this year and the next three', () => {
  const fourYears = ['2026-05-01', '2027-05-01', '2028-05-01', '2029-05-01']
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY'), fourYears)
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1'), fourYears)
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;INTERVAL=2'), ['2026-05-01', '2028-05-01'])
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;COUNT=38'), ['2026-05-01', '2027-05-01'])
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;UNTIL=20270501'), ['2026-05-01', '2027-05-01'])
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;UNTIL=20270430T235959Z'), ['2026-05-01'])
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY', 'EXDATE;VALUE=DATE:20270501'), [
    '2026-05-01',
    '2028-05-01',
    '2029-05-01',
  ])
  assert.deepEqual(yearly('RRULE:FREQ=YEARLY;UNTIL=20100501'), [])
})

test('29 February comes back in leap years only', () => {
  const text = calendar(...event('DTSTART;VALUE=DATE:20240229', 'RRULE:FREQ=YEARLY'))
  assert.deepEqual(spans(text), ['2028-02-29 00:00 – 2028-02-29 24:00'])
})

test('an occurrence that the file moves is not also on its old date', () => {
  const text = calendar(
    ...event('DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=YEARLY;COUNT=2'),
    ...event('DTSTART;VALUE=DATE:20270503', 'RECURRENCE-ID;VALUE=DATE:20270501'),
  )
  assert.deepEqual(
    spans(text).map((span) => span.slice(0, 10)),
    ['2026-05-01', '2027-05-03'],
  )
})

test('a hostile recurrence rule ends at once and leaves the first date, with a note', () => {
  for (const rule of [
    'FREQ=SECONDLY',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYDAY=MO',
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=YEARLY;BYMONTHDAY=25',
    'FREQ=YEARLY;INTERVAL=0',
    'FREQ=YEARLY;COUNT=99999999999',
    'FREQ=YEARLY;FREQ=YEARLY',
    'nonsense',
  ]) {
    const text = calendar(...event('DTSTART;VALUE=DATE:20260501', `RRULE:${rule}`))
    const { holidays, skipped } = readHolidays(text, paris)
    assert.deepEqual(
      holidays.map(({ startsOn }) => startsOn),
      ['2026-05-01'],
      rule,
    )
    assert.equal(skipped.length, 1, rule)
  }
  const impossible = calendar(
    ...event('DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'),
  )
  assert.equal(spans(impossible).length, 1)
})

test('a malformed file is refused with the line and what should be there', () => {
  assert.match(refusal(''), /empty/)
  assert.match(refusal('PK\u0003\u0004'), /Line 1 .*control character/)
  assert.match(refusal('hello'), /Line 1 .*NAME:value/)
  assert.match(refusal('{"json": true}'), /Line 1 /)
  assert.match(refusal('DTSTART:20261225'), /Line 1 .*BEGIN:VCALENDAR/)
  assert.match(refusal('BEGIN:VCARD\nEND:VCARD'), /Line 1 .*BEGIN:VCALENDAR/)
  assert.match(refusal('BEGIN:VCALENDAR\nBEGIN:VEVENT'), /Line 2 .*VEVENT of line 2 has no END/)
  assert.match(refusal('BEGIN:VCALENDAR\nEND:VEVENT'), /Line 2 .*END:VCALENDAR/)
  assert.match(refusal(calendar('END:VCALENDAR')), /Line 4 /)
  assert.match(refusal(calendar(...event('SUMMARY:Nothing'))), /Line 3 .*no DTSTART/)
  const starting = (value: string) => refusal(calendar(...event(`DTSTART${value}`)))
  assert.match(starting(';VALUE=DATE:20260230'), /Line 5 .*does not exist/)
  assert.match(starting(';VALUE=DATE:2026122'), /Line 5 .*such as 20261225/)
  assert.match(starting(':20261225T090000+0100'), /Line 5 .*such as 20261225/)
  assert.match(starting(':20261225T990000'), /Line 5 .*such as 20261225/)
  assert.match(starting(':'), /Line 5 .*such as 20261225/)
  assert.match(starting(';:20261225'), /Line 5 .*PARAMETER/)
  assert.match(
    refusal(calendar(...event('DTSTART:20261225', 'DURATION:soon'))),
    /Line 6 .*DURATION/,
  )
})

test('any text is read or refused, never a fault', () => {
  const piece = fc.constantFrom(
    'BEGIN:VCALENDAR\n',
    'END:VCALENDAR\n',
    'BEGIN:VEVENT\n',
    'END:VEVENT\n',
    'DTSTART',
    'DTEND',
    'EXDATE',
    'RECURRENCE-ID',
    'DURATION',
    'RRULE:FREQ=YEARLY',
    ';VALUE=DATE',
    ';TZID=Europe/Paris',
    ';TZID="',
    ';__proto__=',
    ':20261225',
    ':20261225T120000Z',
    ':99991231T235960',
    ':00010101',
    ':P1D',
    ';UNTIL=99999999',
    ',',
    '\n',
    ' ',
  )
  fc.assert(
    fc.property(
      fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 40 }),
      (parts) => {
        for (const text of [parts.join(''), calendar('BEGIN:VEVENT', parts.join(''), 'END:VEVENT')])
          try {
            readHolidays(text, newYork)
          } catch (error) {
            assert.ok(error instanceof InvalidRequest, String(error))
          }
      },
    ),
    { numRuns: 500 },
  )
})

test('a file of a megabyte is read in well under a second', () => {
  const lines: string[] = []
  for (let index = 0; index < 2000; index += 1)
    lines.push(
      ...event(
        'DTSTART;VALUE=DATE:19000501',
        'RRULE:FREQ=YEARLY;COUNT=9999',
        `SUMMARY:${'x'.repeat(300)}`,
      ),
    )
  const startedAt = performance.now()
  readHolidays(calendar(...lines), paris)
  assert.ok(performance.now() - startedAt < 1000)
})

test('a line that goes on for over 8192 characters is refused, however it is folded', () => {
  const folded = Array(300).fill(` ${'x'.repeat(30)}`)
  const text = calendar(...event('DTSTART;VALUE=DATE:20261225', 'SUMMARY:Christmas', ...folded))
  assert.match(refusal(text), /^Line \d+ of the file is part of a line of over 8192 characters/)
  const long = calendar(...event(`SUMMARY:${'x'.repeat(9000)}`, 'DTSTART;VALUE=DATE:20261225'))
  assert.match(refusal(long), /^Line 5 /)
})
