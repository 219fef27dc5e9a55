// An appointment's life as a table: which command leads from which status to which. Pure.

import type { AppointmentStatus } from '#src/db/tables.ts'

export type Command = 'accept' | 'decline' | 'cancel'

interface Step {
  from: readonly AppointmentStatus[]
  to: AppointmentStatus
  /** Only staff may give this command. */
  staffOnly: boolean
  /** What the participle says in a refusal. */
  done: string
}

const steps: Record<Command, Step> = {
  accept: { from: ['requested'], to: 'confirmed', staffOnly: true, done: 'accepted' },
  decline: { from: ['requested'], to: 'declined', staffOnly: true, done: 'declined' },
  cancel: {
    from: ['held', 'requested', 'confirmed', 'arrived'],
    to: 'cancelled',
    staffOnly: false,
    done: 'cancelled',
  },
}

/** The step that a command is, or null when it is not possible from this status. */
export function stepOf(command: Command, from: AppointmentStatus): Step | null {
  const step = steps[command]
  return step.from.includes(from) ? step : null
}

/** Whether only staff may give this command. */
export function isStaffOnly(command: Command): boolean {
  return steps[command].staffOnly
}

/** Why the command is refused in this status, as a sentence. */
export function refusalSentence(command: Command, from: AppointmentStatus): string {
  const { done, from: possible } = steps[command]
  return `An appointment that is ${words(from)} cannot be ${done}; only one that is ${possible.map(words).join(' or ')}.`
}

function words(status: AppointmentStatus): string {
  return status.replaceAll('_', ' ')
}

/** Whether an appointment in this status keeps its claims, and so its time. */
export function keepsClaims(status: AppointmentStatus): boolean {
  return status !== 'cancelled' && status !== 'declined' && status !== 'expired'
}
