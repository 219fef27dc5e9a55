import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readImportFile } from './import-file.ts'

const columns = { known: ['name', 'bio', 'email'], required: ['name'] } as const

function read(text: string) {
  return readImportFile(text, columns)
}

test('a file reads the same whatever separator, line ends and mark at its beginning it has', () => {
  const expected = [
    { line: 2, cells: { name: 'Anna Berg', bio: 'Reads; writes,\tcounts' } },
    { line: 3, cells: { name: 'Bo "the tall" Olsen', email: 'bo@example.org' } },
  ]
  for (const separator of [';', ',', '\t'])
    for (const end of ['\n', '\r\n', '\r'])
      for (const mark of ['', '\uFEFF']) {
        const rows = [
          ['name', 'bio', 'email'],
          ['Anna Berg', '"Reads; writes,\tcounts"', ''],
          [' "Bo ""the tall"" Olsen"'.trim(), '', ' bo@example.org '],
        ]
        const text = mark + rows.map((row) => row.join(separator)).join(end)
        assert.deepEqual(read(text), { lines: expected, problems: [] }, JSON.stringify(text))
      }
})

test('a line is told by where it begins, past cells of several lines and past blank lines', () => {
  const { lines } = read('name,bio\nAnna,"two\nlines"\n\n,\nBo,"a\r\nb\nc"\nCy,last')
  assert.deepEqual(
    lines.map(({ line, cells }) => [line, cells.name]),
    [
      [2, 'Anna'],
      [6, 'Bo'],
      [9, 'Cy'],
    ],
  )
})

test('headers are known in any case and with spaces, hyphens or underscores', () => {
  assert.deepEqual(read('NAME,E-Mail\nAnna,a@example.org').lines, [
    { line: 2, cells: { name: 'Anna', email: 'a@example.org' } },
  ])
  assert.deepEqual(read(' n_ame \nAnna').lines, [{ line: 2, cells: { name: 'Anna' } }])
})

test('a header that is unknown, empty, twice there or missing is named, and no line is read', () => {
  const { lines, problems } = read('bio,colour,,BIO\nx,y,z,w')
  assert.deepEqual(lines, [])
  assert.deepEqual(
    problems.map(({ line, detail }) => [line, detail]),
    [
      [1, '"colour" is no column here; known are: name, bio, email.'],
      [1, "The header's cell 3 is empty."],
      [1, 'The column bio comes twice.'],
      [1, 'The column name is missing.'],
    ],
  )
  for (const text of ['', '\uFEFF', '\n\n'])
    assert.deepEqual(read(text).problems, [{ line: 1, detail: 'The file has no header line.' }])
})

test('quotes that are wrong are named by their line', () => {
  for (const [text, line, what] of [
    ['name,bio\nAnna,x\nBo,"open', 3, /not closed/],
    ['name,bio\nAnna,"x"y\n', 2, /After a closing quote/],
    ['name,bio\nAnna,x\nBo,x"y"\n', 3, /with a quote in it/],
  ] as const) {
    const { lines, problems } = read(text)
    assert.deepEqual([lines.length, problems.length, problems[0]?.line], [0, 1, line])
    assert.match(problems[0]!.detail, what)
  }
})

test('a line with more cells than the header is a problem, one with fewer is none', () => {
  const { lines, problems } = read('name,bio\nAnna,x,y\nBo')
  assert.deepEqual(lines, [{ line: 3, cells: { name: 'Bo' } }])
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2],
  )
})

test('a cell that begins as a formula does is text', () => {
  const { lines } = read('name,bio\n=1+1,@home\n+49 30,-3')
  assert.deepEqual(
    lines.map(({ cells }) => cells),
    [
      { name: '=1+1', bio: '@home' },
      { name: '+49 30', bio: '-3' },
    ],
  )
})

test('a file of more than 5,000 lines is not read', () => {
  const { lines, problems } = read(`name\n${'Anna\n'.repeat(5001)}`)
  assert.equal(lines.length, 0)
  assert.match(problems[0]!.detail, /5001 lines .* at most 5000/)
  assert.equal(read(`name\n${'Anna\n'.repeat(5000)}`).lines.length, 5000)
})
