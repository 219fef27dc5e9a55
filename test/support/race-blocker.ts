// Something in the way of a request, so that it stops inside its transaction at a known place.

import assert from 'node:assert/strict'
import pg from 'pg'
import { newId } from '#src/kernel/ids.ts'
import { formatUtc } from '#src/kernel/time.ts'
import type { RaceNetwork } from './race-network.ts'
import { pidOf, until, waitingFor } from './race-servers.ts'
import { testVisita } from './visita.ts'

/** Runs `work` with a transaction open that `hold` put something in the way with. */
export async function whileHeld(
  hold: (blocker: pg.Client) => Promise<void>,
  work: (blockerPid: number, release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { databaseUrl } = await testVisita()
  const blocker = new pg.Client({ connectionString: databaseUrl })
  await blocker.connect()
  try {
    await blocker.query('begin')
    await hold(blocker)
    await work(await pidOf(blocker), async () => void (await blocker.query('rollback')))
  } finally {
    await blocker.end()
  }
}

/** An unfinished visit that takes a calendar for half an hour: whoever claims that waits for it. */
export async function holdClaim(
  blocker: pg.Client,
  network: RaceNetwork,
  { calendarId, minute }: { calendarId: string; minute: number },
): Promise<void> {
  const { doctorIds, clinicId, visitTypeIds, patients } = network
  const id = newId()
  const [from, to] = [network.at(minute), network.at(minute + 30)].map(formatUtc)
  await blocker.query(
    `insert into appointment (id, status, doctor_id, clinic_id, patient_id, visit_type_id, starts_at,
       ends_at, time_zone, local_starts_at, created_at)
     values ($1, 'confirmed', $2, $3, $4, $5, $6, $7, 'Europe/Paris', now(), now())`,
    [id, doctorIds[0], clinicId, patients.at(-1)?.patientId, visitTypeIds[0], from, to],
  )
  await blocker.query(
    'insert into claim (calendar_id, during, appointment_id) values ($1, tstzrange($2, $3), $4)',
    [calendarId, from, to, id],
  )
}

/** Waits until exactly one server process waits for the process `pid`, and answers it. */
export async function onlyWaiter(database: pg.Client, pid: number): Promise<number> {
  let waiting: number[] = []
  await until(`someone waits for process ${pid}`, async () => {
    waiting = await waitingFor(database, pid)
    return waiting.length > 0
  })
  assert.equal(waiting.length, 1)
  return waiting[0]!
}
