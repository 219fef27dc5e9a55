import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

/** Each folder may import from itself and from those before it. */
const order = [
  'kernel',
  'db',
  'events',
  'audit',
  'http',
  'settings',
  'delivery',
  'identity',
  'clinics',
  'doctors',
  'patients',
  'medical-history',
  'availability',
  'booking',
  'waitlist',
  'messaging',
  'calendar',
  'links',
  'notifications',
  'realtime',
  'dashboards',
  'privacy',
  'admin',
]

/** What a module may know of the whole: the shape of the context it is given, and the configuration. */
const forEveryone = new Set(['context.ts', 'config.ts'])

const files = globSync('src/*/**/*.ts').filter((path) => !path.endsWith('.test.ts'))

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map(([, name]) => name!)
}

test('every folder of src has its place in the order', () => {
  assert.deepEqual(new Set(files.map((path) => path.split('/')[1])), new Set(order))
})

test('a module imports from modules before it, and from its own by ./', () => {
  for (const path of files) {
    const own = path.split('/')[1]!
    for (const name of importsOf(path)) {
      assert.doesNotMatch(name, /^\.\.\/(?!\.\.\/package\.json$)/, `${path} imports ${name}`)
      if (!name.startsWith('#src/') || forEveryone.has(name.slice('#src/'.length))) continue
      const other = name.split('/')[1]!
      assert.ok(
        order.indexOf(other) >= 0 && order.indexOf(other) < order.indexOf(own),
        `${path} may not import ${name}`,
      )
    }
  }
})

test('what decides is pure: it imports nothing that reads a clock, a database or the environment', () => {
  const pure = [
    ...globSync('src/*/policy.ts'),
    'src/booking/appointment-state.ts',
    'src/booking/rebooking-plan.ts',
    'src/availability/open-slots.ts',
    'src/availability/windows.ts',
  ]
  for (const path of pure)
    for (const name of importsOf(path)) {
      const text = readFileSync(path, 'utf8')
      const isTypeOnly = new RegExp(`import type [^;]*?'${name.replaceAll('.', '\\.')}'`).test(text)
      assert.ok(
        isTypeOnly ||
          name.startsWith('#src/kernel/') ||
          /\/(policy|windows|open-slots)\.ts$/.test(name),
        `${path} imports ${name}`,
      )
    }
})
