import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canBeUndone,
  commands,
  decide,
  isStaffOnly,
  keepsClaims,
  statuses,
  stepRoles,
  transitions,
  type Decision,
  type StepRole,
} from './appointment-state.ts'

/**
 * What each command does in each status, in the order of `statuses`: the status that it leads to, or
 * `=` done already, `-` wrong-state, `no` not-allowed, `late` hold-expired.
 */
const grids: Record<StepRole, string> = {
  //            held                 requested           confirmed           arrived           with_doctor    completed      no_show    cancelled                                  declined   expired
  staff: `
    renew-hold   held                -                   -                   -                 -              -              -          -                                          -          late
    confirm-hold confirmed|requested -                   -                   -                 -              -              -          -                                          -          late
    accept       -                   confirmed           -                   -                 -              -              -          -                                          -          -
    decline      -                   declined            -                   -                 -              -              -          -                                          -          -
    reschedule   -                   requested|confirmed confirmed|requested arrived|confirmed -              -              -          -                                          -          -
    cancel       cancelled           cancelled           cancelled           cancelled         -              -              -          =                                          -          -
    check-in     -                   -                   arrived             -                 -              -              -          -                                          -          -
    start        -                   -                   -                   with_doctor       -              -              -          -                                          -          -
    complete     -                   -                   -                   -                 completed      -              -          -                                          -          -
    no-show      -                   -                   no_show             -                 -              -              -          -                                          -          -
    correct      -                   -                   -                   confirmed         arrived        with_doctor    arrived    -                                          -          -
    undo         -                   requested|confirmed requested|confirmed|arrived confirmed|arrived|with_doctor|no_show arrived|completed with_doctor confirmed requested|confirmed|arrived requested -
    expire       no                  no                  no                  no                no             no             no         no                                         no         no`,
  patient: `
    renew-hold   held                -                   -                   -                 -              -              -          -                                          -          late
    confirm-hold confirmed|requested -                   -                   -                 -              -              -          -                                          -          late
    accept       no                  no                  no                  no                no             no             no         no                                         no         no
    decline      no                  no                  no                  no                no             no             no         no                                         no         no
    reschedule   -                   requested|confirmed confirmed|requested no                -              -              -          -                                          -          -
    cancel       cancelled           cancelled           cancelled           no                -              -              -          =                                          -          -
    check-in     no                  no                  no                  no                no             no             no         no                                         no         no
    start        no                  no                  no                  no                no             no             no         no                                         no         no
    complete     no                  no                  no                  no                no             no             no         no                                         no         no
    no-show      no                  no                  no                  no                no             no             no         no                                         no         no
    correct      no                  no                  no                  no                no             no             no         no                                         no         no
    undo         -                   requested|confirmed requested|confirmed|arrived confirmed|arrived|with_doctor|no_show arrived|completed with_doctor confirmed requested|confirmed|arrived requested -
    expire       no                  no                  no                  no                no             no             no         no                                         no         no`,
  system: `
    renew-hold   no                  no                  no                  no                no             no             no         no                                         no         no
    confirm-hold no                  no                  no                  no                no             no             no         no                                         no         no
    accept       no                  no                  no                  no                no             no             no         no                                         no         no
    decline      no                  no                  no                  no                no             no             no         no                                         no         no
    reschedule   no                  no                  no                  no                no             no             no         no                                         no         no
    cancel       no                  no                  no                  no                no             no             no         no                                         no         no
    check-in     no                  no                  no                  no                no             no             no         no                                         no         no
    start        no                  no                  no                  no                no             no             no         no                                         no         no
    complete     no                  no                  no                  no                no             no             no         no                                         no         no
    no-show      no                  no                  no                  no                no             no             no         no                                         no         no
    correct      no                  no                  no                  no                no             no             no         no                                         no         no
    undo         no                  no                  no                  no                no             no             no         no                                         no         no
    expire       expired             expired             -                   -                 -              -              -          -                                          -          -`,
}

const refusals = { 'wrong-state': '-', 'not-allowed': 'no', 'hold-expired': 'late' } as const

function cellOf(decision: Decision): string {
  if (decision.kind === 'step') return decision.to.join('|')
  if (decision.kind === 'done') return '='
  return refusals[decision.code as keyof typeof refusals]
}

for (const role of stepRoles)
  test(`as ${role}, every command in every status makes its step or gets its named refusal`, () => {
    const rows = grids[role]
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
    assert.deepEqual(
      rows.map(([command]) => command),
      [...commands],
    )
    for (const [index, command] of commands.entries())
      for (const [column, status] of statuses.entries())
        assert.equal(
          cellOf(decide(command, status, role)),
          rows[index]![column + 1],
          `${command} of ${status}`,
        )
  })

test('every status is reached, and only what is over for good leads nowhere', () => {
  for (const status of statuses.filter((one) => one !== 'held'))
    assert.ok(
      transitions.some(({ to }) => to.includes(status)),
      status,
    )
  const ends = statuses.filter((status) => !transitions.some(({ from }) => from === status))
  assert.deepEqual(ends, ['expired'])
})

test('an appointment keeps its time unless it is cancelled, declined or expired', () => {
  const without = statuses.filter((status) => !keepsClaims(status))
  assert.deepEqual(without, ['cancelled', 'declined', 'expired'])
})

test('a refused step says in which states it would be possible', () => {
  const decision = decide('accept', 'no_show', 'staff')
  assert.equal(
    decision.kind === 'refusal' && decision.detail,
    'An appointment that is no show cannot be accepted; only one that is requested.',
  )
})

test('a hold that was given up and what ran out cannot be had back by undo', () => {
  assert.equal(canBeUndone('cancel', 'held'), false)
  assert.equal(canBeUndone('confirm-hold', 'held'), false)
  assert.equal(canBeUndone('cancel', 'confirmed'), true)
  assert.equal(canBeUndone('undo', 'cancelled'), false)
  assert.equal(canBeUndone('book', null), false)
})

test('patients hold, move, cancel and undo; the rest is for staff', () => {
  assert.deepEqual(
    commands.filter((command) => !isStaffOnly(command)),
    ['renew-hold', 'confirm-hold', 'reschedule', 'cancel', 'undo'],
  )
})
