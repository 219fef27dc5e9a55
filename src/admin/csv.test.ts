import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { call } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'
import { makeVisit, openNetwork } from '#test/support/visits.ts'
import { csvRowsMax, writeCsv, type CsvFile } from './csv.ts'

const { app, runtime } = await testVisita()

test('a file ends at its limit and says where the rest begins, and no row is lost or doubled', async () => {
  const all = Array.from({ length: 2 * csvRowsMax + 500 }, (_, index) => index)
  const read =
    (from: number | null) =>
    async ({ after, limit }: { after: number | null; limit: number }) => {
      const start = (after ?? from ?? -1) + 1
      return all.slice(start, start + limit)
    }
  const found: number[] = []
  const counts: number[] = []
  let last: number | null = null
  do {
    const file: CsvFile<number> = await writeCsv(
      { number: String, nothing: () => null },
      read(last),
    )
    const rows: Record<string, string>[] = parse(file.text, { bom: true, columns: true })
    found.push(...rows.map(({ number }) => Number(number)))
    counts.push(file.count)
    last = file.last
  } while (last !== null)
  assert.deepEqual(counts, [csvRowsMax, csvRowsMax, 500])
  assert.deepEqual(found, all)
})

test('no cell is a formula for a spreadsheet that splits a file at semicolons or tabs either', async () => {
  const marks = ['=', '+', '-', '@', '\uFF1D', '\uFF0B', '\uFF0D', '\uFF20']
  const cells = [
    ...marks.flatMap((mark) => [
      `${mark}1+1`,
      `Muller;${mark}1+1;${mark}SUM(A1)`,
      `Muller; "${mark}1+1;x`,
      `;"" ${mark}1+1`,
      `Muller\t${mark}1+1`,
      `Muller\r\n${mark}1+1`,
      `Muller\n;${mark}1+1`,
    ]),
    '\tx',
    '\rx',
  ]
  const { text } = await writeCsv<string>(
    { id: () => 'id', cell: (cell) => cell },
    async ({ after }) => (after === null ? cells : []),
  )
  // As the forgiving readers do it: a quote has a meaning at the start of a cell alone.
  for (const separator of [';', '\t', ','])
    for (const line of text.replace('\uFEFF', '').split(/[\r\n]+/))
      for (const cell of line.split(separator))
        assert.doesNotMatch(
          cell,
          /^[\p{Zs}"]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/u,
          JSON.stringify(line),
        )
  // For those who split at commas nothing but the marks is added.
  const rows: string[][] = parse(text, { bom: true, from_line: 2, relax_column_count: true })
  assert.deepEqual(
    rows.map(([, cell]) => cell!.replaceAll("'", '')),
    cells,
  )
  const [plain] = (
    await writeCsv<string>({ cell: (cell) => cell }, async ({ after }) =>
      after === null ? ["Anne-Marie = Ann; O'Neil (2-3)"] : [],
    )
  ).text
    .split('\r\n')
    .slice(1)
  assert.equal(plain, "Anne-Marie = Ann; O'Neil (2-3)")
})

test('appointments go into a file with the filters of the list, without reasons, and no name is a formula', async () => {
  const network = await openNetwork()
  const name = '=HYPERLINK("http://evil.example","Anna")'
  const visits = [
    await makeVisit(network, 0, { reason: 'A secret cough.' }),
    await makeVisit(network, 1),
  ]
  await runtime.db
    .updateTable('patient')
    .set({ name })
    .where('id', '=', visits[0]!.patientId)
    .execute()
  const fileOf = (query: string) =>
    app.inject({
      url: `/api/v1/admin/appointments.csv?${query}`,
      headers: { authorization: network.people.admin },
    })
  const answer = await fileOf(`clinicId=${network.clinicId}`)
  assert.equal(answer.statusCode, 200)
  assert.doesNotMatch(answer.body, /cough/)
  const rows: Record<string, string>[] = parse(answer.body, { bom: true, columns: true })
  assert.deepEqual(
    rows.map(({ id, status, startsAt }) => ({ id, status, startsAt })),
    visits.map(({ visit: { id, status, startsAt } }) => ({ id, status, startsAt })),
  )
  assert.equal(rows[0]!['patient'], `'${name}`)
  const { patientId } = visits[1]!
  const few: string[][] = parse((await fileOf(`patientId=${patientId}&status=confirmed`)).body)
  assert.deepEqual([few.length, few[1]?.[0]], [2, visits[1]!.id])
  const audited = await call(app, 'GET /admin/audit?action=appointment.export&limit=1', {
    as: network.people.admin,
  })
  assert.deepEqual(audited.body.items[0].details, {
    patientId,
    status: ['confirmed'],
    ids: [visits[1]!.id],
  })
})
