// Patients and booked times for tests that are about something else.

import type { Runtime } from '#src/context.ts'
import type { App } from '#src/http/server.ts'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { call, signInAs, type Answer, type Network } from './network.ts'

export interface TestPatient {
  /** The Authorization header. */
  as: string
  accountId: string
  patientId: string
}

/** A patient who is signed in and has a record. */
export async function makePatient(runtime: Runtime, name = 'Anna Berg'): Promise<TestPatient> {
  const as = await signInAs(runtime, { role: 'patient' })
  const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
  const accountId = bearer!.accountId
  const patientId = newId()
  const created_at = formatUtc(runtime.clock())
  await runtime.db
    .insertInto('patient')
    .values({ id: patientId, name, phone: '+33 1 23 45 67 89', created_at })
    .execute()
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: accountId,
      patient_id: patientId,
      relation: 'self',
      scope: 'manage',
      created_at,
    })
    .execute()
  return { as, accountId, patientId }
}

/** Gives the network's doctor hours on every day, 09:00 to 17:00, for all visit types. */
export async function openEveryDay(app: App, { people, clinicId }: Network): Promise<void> {
  const hours = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    clinicId,
    weekday,
    from: '09:00',
    to: '17:00',
  }))
  await call(app, 'PUT /doctors/me/hours', { as: people.doctor, body: { hours } })
}

/** The open slots of the doctor from tomorrow on, soonest first. */
export async function openSlots(
  app: App,
  doctorId: string,
  query = '',
): Promise<{ id: string; startsAt: string; endsAt: string; visitTypeId: string }[]> {
  const { body } = await call(app, `GET /doctors/${doctorId}/availability?${query}`)
  return body.days.slice(1).flatMap((day: { slots: unknown[] }) => day.slots)
}

/** Books for the holder of the header. */
export function book(app: App, as: string, body: Record<string, unknown>): Promise<Answer> {
  return call(app, 'POST /appointments', { as, body })
}
