import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepsClaims, refusalSentence, stepOf } from './appointment-state.ts'

test('a request is accepted or declined once, and what is over is not cancelled', () => {
  assert.equal(stepOf('accept', 'requested')?.to, 'confirmed')
  assert.equal(stepOf('decline', 'requested')?.to, 'declined')
  assert.equal(stepOf('accept', 'expired'), null)
  assert.equal(stepOf('decline', 'confirmed'), null)
  for (const over of ['completed', 'no_show', 'declined', 'expired', 'with_doctor'] as const)
    assert.equal(stepOf('cancel', over), null)
})

test('an appointment keeps its time unless it is cancelled, declined or expired', () => {
  assert.equal(keepsClaims('no_show'), true)
  assert.equal(keepsClaims('completed'), true)
  assert.equal(keepsClaims('declined'), false)
})

test('a refused step says in which states it would be possible', () => {
  assert.equal(
    refusalSentence('accept', 'no_show'),
    'An appointment that is no show cannot be accepted; only one that is requested.',
  )
})
