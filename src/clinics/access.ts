// What policy decisions need to know of the actor that the sign-in does not say.

import type { Context } from '#src/context.ts'
import { clinicIdsOfDoctor } from './clinic-queries.ts'

/** The clinics that the actor works at as a doctor; none for anyone else. */
export async function practiceClinicIds(
  context: Pick<Context, 'actor' | 'db'>,
): Promise<readonly string[]> {
  const { actor, db } = context
  if (actor?.role !== 'doctor' || actor.doctorId === null) return []
  return clinicIdsOfDoctor(db, actor.doctorId)
}
