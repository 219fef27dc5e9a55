// What cells say: yes and no, lists, and fields that are checked by the schemas of the API.

import type { ValidateFunction } from 'ajv/dist/2020.js'
import type { TSchema } from 'typebox'
import { toFieldErrors } from '#src/http/field-errors.ts'
import { createValidatorCompiler } from '#src/http/validation.ts'
import type { FieldError } from '#src/kernel/errors.ts'
import type { ImportProblem } from './import-file.ts'
import type { NamedRow } from './import-queries.ts'

/** The problems of one line. */
export interface LineProblems<Column extends string> {
  readonly line: number
  readonly found: ImportProblem[]
  /** Without a column for what is wrong with the whole line. */
  add(column: Column | null, detail: string): void
  /** Those of fields, by the columns that they were made of. */
  addFields(errors: readonly FieldError[], columnsOf: Record<string, Column>): void
}

export function problemsOfLine<Column extends string>(line: number): LineProblems<Column> {
  const found: ImportProblem[] = []
  const add = (column: Column | null, detail: string) =>
    void found.push({ line, ...(column !== null && { column }), detail })
  return {
    line,
    found,
    add,
    addFields(errors, columnsOf) {
      for (const { pointer, detail } of errors) {
        const fields = Object.keys(columnsOf).filter((field) => isWithin(pointer, field))
        const column = fields.length > 0 ? columnsOf[longestOf(fields)]! : null
        add(column, detail.replace(pointer, column ?? 'The line'))
      }
    },
  }
}

function isWithin(pointer: string, field: string): boolean {
  return pointer === field || pointer.startsWith(`${field}/`)
}

function longestOf(texts: readonly string[]): string {
  return texts.reduce((longest, one) => (one.length > longest.length ? one : longest), '')
}

const validators = new Map<TSchema, ValidateFunction>()

/** What is wrong with the value by a schema of the API. */
export function schemaErrors(schema: TSchema, value: unknown): FieldError[] {
  let validate = validators.get(schema)
  if (validate === undefined) {
    validate = createValidatorCompiler()({ schema, httpPart: 'body' })
    validators.set(schema, validate)
  }
  return validate(value) ? [] : toFieldErrors(validate.errors ?? [], 'body')
}

const answers = new Map([
  ...['yes', 'true', '1'].map((text) => [text, true] as const),
  ...['no', 'false', '0'].map((text) => [text, false] as const),
])

/** What a cell of yes or no says; undefined for an empty one and one that says something else. */
export function readYesOrNo<Column extends string>(
  cells: Partial<Record<Column, string>>,
  column: Column,
  problems: LineProblems<Column>,
): boolean | undefined {
  const cell = cells[column]
  if (cell === undefined) return undefined
  const answer = answers.get(cell.toLowerCase())
  if (answer === undefined) problems.add(column, `${column} must be yes or no.`)
  return answer
}

/** The parts of a cell that holds several, separated by `|`. Each once. */
export function partsOf(cell: string): string[] {
  return [
    ...new Set(
      cell
        .split('|')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  ]
}

/** Things by what cells call them. */
export interface Names<Row extends NamedRow> {
  /** Those that the text names, by an id or one of their names. */
  find(text: string): Row[]
  /** Says that the text names nothing, and what it may have meant. */
  unknown(text: string): string
}

/** A file may name thousands of things that are not there; what they may have meant is sought for a few. */
const nearestSoughtMax = 50

/** How much of a name is compared to find the nearest, in letters. */
const comparedLength = 40

/** `what` is what the things are, as in "is no clinic". */
export function createNames<Row extends NamedRow>(
  what: string,
  rows: readonly Row[],
  namesOf: (row: Row) => readonly string[] = ({ name }) => [name],
): Names<Row> {
  const byName = Map.groupBy(
    rows.flatMap((row) => [row.id, ...namesOf(row)].map((name) => ({ name: foldName(name), row }))),
    ({ name }) => name,
  )
  const shown = [...new Set(rows.flatMap((row) => namesOf(row)))]
  const sentences = new Map<string, string>()
  return {
    find: (text) => [...new Set((byName.get(foldName(text)) ?? []).map(({ row }) => row))],
    unknown(text) {
      const known = sentences.get(text)
      if (known !== undefined) return known
      const nearest = sentences.size < nearestSoughtMax ? nearestOf(text, shown) : null
      const hint = nearest === null ? '' : `; the nearest known is "${nearest}"`
      const sentence = `"${text.slice(0, 60)}" is no ${what}${hint}.`
      sentences.set(text, sentence)
      return sentence
    },
  }
}

/** The text as names are compared: without regard to case and spacing. */
export function foldName(text: string): string {
  return text.normalize('NFC').toLowerCase().replaceAll(/\s+/g, ' ').trim()
}

function nearestOf(text: string, names: readonly string[]): string | null {
  const wanted = foldName(text).slice(0, comparedLength)
  let nearest: { name: string; distance: number } | null = null
  for (const name of names) {
    const known = foldName(name).slice(0, comparedLength)
    // At least so many letters must be put in or taken out.
    if (nearest !== null && Math.abs(known.length - wanted.length) >= nearest.distance) continue
    const distance = distanceBetween(wanted, known)
    if (nearest === null || distance < nearest.distance) nearest = { name, distance }
  }
  return nearest?.name ?? null
}

/** How many letters must be put in, taken out or changed to make the one text of the other. */
function distanceBetween(one: string, other: string): number {
  let before = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row += 1) {
    const after = [row]
    for (let column = 1; column <= other.length; column += 1)
      after.push(
        Math.min(
          before[column]! + 1,
          after[column - 1]! + 1,
          before[column - 1]! + (one[row - 1] === other[column - 1] ? 0 : 1),
        ),
      )
    before = after
  }
  return before[other.length]!
}
