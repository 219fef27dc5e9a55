// An appointment's life as a table: who leads it by which command from which status to which. Pure
// and total: every status, command and role has its step or its refusal.

import type { AppointmentStatus } from '#src/db/tables.ts'
import type { RefusalCode } from '#src/kernel/errors.ts'

export const statuses = [
  'held',
  'requested',
  'confirmed',
  'arrived',
  'with_doctor',
  'completed',
  'no_show',
  'cancelled',
  'declined',
  'expired',
] as const satisfies readonly AppointmentStatus[]

export const commands = [
  'renew-hold',
  'confirm-hold',
  'accept',
  'decline',
  'reschedule',
  'cancel',
  'check-in',
  'start',
  'complete',
  'no-show',
  'correct',
  'undo',
  'expire',
] as const

export type Command = (typeof commands)[number]

/** As whom a command is given: for the patient, as the visit's staff, or by time itself. */
export const stepRoles = ['patient', 'staff', 'system'] as const
export type StepRole = (typeof stepRoles)[number]

export interface Transition {
  command: Command
  from: AppointmentStatus
  /** Several where the command's details decide. */
  to: readonly AppointmentStatus[]
  by: readonly StepRole[]
}

const anyone = ['patient', 'staff'] as const
const staff = ['staff'] as const
const system = ['system'] as const

const steps: readonly Transition[] = [
  { command: 'renew-hold', from: 'held', to: ['held'], by: anyone },
  { command: 'confirm-hold', from: 'held', to: ['confirmed', 'requested'], by: anyone },
  { command: 'accept', from: 'requested', to: ['confirmed'], by: staff },
  { command: 'decline', from: 'requested', to: ['declined'], by: staff },
  { command: 'reschedule', from: 'requested', to: ['requested', 'confirmed'], by: anyone },
  { command: 'reschedule', from: 'confirmed', to: ['confirmed', 'requested'], by: anyone },
  { command: 'reschedule', from: 'arrived', to: ['arrived', 'confirmed'], by: staff },
  { command: 'cancel', from: 'held', to: ['cancelled'], by: anyone },
  { command: 'cancel', from: 'requested', to: ['cancelled'], by: anyone },
  { command: 'cancel', from: 'confirmed', to: ['cancelled'], by: anyone },
  { command: 'cancel', from: 'arrived', to: ['cancelled'], by: staff },
  { command: 'check-in', from: 'confirmed', to: ['arrived'], by: staff },
  { command: 'start', from: 'arrived', to: ['with_doctor'], by: staff },
  { command: 'complete', from: 'with_doctor', to: ['completed'], by: staff },
  { command: 'no-show', from: 'confirmed', to: ['no_show'], by: staff },
  { command: 'correct', from: 'arrived', to: ['confirmed'], by: staff },
  { command: 'correct', from: 'with_doctor', to: ['arrived'], by: staff },
  { command: 'correct', from: 'completed', to: ['with_doctor'], by: staff },
  { command: 'correct', from: 'no_show', to: ['arrived'], by: staff },
  { command: 'expire', from: 'held', to: ['expired'], by: system },
  { command: 'expire', from: 'requested', to: ['expired'], by: system },
]

/** A hold that was given up or used up is gone: a new one is made as fast. */
function isUndoable({ command, from }: Transition): boolean {
  return from !== 'held' && command !== 'expire'
}

function undoSteps(): Transition[] {
  return statuses.flatMap((from): Transition[] => {
    const led = steps.filter((step) => isUndoable(step) && step.to.includes(from))
    const to = statuses.filter((status) => led.some((step) => step.from === status))
    return to.length === 0 ? [] : [{ command: 'undo', from, to, by: anyone }]
  })
}

/** Every step there is. `undo` leads back to where the last step came from. */
export const transitions: readonly Transition[] = [...steps, ...undoSteps()]

const participles: Record<Command, string> = {
  'renew-hold': 'renewed',
  'confirm-hold': 'confirmed as a hold',
  accept: 'accepted',
  decline: 'declined',
  reschedule: 'moved',
  cancel: 'cancelled',
  'check-in': 'checked in',
  start: 'started',
  complete: 'completed',
  'no-show': 'marked as a no-show',
  correct: 'corrected',
  undo: 'undone',
  expire: 'expired',
}

/** `done` stands for a command that finds its work done and changes nothing. */
export type Decision =
  | { kind: 'step'; to: readonly AppointmentStatus[] }
  | { kind: 'done' }
  | { kind: 'refusal'; code: RefusalCode; detail: string }

/** What a command by this role does to an appointment in this status. */
export function decide(command: Command, status: AppointmentStatus, role: StepRole): Decision {
  const ofCommand = transitions.filter((step) => step.command === command)
  if (!ofCommand.some((step) => step.by.includes(role)))
    return refusal('not-allowed', "Only the doctor or the clinic's staff may do this.")
  if (command === 'cancel' && status === 'cancelled') return { kind: 'done' }
  const step = ofCommand.find(({ from }) => from === status)
  if (step?.by.includes(role)) return { kind: 'step', to: step.to }
  if (step) return refusal('not-allowed', 'Only the clinic may do this now. Call it.')
  if (status === 'expired' && (command === 'confirm-hold' || command === 'renew-hold'))
    return refusal('hold-expired', 'The hold has run out. Choose a time again.')
  const from = ofCommand.filter(({ by }) => by.includes(role)).map((one) => words(one.from))
  return refusal(
    'wrong-state',
    `An appointment that is ${words(status)} cannot be ${participles[command]}; only one that is ${from.join(' or ')}.`,
  )
}

function refusal(code: RefusalCode, detail: string): Decision {
  return { kind: 'refusal', code, detail }
}

function words(status: AppointmentStatus): string {
  return status.replaceAll('_', ' ')
}

/** Whether a step that this command made can be taken back. */
export function canBeUndone(command: string, from: AppointmentStatus | null): boolean {
  return steps.some((step) => step.command === command && step.from === from && isUndoable(step))
}

/** Whether staff alone may ever give the command. */
export function isStaffOnly(command: Command): boolean {
  return !transitions.some((step) => step.command === command && step.by.includes('patient'))
}

/** Whether an appointment in this status keeps its claims, and so its time. */
export function keepsClaims(status: AppointmentStatus): boolean {
  return status !== 'cancelled' && status !== 'declined' && status !== 'expired'
}

/** Whether the visit is still to come, as far as its status says. */
export function isAhead(status: AppointmentStatus): boolean {
  return status === 'requested' || status === 'confirmed'
}
