import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays } from '#src/kernel/calendar.ts'
import { localDateOf, parseInstant } from '#src/kernel/time.ts'
import type { Claim } from './board.ts'
import { firstOpenStart } from './first-open.ts'
import { claimOf, openStartsOf, type Offer } from './open-times.ts'

const hour = 3_600_000
const monday = parseInstant('2026-10-19T05:00:00+02:00')!

function offerOf(settings: {
  noticeMinutesMin: number
  horizonDays: number
  dailyLimit: number | null
}): Offer {
  return {
    clinicId: 'clinic',
    visitTypeId: 'visit',
    viewer: 'patient',
    clinic: {
      scheduleVersion: 1,
      requestLapsesMinutes: 2880,
      calendar: { clinicId: 'clinic', timeZone: 'Europe/Paris', closures: [] },
      rooms: [],
    },
    visitType: {
      scheduleVersion: 1,
      clinicId: null,
      rule: {
        id: 'visit',
        durationMinutes: 60,
        bufferBeforeMinutes: 0,
        bufferAfterMinutes: 15,
        stepMinutes: null,
      },
      whoMayBook: 'anyone',
      bookingMode: null,
      roomKind: null,
      active: true,
    },
    doctor: {
      ...settings,
      id: 'doctor',
      scheduleVersion: 1,
      bookingMode: 'instant',
      acceptingNewPatients: true,
      clinicIds: ['clinic'],
      visitTypeIds: ['visit'],
      schedule: {
        hours: [1, 2, 4].map((weekday) => ({
          clinicId: 'clinic',
          weekday,
          fromMinute: 540,
          toMinute: 780,
          validFrom: null,
          validUntil: null,
          visitTypeIds: null,
        })),
        openings: [],
        timeOff: [],
        paused: false,
      },
      claims: [],
      loadedAt: monday,
      firstOpen: new Map(),
    },
  }
}

const action = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 0, max: 50 }) }),
  fc.record({
    kind: fc.constant('book' as const),
    nth: fc.nat(40),
    expiresAfter: fc.option(fc.integer({ min: 1, max: 60 })),
  }),
  fc.record({
    kind: fc.constant('ask' as const),
    inDays: fc.integer({ min: -2, max: 20 }),
    days: fc.integer({ min: 0, max: 30 }),
    sinceHours: fc.option(fc.integer({ min: 0, max: 400 }), { nil: 0 }),
    viewer: fc.constantFrom('patient' as const, 'staff' as const),
  }),
)

test('the remembered first open time is the one that would be worked out anew, as time goes by', () => {
  fc.assert(
    fc.property(
      fc.record({
        noticeMinutesMin: fc.constantFrom(0, 60, 3000),
        horizonDays: fc.constantFrom(2, 10, 90),
        dailyLimit: fc.constantFrom(null, 1, 2),
      }),
      fc.array(action, { minLength: 2, maxLength: 25 }),
      (settings, actions) => {
        const offer = offerOf(settings)
        const { doctor } = offer
        let now = monday
        for (const [index, step] of actions.entries()) {
          const today = localDateOf(now, 'Europe/Paris')
          if (step.kind === 'wait') now += step.hours * hour
          if (step.kind === 'book') {
            const to = addDays(today, 40)
            const open = openStartsOf({ ...offer, viewer: 'staff' }, { from: today, to, now })
            const start = open[step.nth]
            if (start === undefined) continue
            const claim: Claim = {
              ...claimOf(offer, start),
              expiresAt: step.expiresAfter === null ? null : now + step.expiresAfter * hour,
              appointmentId: String(index),
              date: localDateOf(start, 'Europe/Paris'),
            }
            doctor.claims = [...doctor.claims, claim].sort((a, b) => a.startsAt - b.startsAt)
            doctor.firstOpen.clear()
          }
          if (step.kind === 'ask') {
            const from = addDays(today, step.inDays)
            const asked = { from, to: addDays(from, step.days), now }
            const seen = { ...offer, viewer: step.viewer }
            const since = now + step.sinceHours * hour
            const anew = openStartsOf(seen, asked).find((start) => start >= since) ?? null
            assert.equal(firstOpenStart(seen, { ...asked, since }), anew)
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})
