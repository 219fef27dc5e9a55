// Doctors' profiles: who they are, where they work, and how they are booked.

import { record } from '#src/audit/audit.ts'
import type { Actor, Context, SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { transact, type Transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import {
  InvalidRequest,
  NotAllowed,
  NotFound,
  NotSignedIn,
  type FieldError,
} from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { canonicalLanguages } from './languages.ts'
import { may, type DoctorSubject } from './policy.ts'
import {
  doctorsByIds,
  insertDoctor,
  knownClinicIds,
  knownSpecialtyIds,
  lockProfile,
  offerableVisitTypeIds,
  raiseScheduleVersion,
  removeGroundlessHours,
  removeGroundlessVisitTypes,
  removeVisitTypesOfLeftClinics,
  replaceLinks,
  updateDoctor,
  type DoctorRow,
} from './queries.ts'
import type { DoctorChange, DoctorAnswer, NewDoctor } from './schemas.ts'

export { doctorsByIds, type DoctorRow } from './queries.ts'

/**
 * The profile as the API shows it. Visit types that staff alone may book are shown to those who may
 * change the profile, and to nobody else.
 */
export function presentDoctor(row: DoctorRow, actor: Actor = null): DoctorAnswer {
  const isStaff = may(actor, 'edit', subjectOf(row))
  return {
    id: row.id,
    ...(row.title !== null && { title: row.title }),
    name: row.name,
    ...(row.designation !== null && { designation: row.designation }),
    specialties: row.specialties,
    languages: row.languages,
    ...(row.phone !== null && { phone: row.phone }),
    ...(row.email !== null && { email: row.email }),
    ...(row.bio !== null && { bio: row.bio }),
    clinics: row.clinics,
    visitTypes: row.visitTypes
      .filter(({ whoMayBook }) => isStaff || whoMayBook !== 'staff')
      .map(({ id, name, durationMinutes, mode }) => ({ id, name, durationMinutes, mode })),
    acceptingNewPatients: row.accepting_new_patients,
    status: row.status,
    bookingMode: row.booking_mode,
    noticeMinutesMin: row.notice_minutes_min,
    horizonDays: row.horizon_days,
    ...(row.daily_limit !== null && { dailyLimit: row.daily_limit }),
    ...presentAccountOf(row, actor),
    version: row.version,
  }
}

/** Whose account the profile is of: for admins, who give profiles to accounts. */
export function presentAccountOf(row: DoctorRow, actor: Actor): { accountId?: string } {
  return actor?.role === 'admin' && row.account_id !== null ? { accountId: row.account_id } : {}
}

function subjectOf(row: DoctorRow): DoctorSubject {
  return { doctorId: row.id, clinicIds: row.clinics.map((clinic) => clinic.id) }
}

/**
 * The id that a path names: `me` is the caller's own profile.
 *
 * @throws NotSignedIn for a stranger's `me`, NotFound for an account that is no doctor's.
 */
export function doctorIdOf(context: Pick<Context, 'actor'>, key: string): string {
  if (key !== 'me') return key.toLowerCase()
  if (context.actor === null) throw new NotSignedIn()
  if (context.actor.doctorId === null) throw new NotFound('doctor')
  return context.actor.doctorId
}

/** @throws NotFound */
export async function findDoctor(db: Queryable, doctorId: string): Promise<DoctorRow> {
  const [row] = await doctorsByIds(db, [doctorId])
  if (row === undefined) throw new NotFound('doctor')
  return row
}

/**
 * Must come first in a transaction that changes anything which the doctor's open times depend on;
 * append `doctor.schedule-changed` with it. False when there is no such doctor.
 */
export const lockSchedule: (db: Queryable, doctorId: string) => Promise<boolean> =
  raiseScheduleVersion

/**
 * Adds a profile, also of a doctor who never signs in.
 *
 * @throws InvalidRequest that points at each id that does not exist or does not fit.
 */
export async function createDoctor(
  context: SignedInContext,
  doctor: NewDoctor,
): Promise<DoctorRow> {
  return transact(context, async (tx) =>
    findDoctor(tx.db, await createDoctorWithin(context, tx, doctor)),
  )
}

/** As `createDoctor`, in a transaction of the caller; answers the id. */
export async function createDoctorWithin(
  context: SignedInContext,
  tx: Transact,
  doctor: NewDoctor,
): Promise<string> {
  if (!may(context.actor, 'create', null)) throw new NotAllowed()
  const doctorId = newId()
  await refuseUnknownIds(tx.db, doctor, doctor.clinicIds ?? [])
  await insertDoctor(tx.db, {
    id: doctorId,
    ...columnsOf(doctor),
    name: doctor.name.trim(),
    created_at: formatUtc(context.clock()),
  })
  await replaceLists(tx, doctorId, doctor)
  tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, {
    action: 'doctor.create',
    subjectType: 'doctor',
    subjectId: doctorId,
  })
  return doctorId
}

/**
 * Changes a profile. `requestedVersion` is the version that the change is based on, null for any.
 *
 * @throws NotFound, NotAllowed, Refusal `stale-version`, InvalidRequest.
 */
export async function changeDoctor(
  context: SignedInContext,
  options: { doctorId: string; change: DoctorChange; requestedVersion: number | null },
): Promise<DoctorRow> {
  await refuseForbidden(context, options.doctorId, options.change)
  return transact(context, async (tx) => {
    await changeDoctorWithin(context, tx, options)
    return findDoctor(tx.db, options.doctorId)
  })
}

/** As `changeDoctor`, in a transaction of a caller who may make the change. */
export async function changeDoctorWithin(
  context: SignedInContext,
  tx: Transact,
  options: { doctorId: string; change: DoctorChange; requestedVersion: number | null },
): Promise<void> {
  const { doctorId, change } = options
  const lock = touchesSchedule(change) ? lockSchedule : lockProfile
  if (!(await lock(tx.db, doctorId))) throw new NotFound('doctor')
  const current = await findDoctor(tx.db, doctorId)
  refuseStale(current.version, options.requestedVersion)
  const clinicIds = change.clinicIds ?? current.clinics.map((clinic) => clinic.id)
  await refuseUnknownIds(tx.db, change, clinicIds)
  await updateDoctor(tx.db, doctorId, columnsOf(change))
  await replaceLists(tx, doctorId, change)
  if (change.clinicIds || change.visitTypeIds) await removeGroundless(tx, doctorId)
  if (touchesSchedule(change))
    tx.append({ type: 'doctor.schedule-changed', subjects: { doctorId } })
  await record(context, tx.db, {
    action: 'doctor.update',
    subjectType: 'doctor',
    subjectId: doctorId,
    details: { fields: Object.keys(change) },
  })
}

async function refuseForbidden(
  context: SignedInContext,
  doctorId: string,
  change: DoctorChange,
): Promise<void> {
  const subject = subjectOf(await findDoctor(context.db, doctorId))
  if (!may(context.actor, 'edit', subject))
    throw new NotAllowed(
      'Only the doctor, the front desk of their clinics and an admin change a profile.',
    )
  const isPlacing = change.clinicIds !== undefined || change.specialtyIds !== undefined
  if (isPlacing && !may(context.actor, 'place', subject))
    throw new NotAllowed("Only an admin changes a doctor's clinics and specialties.")
}

const scheduleFields = [
  'status',
  'bookingMode',
  'noticeMinutesMin',
  'horizonDays',
  'dailyLimit',
  'acceptingNewPatients',
  'clinicIds',
  'visitTypeIds',
] as const satisfies (keyof DoctorChange)[]

function touchesSchedule(change: DoctorChange): boolean {
  return scheduleFields.some((field) => change[field] !== undefined)
}

/** The columns that are given; Kysely leaves out what is undefined. */
function columnsOf(change: DoctorChange) {
  return {
    title: change.title,
    name: change.name?.trim(),
    designation: change.designation,
    languages: change.languages && canonicalLanguages(change.languages),
    phone: change.phone,
    email: change.email,
    bio: change.bio,
    accepting_new_patients: change.acceptingNewPatients,
    status: change.status,
    booking_mode: change.bookingMode,
    notice_minutes_min: change.noticeMinutesMin,
    horizon_days: change.horizonDays,
    daily_limit: change.dailyLimit,
  }
}

type Lists = Pick<DoctorChange, 'clinicIds' | 'specialtyIds' | 'visitTypeIds'>

async function replaceLists(tx: Transact, doctorId: string, lists: Lists): Promise<void> {
  const { clinicIds, specialtyIds, visitTypeIds } = lists
  if (specialtyIds) await replaceLinks(tx.db, { doctorId, kind: 'specialties', ids: specialtyIds })
  if (clinicIds) await replaceLinks(tx.db, { doctorId, kind: 'clinics', ids: clinicIds })
  if (visitTypeIds) await replaceLinks(tx.db, { doctorId, kind: 'visitTypes', ids: visitTypeIds })
  else if (clinicIds) await removeVisitTypesOfLeftClinics(tx.db, doctorId)
}

/** Hours and openings that have lost their clinic or all their visit types go with them. */
async function removeGroundless(tx: Transact, doctorId: string): Promise<void> {
  for (const kind of ['weekly_hours', 'opening'] as const) {
    await removeGroundlessHours(tx.db, { doctorId, kind })
    await removeGroundlessVisitTypes(tx.db, { doctorId, kind })
  }
}

async function refuseUnknownIds(
  db: Queryable,
  lists: Lists,
  clinicIds: readonly string[],
): Promise<void> {
  const { specialtyIds, visitTypeIds } = lists
  const errors = [
    ...unknownIds('clinicIds', lists.clinicIds, {
      known: lists.clinicIds ? await knownClinicIds(db, lists.clinicIds) : [],
      requirement: 'must be a clinic that exists',
    }),
    ...unknownIds('specialtyIds', specialtyIds, {
      known: specialtyIds ? await knownSpecialtyIds(db, specialtyIds) : [],
      requirement: 'must be a specialty that exists',
    }),
    ...unknownIds('visitTypeIds', visitTypeIds, {
      known: visitTypeIds ? await offerableVisitTypeIds(db, { ids: visitTypeIds, clinicIds }) : [],
      requirement: "must be an active visit type of the network or of one of the doctor's clinics",
    }),
  ]
  if (errors.length > 0) throw new InvalidRequest(errors)
}

function unknownIds(
  field: string,
  ids: readonly string[] | undefined,
  options: { known: readonly string[]; requirement: string },
): FieldError[] {
  return (ids ?? []).flatMap((id, index) => {
    if (options.known.includes(id)) return []
    const pointer = `/${field}/${index}`
    return [{ in: 'body' as const, pointer, detail: `${pointer} ${options.requirement}.` }]
  })
}
