// A doctor who runs late today: patients and the desk see by how much on each visit still to come.

import { record } from '#src/audit/audit.ts'
import { doctorFor, type ScheduledDoctor } from '#src/availability/schedule.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { invalidField } from '#src/kernel/errors.ts'
import { formatInstant, localDateOf, type Instant, type LocalDate } from '#src/kernel/time.ts'
import { delaysOn, deleteDelay, writeDelay } from './delay-queries.ts'

export interface Delay {
  doctorId: string
  clinicId: string
  timeZone: string
  date: LocalDate
  /** 0 for in time. */
  minutes: number
  setAt: Instant
}

/**
 * Says by how many minutes the doctor runs late today at the clinic, by default the only one of theirs
 * where the actor is staff; 0 for in time again.
 *
 * @throws NotFound, NotAllowed, InvalidRequest.
 */
export async function setDelay(
  context: SignedInContext,
  options: { doctorKey: string; clinicId: string | undefined; minutes: number },
): Promise<Delay> {
  const { doctorKey, minutes } = options
  const doctor = await doctorFor(context, { doctorKey, action: 'change-schedule' })
  const clinic = clinicOf(doctor, options.clinicId)
  const setAt = context.clock()
  const date = localDateOf(setAt, clinic.timeZone)
  const delay = { doctor_id: doctor.id, clinic_id: clinic.id, on_date: date, minutes }
  await transact(context, async (tx) => {
    await (minutes === 0
      ? deleteDelay(tx.db, delay)
      : writeDelay(tx.db, { ...delay, setBy: context.actor.accountId, setAt }))
    tx.append({ type: 'delay.set', subjects: { doctorId: doctor.id, clinicId: clinic.id } })
    await record(context, tx.db, {
      action: 'doctor.delay.set',
      subjectType: 'doctor',
      subjectId: doctor.id,
      details: { clinicId: clinic.id, minutes },
    })
  })
  return {
    doctorId: doctor.id,
    clinicId: clinic.id,
    timeZone: clinic.timeZone,
    date,
    minutes,
    setAt,
  }
}

function clinicOf(doctor: ScheduledDoctor, clinicId: string | undefined) {
  const { clinics } = doctor
  const [only] = clinics
  if (clinicId === undefined && only !== undefined && clinics.length === 1) return only
  const clinic = clinics.find(({ id }) => id === clinicId)
  if (clinic) return clinic
  throw invalidField(
    '/clinicId',
    "/clinicId must be one of the doctor's clinics, and for the front desk its own.",
  )
}

/**
 * Where the doctor runs late today, among the clinics where the actor is staff.
 *
 * @throws NotFound, NotAllowed.
 */
export async function listDelays(context: SignedInContext, doctorKey: string): Promise<Delay[]> {
  const doctor = await doctorFor(context, { doctorKey, action: 'see-schedule' })
  const now = context.clock()
  const days = doctor.clinics.map(({ id, timeZone }) => ({
    clinicId: id,
    timeZone,
    date: localDateOf(now, timeZone),
  }))
  const rows = await delaysOn(context.db, { doctorId: doctor.id, days })
  return days.flatMap((day) => {
    const row = rows.find(({ clinic_id: clinicId }) => clinicId === day.clinicId)
    return row ? [{ ...day, doctorId: doctor.id, minutes: row.minutes, setAt: row.set_at }] : []
  })
}

/** The delay as the API shows it. */
export function presentDelay({ doctorId, clinicId, timeZone, date, minutes, setAt }: Delay) {
  return { doctorId, clinicId, date, minutes, setAt: formatInstant(setAt, timeZone) }
}
