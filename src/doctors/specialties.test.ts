import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from './specialties.ts'

test('a code is made of the letters and digits of a name, without its accents', () => {
  assert.equal(codeOf('Cardiology'), 'cardiology')
  assert.equal(codeOf('Ear, nose & throat'), 'ear-nose-throat')
  assert.equal(codeOf('Gynécologie médicale'), 'gynecologie-medicale')
  assert.equal(codeOf(' (Pain) '), 'pain')
})

test('a name in another script has no code, which must then be given', () => {
  assert.equal(codeOf('心臓内科'), '')
})

test('a code keeps its length limit without a hyphen at its end', () => {
  const code = codeOf(`${'a'.repeat(59)} clinic`)
  assert.equal(code, 'a'.repeat(59))
})
