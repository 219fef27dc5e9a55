// A CSV file (RFC 4180) as spreadsheets save it: read into lines whose cells are named by the header.

import { CsvError } from 'csv-parse'
import { parse } from 'csv-parse/sync'

/** What is wrong with a line, or with one of its cells. The header is line 1. */
export interface ImportProblem {
  line: number
  /** The name of the column as it is documented. */
  column?: string
  detail: string
}

/** A line of a file; a cell that is empty is not there. */
export interface ImportLine<Column extends string> {
  /** Where it begins in the file. */
  line: number
  cells: Partial<Record<Column, string>>
}

export interface ImportFile<Column extends string> {
  lines: ImportLine<Column>[]
  problems: ImportProblem[]
}

export interface Columns<Column extends string> {
  known: readonly Column[]
  required: readonly Column[]
}

/** The most lines below the header that a file may have. */
export const linesMax = 5000

const separators = [';', ',', '\t']

/** The lines of the file below its header. A file whose header is wrong has problems and no lines. */
export function readImportFile<Column extends string>(
  text: string,
  columns: Columns<Column>,
): ImportFile<Column> {
  const plain = text.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n')
  const records = readRecords(plain)
  if ('detail' in records) return { lines: [], problems: [records] }
  const [header, ...rows] = records
  if (header === undefined)
    return { lines: [], problems: [{ line: 1, detail: 'The file has no header line.' }] }
  const { names, problems } = readHeader(header.cells, columns)
  if (rows.length > linesMax)
    problems.push({
      line: header.line,
      detail: `The file has ${rows.length} lines below the header, of at most ${linesMax}.`,
    })
  if (problems.length > 0) return { lines: [], problems }
  const lines = rows.flatMap(({ line, cells }) => {
    if (cells.length <= names.length) return [{ line, cells: cellsOf(names, cells) }]
    problems.push({
      line,
      detail: `The line has ${cells.length} cells, the header ${names.length}: put a cell that holds a separator in quotes.`,
    })
    return []
  })
  return { lines, problems }
}

interface Row {
  line: number
  cells: string[]
}

/** The rows that are not blank, or why the file cannot be read. */
function readRecords(text: string): Row[] | ImportProblem {
  try {
    const records = parse(text, {
      delimiter: separatorOf(text),
      record_delimiter: '\n',
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return records
      .map(({ record, info }) => ({ line: info.lines - breaksIn(record), cells: record }))
      .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    return { line: Number(error['lines'] ?? 1), detail: faults[error.code] ?? 'It is no CSV.' }
  }
}

const faults: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'A quote that opens here is not closed.',
  CSV_INVALID_CLOSING_QUOTE:
    'After a closing quote must come a separator; a quote in a cell is written twice.',
  INVALID_OPENING_QUOTE:
    'A cell with a quote in it must stand in quotes, and the quote in it is written twice.',
}

function breaksIn(cells: readonly string[]): number {
  return cells.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0)
}

/** The separator that the header has most of. */
function separatorOf(text: string): string {
  const header = (text.split('\n', 1)[0] ?? '').replaceAll(/"[^"]*"/g, '')
  const count = (separator: string) => header.split(separator).length
  return separators.reduce((best, one) => (count(one) > count(best) ? one : best), ',')
}

/** The columns in the order of the file. Case, spaces, hyphens and underscores make no difference. */
function readHeader<Column extends string>(
  cells: readonly string[],
  { known, required }: Columns<Column>,
): { names: (Column | null)[]; problems: ImportProblem[] } {
  const byFolded = new Map(known.map((name) => [fold(name), name]))
  const problems: ImportProblem[] = []
  const wrong = (detail: string) => problems.push({ line: 1, detail })
  const names = cells.map((cell) => byFolded.get(fold(cell)) ?? null)
  for (const [index, name] of names.entries()) {
    const cell = cells[index]?.trim() ?? ''
    if (name === null)
      wrong(
        cell === ''
          ? `The header's cell ${index + 1} is empty.`
          : `"${cell.slice(0, 60)}" is no column here; known are: ${known.join(', ')}.`,
      )
    else if (names.indexOf(name) < index) wrong(`The column ${name} comes twice.`)
  }
  for (const name of required) if (!names.includes(name)) wrong(`The column ${name} is missing.`)
  return { names, problems }
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, '')
}

function cellsOf<Column extends string>(
  names: readonly (Column | null)[],
  cells: readonly string[],
): Partial<Record<Column, string>> {
  const named: Partial<Record<Column, string>> = {}
  for (const [index, name] of names.entries()) {
    const cell = cells[index]?.trim() ?? ''
    if (name !== null && cell !== '') named[name] = cell
  }
  return named
}
