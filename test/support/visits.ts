// Visits of a network whose doctor is there every day, and what is done with them.

import assert from 'node:assert/strict'
import type { SignedInContext } from '#src/context.ts'
import type { AppointmentStatus } from '#src/db/tables.ts'
import { authenticate } from '#src/identity/authenticate.ts'
import { formatUtc, parseInstant, type Instant } from '#src/kernel/time.ts'
import { call, makeNetwork, type Answer, type Network } from './network.ts'
import { book, makePatient, openEveryDay, openSlots, type TestPatient } from './patient.ts'
import { testVisita } from './visita.ts'

type OpenSlot = Awaited<ReturnType<typeof openSlots>>[number]

export interface OpenNetwork extends Network {
  /** Half hours from 09:00 to 17:00 on every day from tomorrow on, sixteen a day. */
  slots: OpenSlot[]
}

/** A network of the test's own, whose doctor is there every day. */
export async function openNetwork(): Promise<OpenNetwork> {
  const { app, runtime } = await testVisita()
  const network = await makeNetwork(runtime)
  await openEveryDay(app, network)
  return { ...network, slots: await openSlots(app, network.doctorId) }
}

/** A patient, and a visit of theirs at the slot with this index. */
export async function makeVisit(
  network: OpenNetwork,
  index: number,
  wish: Record<string, unknown> = {},
): Promise<TestPatient & { id: string; visit: Answer['body'] }> {
  const { app, runtime } = await testVisita()
  const patient = await makePatient(runtime)
  const answer = await book(app, patient.as, { slotId: network.slots[index]!.id, ...wish })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return { ...patient, id: answer.body.id, visit: answer.body }
}

/** Gives the command as the holder of the header. */
export async function command(
  as: string,
  id: string,
  name: string,
  options: { body?: unknown; ifMatch?: string; key?: string } = {},
): Promise<Answer> {
  const { app } = await testVisita()
  return call(app, `POST /appointments/${id}/${name}`, { as, ...options })
}

/** Changes the doctor as an admin. */
export async function changeDoctor(network: Network, body: object): Promise<void> {
  const { app } = await testVisita()
  const as = network.people.admin
  const { status } = await call(app, `PATCH /doctors/${network.doctorId}`, { as, body })
  assert.equal(status, 200)
}

/** Sets what the clinic wants of patients' changes and requests. */
export async function changeClinic(
  { clinicId }: Network,
  values: { change_notice_minutes_min?: number; request_lapses_minutes?: number },
): Promise<void> {
  const { runtime } = await testVisita()
  await runtime.db.updateTable('clinic').set(values).where('id', '=', clinicId).execute()
  runtime.board.clinics.forget(clinicId)
}

/** Puts a time off over the slot. */
export async function takeTimeOff(network: Network, slot: OpenSlot): Promise<void> {
  const { app } = await testVisita()
  const { startsAt, endsAt } = slot
  const request = `POST /doctors/${network.doctorId}/time-off` as const
  const answer = await call(app, request, { as: network.people.admin, body: { startsAt, endsAt } })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
}

/** The context of the header's holder so many milliseconds from now. */
export async function contextLater(as: string, milliseconds: number): Promise<SignedInContext> {
  const { runtime } = await testVisita()
  const actor = (await authenticate(runtime, as))!
  return {
    ...runtime,
    actor,
    requestId: 'test',
    clientAddress: null,
    clock: () => runtime.clock() + milliseconds,
  }
}

/** The context of the header's holder at an instant, from which time goes on. */
export async function contextAt(as: string, instant: Instant): Promise<SignedInContext> {
  const { runtime } = await testVisita()
  return contextLater(as, instant - runtime.clock())
}

/** The instant of a text that the API answered. */
export function instantOf(text: string): Instant {
  return parseInstant(text)!
}

/** Everything that the database says of where and how an appointment is. */
export async function storedVisit(id: string) {
  const { runtime } = await testVisita()
  const visit = await runtime.db
    .selectFrom('appointment')
    .select([
      'status',
      'doctor_id',
      'clinic_id',
      'visit_type_id',
      'room_id',
      'starts_at',
      'ends_at',
    ])
    .select(['local_starts_at', 'expires_at', 'cancelled_reason', 'overbooked_reason'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return { ...visit, claims: await storedClaims(id) }
}

/** The claims of an appointment, as the database has them. */
export async function storedClaims(id: string) {
  const { runtime } = await testVisita()
  return runtime.db
    .selectFrom('claim')
    .select(['calendar_id', 'lane', 'during', 'expires_at'])
    .where('appointment_id', '=', id)
    .orderBy('calendar_id')
    .execute()
}

/** The status in the database, whatever the clock says. */
export async function storedStatus(id: string): Promise<AppointmentStatus> {
  return (await storedVisit(id)).status
}

/** The actions on record for the appointment, with what is said of them. */
export async function auditOf(id: string) {
  const { runtime } = await testVisita()
  return runtime.db
    .selectFrom('audit_entry')
    .select(['action', 'actor_id', 'allowed', 'details'])
    .where('subject_id', '=', id)
    .orderBy('seq')
    .execute()
}

/** A room of the kind at the clinic. */
export async function addRoom(network: Network, name: string, kind: string): Promise<void> {
  const { app } = await testVisita()
  const as = network.people.admin
  await call(app, `POST /clinics/${network.clinicId}/rooms`, { as, body: { name, kind } })
}

/** Another doctor for the same visits, who is there at the same hours; of the clinic unless said. */
export async function addDoctor(
  network: Network,
  clinicId: string = network.clinicId,
): Promise<string> {
  const { app } = await testVisita()
  const { visitTypeId, specialtyId, people } = network
  const { body } = await call(app, 'POST /doctors', {
    as: people.admin,
    body: {
      name: 'Ines Roy',
      clinicIds: [clinicId],
      visitTypeIds: [visitTypeId],
      specialtyIds: [specialtyId],
    },
  })
  await setHours(network, body.id, [{ clinicId, from: '09:00', to: '17:00' }])
  return body.id
}

/** The doctor's hours on every day. */
async function setHours(
  { people }: Network,
  doctorId: string,
  daily: { clinicId: string; from: string; to: string }[],
): Promise<void> {
  const { app } = await testVisita()
  const hours = [1, 2, 3, 4, 5, 6, 7].flatMap((weekday) =>
    daily.map((hour) => ({ ...hour, weekday })),
  )
  const request = `PUT /doctors/${doctorId}/hours` as const
  const { status } = await call(app, request, { as: people.admin, body: { hours } })
  assert.equal(status, 200)
}

/** The doctor is at the other clinic too, every evening from 18:00; answers what is open there. */
export async function openElsewhere(network: Network): Promise<OpenSlot[]> {
  const { app } = await testVisita()
  const { clinicId, otherClinicId, doctorId } = network
  await changeDoctor(network, { clinicIds: [clinicId, otherClinicId] })
  await setHours(network, doctorId, [
    { clinicId, from: '09:00', to: '17:00' },
    { clinicId: otherClinicId, from: '18:00', to: '20:00' },
  ])
  return openSlots(app, doctorId, `clinicId=${otherClinicId}`)
}

/** Makes the account, of staff, a patient too; answers the patient's id. */
export async function makePatientOf(as: string): Promise<string> {
  const { runtime } = await testVisita()
  const { actor } = await contextLater(as, 0)
  const { patientId } = await makePatient(runtime)
  await runtime.db
    .insertInto('patient_access')
    .values({
      account_id: actor.accountId,
      patient_id: patientId,
      relation: 'self',
      scope: 'manage',
      created_at: formatUtc(runtime.clock()),
    })
    .execute()
  return patientId
}

/** The same context, with a database that does what it is asked and loses the answers of a function. */
export function losingAnswersOf(context: SignedInContext, name: string): SignedInContext {
  const lost = new WeakSet<object>()
  const db = context.db.withPlugin({
    transformQuery({ node, queryId }) {
      if (JSON.stringify(node).includes(name)) lost.add(queryId)
      return node
    },
    async transformResult({ result, queryId }) {
      if (lost.has(queryId))
        throw Object.assign(new Error('The connection is gone.'), { code: 'ECONNRESET' })
      return result
    },
  })
  return { ...context, db }
}

/** Sets the end of a hold or request, in the row and in its claims, as if it had been made earlier. */
export async function setExpiry(id: string, expiresAt: Instant): Promise<void> {
  const { runtime } = await testVisita()
  const values = { expires_at: formatUtc(expiresAt) }
  await runtime.db.updateTable('appointment').set(values).where('id', '=', id).execute()
  await runtime.db.updateTable('claim').set(values).where('appointment_id', '=', id).execute()
}
