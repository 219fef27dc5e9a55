// What all changes of a doctor's schedule have in common: who may make them, and the lock that keeps
// bookings from slipping past them.

import { record } from '#src/audit/audit.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import { doctorIdOf, lockSchedule } from '#src/doctors/doctors.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { isStaffOf, may, type ScheduleAction } from './policy.ts'
import { scheduledDoctor, type ScheduledDoctor } from './schedule-queries.ts'

export type { ScheduledDoctor } from './schedule-queries.ts'

/**
 * The doctor whose schedule the caller asked for, with the clinics that the caller may act for.
 * `doctorKey` is an id or `me`.
 *
 * @throws NotFound, or NotAllowed when the schedule is not the caller's to do this with.
 */
export async function doctorFor(
  context: SignedInContext,
  options: { doctorKey: string; action: ScheduleAction },
): Promise<ScheduledDoctor> {
  const doctor = await scheduledDoctor(context.db, doctorIdOf(context, options.doctorKey))
  if (doctor === undefined) throw new NotFound('doctor')
  const clinicIds = doctor.clinics.map((clinic) => clinic.id)
  if (!may(context.actor, options.action, { doctorId: doctor.id, clinicIds }))
    throw new NotAllowed(
      'Only the doctor, the front desk of their clinics and an admin see and change a schedule.',
    )
  return within(context.actor, doctor)
}

/** The doctor with those clinics alone whose staff the actor is. */
function within(actor: AccountActor, doctor: ScheduledDoctor): ScheduledDoctor {
  const clinics = doctor.clinics.filter(({ id }) =>
    isStaffOf(actor, { doctorId: doctor.id, clinicId: id }),
  )
  return { ...doctor, clinics }
}

/**
 * Changes a schedule in one transaction, whose first statement waits for bookings under way and
 * makes later ones read the schedule again. `work` answers what it did and to which record.
 *
 * @throws NotFound, NotAllowed, and what `work` throws, which undoes everything.
 */
export async function changeSchedule<Result>(
  context: SignedInContext,
  options: { doctorKey: string; action: string },
  work: (tx: Transact, doctor: ScheduledDoctor) => Promise<Result>,
): Promise<Result> {
  const { id } = await doctorFor(context, {
    doctorKey: options.doctorKey,
    action: 'change-schedule',
  })
  return transact(context, (tx) =>
    changeScheduleWithin(context, tx, { doctorId: id, action: options.action }, (doctor) =>
      work(tx, doctor),
    ),
  )
}

/**
 * As `changeSchedule`, in a transaction of a caller who may change the schedule. Of several doctors it is
 * to be called in the order of their ids, so that no two transactions wait for each other.
 */
export async function changeScheduleWithin<Result>(
  context: SignedInContext,
  tx: Transact,
  options: { doctorId: string; action: string },
  work: (doctor: ScheduledDoctor) => Promise<Result>,
): Promise<Result> {
  const { doctorId, action } = options
  if (!(await lockSchedule(tx.db, doctorId))) throw new NotFound('doctor')
  const doctor = await scheduledDoctor(tx.db, doctorId)
  if (doctor === undefined) throw new NotFound('doctor')
  const result = await work(within(context.actor, doctor))
  tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, { action, subjectType: 'doctor', subjectId: doctorId })
  return result
}

/** The zone in which a doctor's own times are written: that of their first clinic by name. */
export function timeZoneOf(doctor: ScheduledDoctor): string {
  return doctor.clinics[0]?.timeZone ?? 'UTC'
}
