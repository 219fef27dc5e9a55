// Who did what to an appointment, and when.

import type { AccountActor, SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { refuseStale } from '#src/http/versions.ts'
import { formatInstant } from '#src/kernel/time.ts'
import { placeOf, readAppointment } from './appointment.ts'
import { seesStaffSide } from './policy.ts'
import { stepsOf, type AppointmentRow, type StepRow } from './queries.ts'
import type { HistoryStepAnswer } from './schemas.ts'

/**
 * The steps of an appointment, oldest first. Patients are not told of steps that only the staff's notes
 * are about.
 *
 * @throws NotFound, also for an appointment that is not the actor's to see.
 */
export async function historyOf(
  context: SignedInContext,
  id: string,
): Promise<HistoryStepAnswer[]> {
  const row = await readAppointment(context, id)
  const isStaff = seesStaffSide(context.actor, placeOf(row))
  const steps = await withRetry(() => stepsOf(context.db, id))
  return steps
    .filter(({ command }) => isStaff || command !== 'note')
    .map((step) => presentStep(step, { isStaff, actor: context.actor }))
}

function presentStep(
  step: StepRow,
  { isStaff, actor }: { isStaff: boolean; actor: AccountActor },
): HistoryStepAnswer {
  const at = (instant: number) => formatInstant(instant, step.time_zone)
  return {
    version: step.version,
    at: at(step.occurred_at),
    command: step.command,
    ...(step.from_status !== null && { from: step.from_status }),
    to: step.to_status,
    startsAt: at(step.starts_at),
    endsAt: at(step.ends_at),
    doctorId: step.doctor_id,
    clinicId: step.clinic_id,
    visitTypeId: step.visit_type_id,
    by: presentActor(step, { isStaff, actor }),
    ...(step.note !== null && { reason: step.note }),
    ...(step.overbooked_reason !== null && { overbooked: true }),
    ...(isStaff && step.overbooked_reason !== null && { overbookedReason: step.overbooked_reason }),
  }
}

/** Patients learn the names of doctors and of the accounts that act for them, not of the desk's people. */
function presentActor(
  step: StepRow,
  { isStaff, actor }: { isStaff: boolean; actor: AccountActor },
): HistoryStepAnswer['by'] {
  if (step.actor_role === null) return { role: 'system' }
  const isNamed =
    isStaff ||
    step.actor_role === 'doctor' ||
    step.actor_role === 'patient' ||
    step.actor_id === actor.accountId
  return {
    role: step.actor_role,
    ...(isNamed && step.actor_name !== null && { name: step.actor_name }),
  }
}

/**
 * @throws Refusal `stale-version` when the appointment has moved on from the version asked for, with
 * who changed it last and when.
 */
export async function refuseStaleAppointment(
  context: SignedInContext,
  row: AppointmentRow,
  requestedVersion: number | null,
): Promise<void> {
  if (requestedVersion === null || requestedVersion === row.version) return
  const isStaff = seesStaffSide(context.actor, placeOf(row))
  const steps = await withRetry(() => stepsOf(context.db, row.id))
  const seen = steps.filter(({ command }) => isStaff || command !== 'note')
  const last = seen.at(-1)
  // What changed since is a note that this account knows nothing of.
  if (last && last.version <= requestedVersion && requestedVersion < row.version) return
  refuseStale(row.version, requestedVersion, {
    ...(last && {
      changedAt: formatInstant(last.occurred_at, row.time_zone),
      changedBy: presentActor(last, { isStaff, actor: context.actor }),
    }),
  })
}
