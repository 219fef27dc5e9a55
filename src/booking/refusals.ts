// The answers "no" of booking, and which of the database's constraints means which.

import { isDatabaseError } from '#src/db/constraints.ts'
import { InvalidRequest, Refusal } from '#src/kernel/errors.ts'

/** The time was open and is lost; `members` carry what to offer instead. */
export class SlotTaken extends Refusal {
  constructor(
    members: { alternatives: unknown[]; otherDoctors: unknown[] },
    detail = 'This time is taken. Choose another one.',
  ) {
    super('slot-taken', detail, members)
  }
}

/** The patient is somewhere else then. */
export class PatientBusy extends Refusal {
  constructor() {
    super('patient-busy', 'The patient has another appointment that overlaps this time.')
  }
}

/** The time was never one to book; `pointer` is the field of the request that names it. */
export class NotOffered extends Refusal {
  constructor(pointer: string, detail: string) {
    super('not-offered', detail, { errors: [{ in: 'body', pointer, detail }] })
  }
}

/** The Idempotency-Key came with another body before. */
export class IdempotencyKeyReused extends Refusal {
  constructor() {
    const detail = 'This Idempotency-Key was used for another request. Use a new one for each.'
    super('idempotency-key-reused', detail, {
      errors: [{ in: 'header', pointer: '/idempotency-key', detail }],
    })
  }
}

/** Not a key: 1 to 255 visible ASCII characters, bare or in double quotes. */
export function invalidIdempotencyKey(): InvalidRequest {
  return new InvalidRequest([
    {
      in: 'header',
      pointer: '/idempotency-key',
      detail: 'Idempotency-Key must be 1 to 255 visible characters, such as a UUID.',
    },
  ])
}

const outcomes = {
  schedule_version_stale: 'stale',
  // Two holds of one patient at once: the second replaces the first.
  appointment_one_hold: 'stale',
  appointment_version_stale: 'moved-on',
  daily_limit_reached: 'taken',
  doctor_time_taken: 'taken',
  room_time_taken: 'taken',
  patient_time_taken: 'patient-busy',
  idempotency_key_reused: 'key-reused',
} as const

export type BookingFailure = (typeof outcomes)[keyof typeof outcomes]

/** What the booking function refused with; null for any other error. */
export function bookingFailureOf(error: unknown): BookingFailure | null {
  if (!isDatabaseError(error)) return null
  const constraint = error.constraint ?? ''
  return constraint in outcomes ? outcomes[constraint as keyof typeof outcomes] : null
}
