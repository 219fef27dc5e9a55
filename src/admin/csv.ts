// Lists as files for a spreadsheet: CSV as RFC 4180 has it, in UTF-8 with a byte order mark, by which
// spreadsheets know it. What a spreadsheet would compute is given an apostrophe before it, since names are
// written by anyone and the file is opened by someone with rights.

import { stringify } from 'csv-stringify/sync'
import { Type } from 'typebox'

export const csvType = 'text/csv; charset=utf-8'

/** How many rows a file has at most. The rest is at the address in its Link header. */
export const csvRowsMax = 10_000

/** How many rows are read and written before other requests have their turn. */
const rowsAtOnce = 1000

/** How an operation declares that it answers a file. */
export const csvAnswer = {
  description: 'The file.',
  headers: {
    Link: {
      type: 'string',
      description: 'With more rows: the address of the rest, relation next (RFC 8288).',
      examples: ['</api/v1/admin/audit.csv?cursor=eyJzZXEiOiI0MTcifQ>; rel="next"'],
    },
  },
  content: {
    'text/csv': {
      schema: Type.String({ description: 'CSV (RFC 4180) with a line of headers.' }),
    },
  },
}

/** The header and what stands below it; null for an empty cell. */
export type Columns<Row> = Record<string, (row: Row) => string | null>

export interface CsvFile<Row> {
  text: string
  count: number
  /** The last row of the file when there are more after it; null when there are none. */
  last: Row | null
}

/**
 * The file of what `read` answers, which is given the last row before (null: from the start). `note` hears
 * which rows get into the file, a thousand at most at a time, and once of none when there are none.
 */
export async function writeCsv<Row>(
  columns: Columns<Row>,
  read: (options: { after: Row | null; limit: number }) => Promise<Row[]>,
  note: (rows: readonly Row[]) => Promise<void> = async () => {},
): Promise<CsvFile<Row>> {
  const names = Object.keys(columns)
  const cells = Object.values(columns)
  const parts = [csvOf([names], true)]
  let count = 0
  let after: Row | null = null
  for (;;) {
    const rows = await read({ after, limit: rowsAtOnce + 1 })
    const shown = rows.slice(0, rowsAtOnce)
    await note(shown)
    parts.push(csvOf(shown.map((row) => cells.map((cell) => cell(row)))))
    count += shown.length
    after = shown.at(-1) ?? after
    const hasMore = rows.length > rowsAtOnce
    if (!hasMore || count >= csvRowsMax)
      return { text: parts.join(''), count, last: hasMore ? after : null }
  }
}

/**
 * Where a cell begins for some spreadsheet, and what follows there makes it a formula. Not each splits at
 * the commas: in much of Europe a file is split at semicolons, quotes in the middle of a cell mean nothing
 * then, and a line break within them begins a row.
 */
const formulaStart = /(^|[;\t\r\n])(?=[\p{Zs}"]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])|^(?=[\t\r])/gu

function csvOf(rows: (string | null)[][], isStart = false): string {
  const cells = rows.map((row) => row.map((cell) => cell?.replace(formulaStart, "$1'") ?? null))
  return stringify(cells, {
    bom: isStart,
    record_delimiter: 'windows',
    quote_record_delimiter: true,
  })
}
