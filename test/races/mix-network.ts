// The clinic that a mix happens at.

import { offersOf } from '#src/availability/open-times.ts'
import { take } from '#src/booking/book.ts'
import type { Runtime } from '#src/context.ts'
import { newId } from '#src/kernel/ids.ts'
import { signInAs } from '#test/support/network.ts'
import { makeRaceNetwork, opensAt, type RaceNetwork } from '#test/support/race-network.ts'

const dailyLimit = 8

/** A visit without extras, and one that needs a room and time before and after. */
export const visitTypes = [
  { durationMinutes: 20, stepMinutes: 10 },
  {
    durationMinutes: 30,
    bufferBeforeMinutes: 5,
    bufferAfterMinutes: 10,
    stepMinutes: 15,
    roomKind: 'ultrasound',
  },
]

/** How often each doctor's visit is one that needs a room. The first doctor has a daily limit. */
export const shareWithRoom = [0, 1, 0.5, 0.3]

interface Person {
  accountId: string
  /** The Authorization header. */
  as: string
}

export interface MixNetwork extends RaceNetwork {
  desk: Person[]
  /** For how many days from the network's date on times are wanted. */
  days: number
}

/** Patients without a client, who hold times that run out while others want them. */
const holders = 6

/**
 * Four doctors: one with a daily limit, the others with visits that share two rooms. Some times are held
 * for a few seconds more. Must be made before a server has been asked for these doctors.
 */
export async function makeMixNetwork(
  runtime: Runtime,
  { patients, days }: { patients: number; days: number },
): Promise<MixNetwork> {
  const network = await makeRaceNetwork(runtime, {
    doctors: shareWithRoom.length,
    patients: patients + holders,
    visitTypes,
    rooms: { kind: 'ultrasound', count: 2 },
  })
  await runtime.db
    .updateTable('doctor')
    .set({ daily_limit: dailyLimit })
    .where('id', '=', network.doctorIds[0]!)
    .execute()
  const desk = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const as = await signInAs(runtime, { role: 'front_desk', clinicId: network.clinicId })
      const bearer = await runtime.tokens.verify(as.slice('Bearer '.length), runtime.clock())
      return { as, accountId: bearer!.accountId }
    }),
  )
  const made = { ...network, patients: network.patients.slice(0, patients), desk, days }
  const holding = network.patients
    .slice(patients)
    .map(({ patientId }, index) => holdForSeconds(runtime, made, { patientId, index }))
  await Promise.all(holding)
  return made
}

/** Holds a time of each doctor for the patient, for one to four seconds. */
async function holdForSeconds(
  runtime: Runtime,
  { doctorIds, visitTypeIds, at }: MixNetwork,
  { patientId, index }: { patientId: string; index: number },
): Promise<void> {
  for (const [doctor, doctorId] of doctorIds.entries()) {
    const visitTypeId = visitTypeIds[doctor === 1 ? 1 : 0]
    const asked = { doctorIds: [doctorId], visitTypeId, viewerAt: () => 'patient' as const }
    const offers = await offersOf(runtime.board, asked)
    const now = runtime.clock()
    const held = await take(
      { ...runtime, requestId: 'holds', actor: null },
      offers.get(doctorId)![0]!,
      {
        appointmentId: newId(),
        patientId,
        command: 'hold',
        request: null,
        startsAt: at(opensAt + (index * 4 + doctor) * 30),
        reason: null,
        overbookedReason: null,
        now,
        expiresAt: now + 1000 + index * 500 + doctor * 100,
      },
    )
    if (held.failure !== null && held.failure !== 'taken') throw new Error(held.failure)
  }
}
