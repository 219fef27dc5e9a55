import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimsByDesign } from './mix-occupancy.ts'
import { checkMix, type CheckOptions } from './mix-checker.ts'
import type { Content, StoredAppointment, StoredStep } from './mix-content.ts'
import type { MixCommand, MixRecord, Wanted } from './mix-records.ts'

const minute = 60_000
/** Noon of a winter's day in Paris, on which all visits are. */
const noon = Date.UTC(2026, 10, 30, 11)
const options: CheckOptions = { memoryLagMax: 0, clockTolerance: 0 }

interface World {
  records: MixRecord[]
  content: Content
}

interface Visit {
  id: string
  patientId: string
  startsAt: number
  /** When the steps were asked for, one second before their answers. */
  steps: { command: MixCommand; at: number; to: StoredStep['to'] }[]
  isOverbooked?: boolean
}

function wantedAt(patientId: string, startsAt: number, isOverbooked = false): Wanted {
  return { doctorId: 'doctor', visitTypeId: 'visit', patientId, startsAt, isOverbooked }
}

function recordOf(record: Partial<MixRecord>): MixRecord {
  const sentAt = record.sentAt ?? 0
  return {
    client: 0,
    command: 'book',
    kind: 'book',
    accountId: 'account',
    as: 'Bearer',
    role: 'patient',
    line: 'POST /appointments',
    body: {},
    appointmentId: null,
    wanted: null,
    requestedVersion: null,
    key: null,
    sentAt,
    lastSentAt: sentAt,
    answeredAt: sentAt + 1000,
    status: 409,
    problem: null,
    answer: null,
    ...record,
  }
}

/** What clients and database hold after these visits were led through these steps, as designed. */
function worldOf(visits: Visit[], refused: Partial<MixRecord>[] = []): World {
  const content: Content = {
    appointments: [],
    steps: [],
    claims: [],
    events: [],
    visitTypes: new Map([
      ['visit', { duration: 20 * minute, before: 5 * minute, after: 10 * minute, roomIds: null }],
    ]),
    dailyLimits: new Map(),
    timeZone: 'Europe/Paris',
    changeNotice: 0,
  }
  const records: MixRecord[] = []
  for (const { id, patientId, startsAt, steps, isOverbooked = false } of visits) {
    const placedAt = (index: number) => ({
      doctorId: 'doctor',
      visitTypeId: 'visit',
      startsAt,
      endsAt: startsAt + 20 * minute,
      isOverbooked,
      sequence: index,
      version: index + 1,
    })
    const bare = { roomId: null, expiresAt: null }
    for (const [index, { command, at, to }] of steps.entries()) {
      content.steps.push({
        ...placedAt(index),
        ...bare,
        appointmentId: id,
        command,
        from: steps[index - 1]?.to ?? null,
        to,
        occurredAt: at,
        actorId: 'account',
      })
      content.events.push({ appointmentId: id, version: index + 1, transaction: `${id} ${index}` })
      records.push(
        recordOf({
          command,
          sentAt: at,
          appointmentId: index === 0 ? null : id,
          status: 200,
          answer: { ...placedAt(index), id, patientId, status: to },
        }),
      )
    }
    const status = steps.at(-1)!.to
    const placed = placedAt(steps.length - 1)
    const appointment: StoredAppointment = { ...placed, ...bare, id, patientId, status }
    content.appointments.push(appointment)
    if (status !== 'cancelled')
      content.claims.push(
        ...claimsByDesign(content, appointment, appointment).map((claim) => ({
          ...claim,
          lane: isOverbooked ? 1 : 0,
        })),
      )
  }
  return { content, records: [...records, ...refused.map(recordOf)] }
}

const cancelled: Visit = {
  id: 'cancelled',
  patientId: 'anna',
  startsAt: noon,
  steps: [
    { command: 'book', at: 1000, to: 'confirmed' },
    { command: 'cancel', at: 5000, to: 'cancelled' },
  ],
}
const booked: Visit = {
  id: 'booked',
  patientId: 'ben',
  startsAt: noon,
  steps: [{ command: 'book', at: 8000, to: 'confirmed' }],
}
const overbooked: Visit = {
  id: 'overbooked',
  patientId: 'clara',
  startsAt: noon + 10 * minute,
  steps: [{ command: 'book', at: 12_000, to: 'confirmed' }],
  isOverbooked: true,
}
const taken = { problem: 'slot-taken', wanted: wantedAt('dora', noon + 15 * minute) }

function violationsOf({ records, content }: World, more: Partial<CheckOptions> = {}): string[] {
  return checkMix(records, content, { ...options, ...more }).violations
}

test('a time that was booked, given back, booked again and overbooked is no violation, nor are refusals while it was taken', () => {
  const world = worldOf(
    [cancelled, booked, overbooked],
    [
      { ...taken, sentAt: 1500 },
      { ...taken, sentAt: 5500 },
      { ...taken, sentAt: 9000 },
      { ...taken, sentAt: 3000, problem: 'patient-busy', wanted: wantedAt('anna', noon) },
      {
        sentAt: 9000,
        command: 'cancel',
        appointmentId: 'booked',
        requestedVersion: 2,
        problem: 'stale-version',
      },
      {
        sentAt: 7000,
        command: 'reschedule',
        appointmentId: 'cancelled',
        wanted: wantedAt('anna', noon),
        problem: 'wrong-state',
      },
    ],
  )
  assert.deepEqual(violationsOf(world), [])
})

test('a refusal that nothing explains is named, and one that came a moment late only where memory may lag', () => {
  const late = worldOf([cancelled], [{ ...taken, sentAt: 6300 }])
  assert.match(violationsOf(late).join(), /^nothing explains the refusal \(300 ms\)/)
  assert.deepEqual(violationsOf(late, { memoryLagMax: 500 }), [])
  assert.equal(
    checkMix(late.records, late.content, { ...options, memoryLagMax: 500 }).memoryLag,
    300,
  )

  const unexplained: Partial<MixRecord>[] = [
    { ...taken, sentAt: -5000 },
    { ...taken, sentAt: 3000, wanted: wantedAt('dora', noon + 35 * minute) },
    { ...taken, sentAt: 6300, problem: 'patient-busy', wanted: wantedAt('anna', noon) },
    { sentAt: 2500, command: 'cancel', appointmentId: 'cancelled', problem: 'wrong-state' },
    { sentAt: 2500, command: 'cancel', appointmentId: 'cancelled', problem: 'too-late' },
    {
      sentAt: 2500,
      command: 'cancel',
      appointmentId: 'cancelled',
      requestedVersion: 1,
      problem: 'stale-version',
    },
  ]
  for (const refusal of unexplained)
    assert.match(
      violationsOf(worldOf([cancelled], [refusal]), { memoryLagMax: 500 }).join(),
      /^nothing explains the refusal/,
      JSON.stringify(refusal),
    )
})

test('of a doctor with a daily limit, a full day explains a refusal, and one visit more is named', () => {
  const second: Visit = { ...booked, id: 'second', startsAt: noon + 60 * minute, patientId: 'dora' }
  const refusal = { ...taken, sentAt: 9500, wanted: wantedAt('emil', noon + 180 * minute) }
  const world = worldOf([booked, second], [refusal])
  assert.match(violationsOf(world).join(), /^nothing explains/)
  world.content.dailyLimits.set('doctor', 2)
  assert.deepEqual(violationsOf(world), [])
  world.content.dailyLimits.set('doctor', 1)
  assert.match(violationsOf(world).join(), /^more than 1 visits/)
})

const broken: Record<string, { change: (world: World) => void; named: RegExp }> = {
  'claims that stay after a cancellation': {
    change: ({ content }) => {
      const claim = { calendarId: 'doctor', lane: 3, startsAt: noon, endsAt: noon + minute }
      content.claims.push({ ...claim, appointmentId: 'cancelled', expiresAt: null })
    },
    named: /claims of .*cancelled/,
  },
  'a claim that lacks the buffers': {
    change: ({ content }) => {
      content.claims[0]!.endsAt -= 10 * minute
    },
    named: /claims of .*booked/,
  },
  'an overlap that nobody asked for': {
    change: ({ content }) => {
      for (const one of [...content.appointments, ...content.steps]) one.isOverbooked = false
    },
    named: /claims overlap.*at one time/,
  },
  'an answer that is not in the history': {
    change: ({ content }) => void content.steps.splice(1, 1),
    named: /answered .*cancelled.* stored/,
  },
  'a step that is kept but was refused': {
    change: ({ records }) => {
      Object.assign(records[2]!, { status: 409, problem: 'slot-taken', answer: null })
      records[2]!.wanted = wantedAt('ben', noon)
    },
    named: /a step that nobody was told of/,
  },
  'an appointment that is not as its last step says': {
    change: ({ content }) => void (content.appointments[1]!.sequence += 1),
    named: /the last step/,
  },
  'a step that there is none of': {
    change: ({ content }) => void (content.steps[1]!.from = 'held'),
    named: /no such step/,
  },
  'a sequence that stands still': {
    change: ({ content, records }) => {
      content.steps[1]!.sequence = content.appointments[0]!.sequence = 0
      records[1]!.answer!.sequence = 0
    },
    named: /the sequence of/,
  },
  'a step that others were not told of': {
    change: ({ content }) => void content.events.pop(),
    named: /not one event/,
  },
  'an answer that is an error': {
    change: ({ records }) =>
      void records.push(recordOf({ status: 500, problem: 'internal-error' })),
    named: /an answer that there must not be/,
  },
}

for (const [name, { change, named }] of Object.entries(broken))
  test(`the checker names ${name}`, () => {
    const world = worldOf([cancelled, booked, overbooked])
    assert.deepEqual(violationsOf(world), [])
    change(world)
    assert.match(violationsOf(world).join(' '), named)
  })

test('an ordinary visit over an overbooked one is named, also where the other is marked', () => {
  const first: Visit = { ...overbooked, steps: [{ command: 'book', at: 6000, to: 'confirmed' }] }
  assert.match(violationsOf(worldOf([first, booked])).join(), /^over another visit/)
})
