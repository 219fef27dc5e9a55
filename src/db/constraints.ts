// Turns the database's named refusals into the domain's.

import { NotFound, NotSignedIn, Refusal, invalidField } from '#src/kernel/errors.ts'

interface DatabaseError extends Error {
  code: string
  constraint?: string
  detail?: string
}

/** Whether `error` is one that PostgreSQL reported, as opposed to a bug or a lost connection. */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code)
  )
}

const refusals: Record<string, () => Refusal> = {
  account_email_unique: () =>
    new Refusal('email-taken', 'An account with this e-mail address exists. Sign in instead.', {
      errors: [{ in: 'body', pointer: '/email', detail: '/email is already used by an account.' }],
    }),
  specialty_code_unique: () => new Refusal('conflict', 'A specialty with this code exists.'),
  specialty_name_unique: () => new Refusal('conflict', 'A specialty with this name exists.'),
  room_name_unique: () => new Refusal('conflict', 'The clinic has a room of this name.'),
  doctor_account_unique: () =>
    new Refusal('conflict', 'This account already has a doctor profile.'),
  weekly_hours_clinic: () => invalidField('/hours', '/hours names a clinic that does not exist.'),
  opening_clinic: () => invalidField('/clinicId', '/clinicId names a clinic that does not exist.'),
  doctor_specialty_specialty: () =>
    invalidField('/specialtyIds', '/specialtyIds names a specialty that does not exist.'),
  doctor_clinic_clinic: () =>
    invalidField('/clinicIds', '/clinicIds names a clinic that does not exist.'),
  doctor_visit_type_visit_type: () =>
    invalidField('/visitTypeIds', '/visitTypeIds names a visit type that does not exist.'),
  visit_type_clinic: () =>
    invalidField('/clinicId', '/clinicId names a clinic that does not exist.'),
  invitation_clinic: () =>
    invalidField('/clinicId', '/clinicId names a clinic that does not exist.'),
  invitation_doctor: () =>
    invalidField('/doctorId', '/doctorId names a doctor that does not exist.'),
  patient_registered_at_clinic: () =>
    invalidField('/clinicId', '/clinicId names a clinic that does not exist.'),
  patient_access_one_self: () =>
    new Refusal('conflict', 'This account already has a record of its own.'),
  patient_access_account: () => new NotSignedIn('This account has ended.'),
  appointment_patient: () => new NotFound('patient'),
  waitlist_entry_patient: () => new NotFound('patient'),
  waitlist_entry_one_for_visit: () =>
    new Refusal('conflict', 'This visit is on the waitlist already. Leave it to wish anew.'),
  waitlist_entry_one_wish: () =>
    new Refusal('conflict', 'The patient waits for this already. Leave it to wish anew.'),
  medical_entry_corrected_once: () =>
    new Refusal('conflict', 'This entry was corrected already. Correct the one that replaced it.'),
  medical_entry_patient: () => new NotFound('patient'),
  merge_two_selves: () =>
    new Refusal(
      'conflict',
      'Two accounts act as the patient themselves. One of them must give that up first.',
    ),
  merge_date_of_birth: () =>
    new Refusal(
      'conflict',
      'The dates of birth differ. If the records are of one person all the same, send despiteDateOfBirth: true.',
    ),
  merge_visits_clash: () =>
    new Refusal(
      'records-clash',
      'Visits of the two records overlap, and one person cannot be at both. Nothing changed.',
    ),
  visit_of_erased_patient: () =>
    new Refusal('wrong-state', 'This person was erased. Nothing is written about their visits.'),
  patient_visits_open: () =>
    new Refusal('visits-open', 'The patient has visits ahead. Move or cancel them first.'),
  account_last_admin: () =>
    new Refusal('conflict', 'This is the last admin. Make somebody else an admin first.'),
  appointment_room: () =>
    new Refusal('conflict', 'Visits were booked in this room, so it cannot be removed.'),
}

/** The refusal that a violated constraint means, or null when it means none. */
export function refusalOf(error: unknown): Refusal | null {
  if (!isDatabaseError(error) || error.constraint === undefined) return null
  return refusals[error.constraint]?.() ?? null
}

const lostCodes = new Set([
  '57P01', // the server is stopping
  '57P02',
  '57P03', // the server is starting
  '25006', // a standby, after a failover
  '53300', // too many connections
  '57014', // the statement took too long, as for a lock
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
])

/** Whether the database could not be asked, or did not answer: what was done is then unknown. */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string')
    return lostCodes.has(error.code) || error.code.startsWith('08')
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect|not queryable/.test(
    error.message,
  )
}

/** A deadlock or serialization failure: nothing was done, and asking again is right. */
export function isTransient(error: unknown): boolean {
  return isDatabaseError(error) && (error.code === '40P01' || error.code === '40001')
}
