// What a client of the mix wrote down of one request and its answer.

import type { AppointmentStatus } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'

export type MixCommand = 'book' | 'hold' | 'confirm-hold' | 'reschedule' | 'cancel'

/** The time that was asked for. */
export interface Wanted {
  doctorId: string
  visitTypeId: string
  patientId: string
  startsAt: Instant
  isOverbooked: boolean
}

/** What an answer said of the appointment. */
export interface AnsweredAppointment {
  id: string
  status: AppointmentStatus
  version: number
  sequence: number
  startsAt: Instant
  endsAt: Instant
  doctorId: string
  patientId: string
  visitTypeId: string
  isOverbooked: boolean
}

export interface MixRecord {
  /** Which client sent it. */
  client: number
  command: MixCommand
  /** What the figures count it as. */
  kind: string
  accountId: string
  /** The Authorization header. */
  as: string
  role: 'patient' | 'staff'
  line: `POST /${string}`
  body: object
  /** Of a step; null for a new appointment. */
  appointmentId: string | null
  wanted: Wanted | null
  /** That of If-Match. */
  requestedVersion: number | null
  key: string | null
  sentAt: Instant
  /** When it was last sent: after a lost answer again. */
  lastSentAt: Instant
  answeredAt: Instant
  status: number
  /** The code of the problem, for a refusal. */
  problem: string | null
  answer: AnsweredAppointment | null
}

/** Which records are of one request: sent again, or twice at once, with one key. */
export function requestOf(record: MixRecord): MixRecord | string {
  const { accountId, line, key } = record
  return key === null ? record : `${accountId} ${line} ${key}`
}

/** The id of the appointment that each request was answered. */
export function madeBy(records: readonly MixRecord[]): Map<MixRecord | string, string> {
  return new Map(
    records.flatMap((record) =>
      record.answer === null ? [] : [[requestOf(record), record.answer.id]],
    ),
  )
}
