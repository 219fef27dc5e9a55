import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ICAL from 'ical.js'
import { formatUtc, parseInstant } from '#src/kernel/time.ts'
import { address, mailto, moment, plain, serialize, text, type Property } from './icalendar.ts'

/** The lines of a file as they are, folds and all, without their ends. */
function physicalLines(file: string): string[] {
  assert.ok(file.endsWith('\r\n'))
  return file.slice(0, -2).split('\r\n')
}

function eventWith(...properties: Property[]): string {
  return serialize({
    name: 'VCALENDAR',
    properties: [plain('VERSION', '2.0')],
    components: [{ name: 'VEVENT', properties }],
  })
}

function read(file: string): ICAL.Component {
  const event = new ICAL.Component(ICAL.parse(file)).getFirstSubcomponent('vevent')
  assert.ok(event)
  return event
}

/** Whole characters of all planes, those that the grammar uses more often. */
const anyText = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 5 }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          '\\',
          ';',
          ',',
          '\n',
          '"',
          '^',
          ':',
          "'",
          '=',
          '\\n',
          '^n',
          '^^',
        ),
      },
      { weight: 1, arbitrary: fc.constantFrom('é', 'ß', '李', 'م', '👩🏽‍⚕️', 'é', '  ', '\t') },
    ),
    { maxLength: 200, size: 'max' },
  )
  .map((pieces) => pieces.join(''))

/** What is left of a text: an independent, slow way to say it. */
function readable(value: string): string {
  return value
    .split(/\r\n|\n|\r|\v|\f|\u0085|\u2028|\u2029/)
    .map((line) => line.replaceAll(/(?!\t)\p{Cc}/gu, ''))
    .join('\n')
}

test('a text is read back as it was written, whatever is in it', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const event = read(eventWith(text('SUMMARY', value), text('LOCATION', 'Canal')))
      assert.equal(event.getFirstPropertyValue('summary'), readable(value))
      assert.equal(event.getFirstPropertyValue('location'), 'Canal')
      assert.equal(event.getAllProperties().length, 2)
    }),
    { numRuns: 500 },
  )
})

test('what separates values is escaped, and what does not is left alone', () => {
  const { value } = text('SUMMARY', 'a\\b;c,d:e"f\r\ng')
  assert.equal(value, 'a\\\\b\\;c\\,d:e"f\\ng')
})

test("a parameter's value is read back as it was written, whatever is in it", () => {
  fc.assert(
    fc.property(anyText, (generated) => {
      // The reader takes a backslash in a parameter for an escape, which RFC 5545 does not know there.
      const value = generated.replaceAll('\\', '/')
      const organizer = plain('ORGANIZER', mailto('canal@example.org'), {
        CN: value,
        ROLE: 'CHAIR',
      })
      const property = read(eventWith(organizer)).getFirstProperty('organizer')
      assert.equal(property?.getFirstParameter('cn'), readable(value))
      assert.equal(property?.getFirstParameter('role'), 'CHAIR')
      assert.equal(property?.getFirstValue(), 'mailto:canal@example.org')
    }),
    { numRuns: 500 },
  )
})

test('a backslash in a parameter stands for itself', () => {
  assert.match(eventWith(plain('X', 'x', { CN: 'a\\n^"b,c' })), /^X;CN="a\\n\^\^\^'b,c":x\r$/m)
})

test('no line is longer than 75 octets, and no character is cut in two', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const file = eventWith(text('SUMMARY', value), plain('X-NAME', 'x', { CN: value }))
      for (const line of physicalLines(file)) {
        assert.ok(Buffer.byteLength(line) <= 75, line)
        assert.ok(line.isWellFormed(), line)
        assert.doesNotMatch(line, /[\r\n]/)
      }
    }),
    { numRuns: 500 },
  )
})

test('a line is folded only where it must be', () => {
  const file = (length: number) => physicalLines(eventWith(plain('X', 'x'.repeat(length - 2))))
  assert.equal(file(75).length, 6)
  assert.equal(file(76).length, 7)
  assert.deepEqual(file(75 + 75).slice(3, 6), [`X:${'x'.repeat(73)}`, ` ${'x'.repeat(74)}`, ' x'])
  const [first, second] = physicalLines(eventWith(text('S', `${'x'.repeat(72)}é`))).slice(3)
  assert.deepEqual([first, second], [`S:${'x'.repeat(72)}`, ' é'])
})

test('nothing that is written ends a line or a component early', () => {
  const wicked = 'a\r\nEND:VEVENT\rATTENDEE:mailto:x@y\u2028b\u0000\u0007\u001b\u007f\u0085c\ud800d'
  const file = eventWith(text('SUMMARY', wicked), plain('X', 'x', { CN: wicked }))
  assert.equal(physicalLines(file).filter((line) => /^(END|ATTENDEE)/.test(line)).length, 2)
  assert.match(file, /SUMMARY:a\\nEND:VEVENT\\nATTENDEE:mailto:x@y\\nb\\nc\ufffdd\r\n/)
})

test('a moment is read back to the second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      const event = read(eventWith(moment('DTSTART', seconds * 1000)))
      const value = event.getFirstPropertyValue('dtstart')
      assert.ok(value instanceof ICAL.Time)
      assert.equal(value.zone, ICAL.Timezone.utcTimezone)
      assert.equal(value.toUnixTime(), seconds, formatUtc(seconds * 1000))
    }),
  )
  const at = parseInstant('2026-11-24T10:40:59.999+01:00')!
  assert.equal(moment('DTSTART', at).value, '20261124T094059Z')
})

test('an address holds nothing but an address', () => {
  fc.assert(
    fc.property(fc.oneof(fc.emailAddress(), anyText), (email) => {
      const value = mailto(email)
      assert.match(value, /^mailto:[\w.!~*()$+@%-]*$/)
      assert.equal(decodeURIComponent(value.slice('mailto:'.length)), readable(email))
    }),
  )
  assert.equal(mailto('anna+x@example.org'), 'mailto:anna+x@example.org')
  assert.equal(address('URL', 'no address'), null)
  const url = address('URL', 'https://meet.example.org/a b?q=ü\r\nX:y')?.value
  assert.equal(url, 'https://meet.example.org/a%20b?q=%C3%BCX:y')
})
