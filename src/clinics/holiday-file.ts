// The grammar of an iCalendar file (RFC 5545 section 3.1) as far as holidays need it: lines,
// components and the values of a few properties, each with the number of its line. ical.js reads
// single content lines and nothing else of it is used, since its recurrence iterator may never end.

import ICAL from 'ical.js'
import { invalidField, type InvalidRequest } from '#src/kernel/errors.ts'

/** One property of an event. `values` are as jCal (RFC 7265) writes them, RRULE's as in the file. */
export interface HolidayProperty {
  line: number
  values: readonly string[]
  timeZone: string | null
}

export interface HolidayEvent {
  line: number
  /** By upper-case name; a property may occur more than once. */
  properties: ReadonlyMap<string, readonly HolidayProperty[]>
}

interface ContentLine {
  number: number
  text: string
}

const eventsMax = 2000
const lineCharactersMax = 8192
const propertiesOfInterest = new Set([
  'DTSTART',
  'DTEND',
  'DURATION',
  'EXDATE',
  'RDATE',
  'RECURRENCE-ID',
  'RRULE',
  'STATUS',
  'SUMMARY',
  'UID',
])
const localValue = /^\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)Z?)?$/

/** The refusal of the whole file because of one line, which is counted from 1. */
export function malformedLine(line: number, problem: string): InvalidRequest {
  return invalidField('', `Line ${line} of the file ${problem}.`)
}

/**
 * The events of an iCalendar file in its order, with the properties that matter for holidays.
 *
 * @throws InvalidRequest naming the line when the text is not iCalendar, or has over 2000 events.
 */
export function readHolidayFile(text: string): HolidayEvent[] {
  const events: HolidayEvent[] = []
  const open: { name: string; line: number }[] = []
  let properties = new Map<string, HolidayProperty[]>()
  let lastLine = 0

  for (const line of contentLines(text)) {
    lastLine = line.number
    const name = propertyName(line)
    const inside = open.at(-1)
    if (inside === undefined && (name !== 'BEGIN' || componentName(line) !== 'VCALENDAR'))
      throw malformedLine(line.number, 'must be BEGIN:VCALENDAR, as at the start of a calendar')
    if (name === 'BEGIN') {
      open.push({ name: componentName(line), line: line.number })
      if (isEvent(open)) properties = new Map()
    } else if (name === 'END') {
      if (inside === undefined || componentName(line) !== inside.name)
        throw malformedLine(
          line.number,
          `must be END:${inside?.name ?? 'VCALENDAR'}, for the BEGIN in line ${inside?.line ?? 1}`,
        )
      if (isEvent(open)) events.push({ line: inside.line, properties })
      if (events.length > eventsMax)
        throw malformedLine(
          inside.line,
          `is where event ${eventsMax + 1} begins, which is too many`,
        )
      open.pop()
    } else if (isEvent(open) && propertiesOfInterest.has(name)) {
      const earlier = properties.get(name)
      const property = readProperty(name, line)
      if (earlier === undefined) properties.set(name, [property])
      else earlier.push(property)
    }
  }

  const unclosed = open.at(-1)
  if (unclosed !== undefined)
    throw malformedLine(
      lastLine,
      `is the last, but the ${unclosed.name} of line ${unclosed.line} has no END`,
    )
  if (lastLine === 0)
    throw invalidField('', 'The file is empty; it must begin with the line BEGIN:VCALENDAR.')
  return events
}

function isEvent(open: readonly { name: string }[]): boolean {
  return open.length === 2 && open[1]?.name === 'VEVENT'
}

/** Unfolds the text: a line that begins with a space or a tab continues the one before. */
function contentLines(text: string): ContentLine[] {
  const lines: ContentLine[] = []
  const physical = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (const [index, line] of physical.entries()) {
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000A-\u001F\u007F]/.test(line))
      throw malformedLine(index + 1, 'has a control character')
    const last = lines.at(-1)
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (last === undefined) {
        if (line.trim() === '') continue
        throw malformedLine(index + 1, 'continues a line, but there is none before it')
      }
      last.text += line.slice(1)
    } else if (line !== '') lines.push({ number: index + 1, text: line })
    if ((lines.at(-1)?.text.length ?? 0) > lineCharactersMax)
      throw malformedLine(index + 1, `is part of a line of over ${lineCharactersMax} characters`)
  }
  return lines
}

function propertyName(line: ContentLine): string {
  const name = /^[A-Za-z0-9-]+(?=[:;])/.exec(line.text)?.[0]
  if (name === undefined)
    throw malformedLine(line.number, 'must have the form NAME:value, such as SUMMARY:Christmas')
  return name.toUpperCase()
}

function componentName(line: ContentLine): string {
  return line.text
    .slice(line.text.indexOf(':') + 1)
    .trim()
    .toUpperCase()
}

function readProperty(name: string, line: ContentLine): HolidayProperty {
  if (name === 'RRULE') {
    const value = line.text.slice(line.text.indexOf(':') + 1).trim()
    return { line: line.number, values: [value], timeZone: null }
  }
  const { type, values, parameters } = parseContentLine(line)
  const timeZone = typeof parameters.tzid === 'string' ? parameters.tzid : null
  const isTime = type === 'date' || type === 'date-time'
  return {
    line: line.number,
    values: isTime ? localValues(name, line, values) : values.map(String),
    timeZone,
  }
}

function parseContentLine(line: ContentLine): {
  type: string
  values: unknown[]
  parameters: Record<string, unknown>
} {
  let property: unknown
  try {
    property = ICAL.parse.property(line.text.trimEnd())
  } catch {
    property = null
  }
  if (!isJcalProperty(property))
    throw malformedLine(line.number, 'must have the form NAME;PARAMETER=value:value')
  const [, parameters, type, ...values] = property
  return { type, values, parameters }
}

type JcalProperty = [string, Record<string, unknown>, string, ...unknown[]]

function isJcalProperty(property: unknown): property is JcalProperty {
  return Array.isArray(property) && property.length >= 4
}

/**
 * Dates as 'YYYY-MM-DD' and times as 'YYYY-MM-DDTHH:MM:SS' with a Z when they are in UTC. ical.js
 * cuts such values by position whatever they are, so what it made is compared with what was there.
 */
function localValues(name: string, line: ContentLine, values: readonly unknown[]): string[] {
  const read = values.map((value) =>
    // A date without VALUE=DATE, as some programs write it.
    String(value).replace(/T::$/, ''),
  )
  const written = read.map((value) => value.replaceAll('-', '').replaceAll(':', '')).join(',')
  if (
    !read.every((value) => localValue.test(value)) ||
    !line.text.trimEnd().endsWith(`:${written}`)
  )
    throw malformedLine(
      line.number,
      `must give ${name} as a date such as 20261225 or a time such as 20261225T083000Z`,
    )
  return read
}
