// Taking back the last step, for a minute.

import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { NotAllowed, Refusal } from '#src/kernel/errors.ts'
import type { Instant } from '#src/kernel/time.ts'
import { canBeUndone, keepsClaims } from './appointment-state.ts'
import type { StoredAnswer } from './call-queries.ts'
import type { CommandInput } from './commands.ts'
import { offerAndVerdict } from './holds.ts'
import { placementOf } from './placement.ts'
import { stepsOf, type AppointmentRow, type StepRow } from './queries.ts'
import { stepOrRefuse, stepRoleOf, takeStep, type Plan } from './step.ts'
import { slotTaken } from './wanted-time.ts'

/** For how long a step can be taken back, in milliseconds: what tells people of it waits so long. */
export const undoMilliseconds = 60_000

/**
 * Takes the last step back, if the same account made it within the last 60 s. A time that it freed is
 * claimed again.
 *
 * @throws NotFound, NotAllowed for the step of someone else, SlotTaken when the time is gone, Refusal
 * `too-late`, `wrong-state` or `stale-version`.
 */
export async function undoStep(
  context: SignedInContext,
  id: string,
  options: Omit<CommandInput, 'reason'>,
): Promise<StoredAnswer> {
  return takeStep(context, id, {
    ...options,
    command: 'undo',
    async plan(current, now) {
      const possible = stepOrRefuse('undo', current, stepRoleOf(context.actor, current))
      const { last, before } = await lastSteps(context, current)
      if (last.actor_id !== context.actor.accountId)
        throw new NotAllowed('Only whoever made the last step can undo it.')
      if (now - last.occurred_at > undoMilliseconds)
        throw new Refusal('too-late', 'A step can be undone for 60 seconds.')
      const to = before.to_status
      if (!canBeUndone(last.command, last.from_status) || !possible?.includes(to))
        throw nothingToUndo(current)
      if (before.expires_at !== null && before.expires_at <= now)
        throw new Refusal('too-late', 'The request has lapsed meanwhile.')
      const plan: Plan = {
        to,
        event: 'appointment.undone',
        change: { expires_at: before.expires_at, cancelled_reason: null, proposed_slots: null },
      }
      if (keepsClaims(current.status) && !hasMoved(current, before)) return plan
      return { ...plan, place: await placeBefore(context, current, { last, before, now }) }
    },
  })
}

/** The last step and the one that it started from; what staff noted is none. */
async function lastSteps(
  context: SignedInContext,
  current: AppointmentRow,
): Promise<{ last: StepRow; before: StepRow }> {
  const all = await withRetry(() => stepsOf(context.db, current.id))
  const steps = all.filter(
    ({ version, command }) => version <= current.version && command !== 'note',
  )
  const [before, last] = steps.slice(-2)
  if (!last || !before) throw nothingToUndo(current)
  return { last, before }
}

function nothingToUndo({ status }: AppointmentRow): Refusal {
  return new Refusal('wrong-state', 'The last step of this appointment cannot be undone.', {
    appointmentStatus: status,
  })
}

function hasMoved(current: AppointmentRow, before: StepRow): boolean {
  return (
    current.starts_at !== before.starts_at ||
    current.doctor_id !== before.doctor_id ||
    current.clinic_id !== before.clinic_id ||
    current.visit_type_id !== before.visit_type_id ||
    current.overbooked_reason !== before.overbooked_reason
  )
}

/** Where it was before, if that is still free and no rule that came meanwhile forbids it. */
async function placeBefore(
  context: SignedInContext,
  current: AppointmentRow,
  { last, before, now }: { last: StepRow; before: StepRow; now: Instant },
): Promise<NonNullable<Plan['place']>> {
  const { doctor_id, clinic_id, visit_type_id, room_id: roomId, starts_at: startsAt } = before
  // A visit that has begun meanwhile may be had back.
  const asked = { startsAt, now: Math.min(now, startsAt - 1), exceptIds: [current.id] }
  const at = { doctor_id, clinic_id, visit_type_id }
  const { offer, verdict } = await offerAndVerdict(context, at, asked)
  // By the rules that it left it may go back: out of a time off, if that was there already.
  const isByOldRules =
    offer.doctor.scheduleVersion === last.former_doctor_version &&
    offer.clinic.scheduleVersion === last.former_clinic_version
  // Whether somebody else has the time is for the database to say: it may have been overbooked before.
  if (before.overbooked_reason === null && verdict === 'not-offered' && !isByOldRules)
    throw await slotTaken(context, offer, startsAt)
  return {
    offer,
    placement: placementOf(offer, {
      appointmentId: current.id,
      patientId: current.patient_id,
      startsAt,
      roomId,
      overbookedReason: before.overbooked_reason,
    }),
  }
}
