import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const sources = globSync('src/**/*.ts').filter((path) => !path.endsWith('.test.ts'))
const linesMax = 420

function offenders(pattern: RegExp, allowed: RegExp): string[] {
  return sources.filter((path) => !allowed.test(path) && pattern.test(readFileSync(path, 'utf8')))
}

test('SQL stands in the queries of a module, and nowhere else', () => {
  const statement = /\bsql`|\bsql<|\.(selectFrom|insertInto|updateTable|deleteFrom)\(/
  assert.deepEqual(offenders(statement, /queries\.ts$|^src\/db\/|^src\/readiness\.ts$/), [])
})

test('only the kernel reads the clock', () => {
  assert.deepEqual(
    offenders(/\bnew Date\(|\bDate\.now\(/, /^src\/kernel\/(time|calendar)\.ts$/),
    [],
  )
})

test('only the configuration reads the environment', () => {
  const allowed = /^src\/(config|main|worker|cli)\.ts$|^src\/db\/embedded/
  assert.deepEqual(offenders(/process\.env/, allowed), [])
})

test('a file is named for what is in it, and holds one thing', () => {
  const drawers = /(^|\/)(utils?|helpers?|common|shared|misc|lib|managers?|services?)(\/|\.ts$)/
  const all = globSync(['src/**/*.ts', 'test/**/*.ts', 'demo/**/*.ts', 'scripts/**/*.ts'])
  assert.deepEqual(
    all.filter((path) => drawers.test(path)),
    [],
  )
  const long = sources.filter((path) => readFileSync(path, 'utf8').split('\n').length > linesMax)
  assert.deepEqual(long, [])
})

test('nothing is left to do later', () => {
  const marks = /\bT[O]DO\b|\bFIXM[E]\b|not implement[e]d/
  assert.deepEqual(offenders(marks, /^$/), [])
})

test('every link in the documentation leads to a file', () => {
  for (const path of globSync(['*.md', 'docs/**/*.md'])) {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
    const links = readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)
    for (const [, link] of links)
      assert.ok(existsSync(new URL(link!, `file://${process.cwd()}/${folder}`)), `${path}: ${link}`)
  }
})

test('the lockfile names no registry', () => {
  assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved": "http/)
})

test('what is committed holds no key or password file', () => {
  const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n')
  assert.deepEqual(
    files.filter((path) => /(^|\/)(\.env|secrets\.json|.*\.pem|.*\.key)$/.test(path)),
    [],
  )
})
