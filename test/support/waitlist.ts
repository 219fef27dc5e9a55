// A doctor whose next day is full, patients who wait for an earlier time there, and the work on the
// waitlist at an instant of the test's choice.

import assert from 'node:assert/strict'
import { addDays, localDateOf, resolveLocal, type Instant } from '#src/kernel/time.ts'
import { noPassYet, offerOpenTimes } from '#src/waitlist/offers.ts'
import { call, makeNetwork, type Answer, type Network } from './network.ts'
import { book, makePatient, openSlots, type TestPatient } from './patient.ts'
import { testVisita } from './visita.ts'

const timeZone = 'Europe/Paris'

// Read once, so that no test sees midnight pass.
const { runtime } = await testVisita()
const today = localDateOf(runtime.clock(), timeZone)

/** The date at the clinic so many days from today. */
export async function dateIn(days: number): Promise<string> {
  return addDays(today, days)
}

/** The instant of a minute of tomorrow at the clinic; noon unless said otherwise. */
export async function tomorrowAt(minute = 720): Promise<Instant> {
  return resolveLocal(timeZone, await dateIn(1), minute)!
}

type OpenSlot = Awaited<ReturnType<typeof openSlots>>[number]

export interface FullNetwork extends Network {
  /** The two half hours of the near day, and who has them. */
  near: (OpenSlot & { visitId: string; holder: TestPatient })[]
  /** Fourteen half hours of a day two weeks after, which are open. */
  far: OpenSlot[]
}

/** The doctor is there from 10:00 to 11:00 in five days, fully booked, and all day in twenty. */
export async function fullNetwork(): Promise<FullNetwork> {
  const { app, runtime } = await testVisita()
  const network = await makeNetwork(runtime)
  const [nearDate, farDate] = [await dateIn(5), await dateIn(20)]
  await open(network, { date: nearDate, from: '10:00', to: '11:00' })
  await open(network, { date: farDate, from: '10:00', to: '17:00' })
  const slots = await openSlots(app, network.doctorId, `to=${farDate}`)
  const near: FullNetwork['near'] = []
  for (const slot of slots.slice(0, 2)) {
    const holder = await makePatient(runtime)
    const { body } = await must(book(app, holder.as, { slotId: slot.id }))
    near.push({ ...slot, visitId: body.id, holder })
  }
  return { ...network, near, far: slots.slice(2) }
}

/** Gives the network's doctor an opening. */
export async function open(
  { clinicId, people }: Network,
  times: { date: string; from: string; to: string },
  as = people.doctor,
): Promise<void> {
  const { app } = await testVisita()
  await must(call(app, 'POST /doctors/me/openings', { as, body: { clinicId, ...times } }))
}

/** The answer, which is no refusal. */
export async function must(answering: Promise<Answer>): Promise<Answer> {
  const answer = await answering
  assert.ok(answer.status < 300, JSON.stringify(answer.body))
  return answer
}

export interface Waiting extends TestPatient {
  visitId: string
  entryId: string
}

/** A patient who has the far slot with this index and waits for an earlier one. */
export async function waitWith(
  network: FullNetwork,
  index: number,
  wish: Record<string, unknown> = {},
): Promise<Waiting> {
  const { app, runtime } = await testVisita()
  const patient = await makePatient(runtime)
  const visit = await must(book(app, patient.as, { slotId: network.far[index]!.id }))
  const { id: appointmentId } = visit.body
  const { body } = await must(
    call(app, 'POST /waitlist', { as: patient.as, body: { appointmentId, ...wish } }),
  )
  return { ...patient, visitId: appointmentId, entryId: body.id }
}

/** The holder of the near slot with this index cancels. */
export async function free({ near }: FullNetwork, index: number): Promise<void> {
  const { app } = await testVisita()
  const { visitId, holder } = near[index]!
  await must(call(app, `DELETE /appointments/${visitId}`, { as: holder.as }))
}

const passes = noPassYet()

/** Works on the waitlist as if it were that instant, as a process does that did so before. */
export async function workAt(instant: Instant): Promise<void> {
  const { runtime } = await testVisita()
  await offerOpenTimes({ ...runtime, clock: () => instant }, passes)
}

/** The entry as its patient sees it. */
export async function entryOf({ as, entryId }: Waiting): Promise<Answer['body']> {
  const { app } = await testVisita()
  return (await must(call(app, `GET /waitlist/${entryId}`, { as }))).body
}

/** Gives an answer to the offer. */
export async function answer(
  { as, entryId }: Waiting,
  command: 'take' | 'refuse',
  options: { body?: unknown; key?: string } = {},
): Promise<Answer> {
  const { app } = await testVisita()
  return call(app, `POST /waitlist/${entryId}/${command}`, { as, ...options })
}
