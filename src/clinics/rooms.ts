// Rooms and devices that one visit at a time can use.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { transact } from '#src/events/events.ts'
import { pageOf, readPage } from '#src/http/pagination.ts'
import { NotAllowed, NotFound } from '#src/kernel/errors.ts'
import { newId } from '#src/kernel/ids.ts'
import { practiceClinicIds } from './access.ts'
import { findClinic, lockClinicSchedule, NamePosition } from './clinics.ts'
import { may } from './policy.ts'
import { deleteRoom, insertRoom, roomsAfter, type RoomRow } from './room-queries.ts'
import type { NewRoom, RoomAnswer } from './schemas.ts'

/** The room as the API shows it. */
export function presentRoom(row: RoomRow): RoomAnswer {
  return { id: row.id, name: row.name, kind: row.kind }
}

/**
 * A page of the clinic's rooms by name, for those who work there.
 *
 * @throws NotAllowed, NotFound.
 */
export async function listRooms(
  context: SignedInContext,
  clinicId: string,
  query: { limit?: number; cursor?: string },
): Promise<{ items: RoomAnswer[]; nextCursor: string | null }> {
  const { limit, after } = readPage(query, NamePosition)
  const subject = { clinicId, practiceClinicIds: await practiceClinicIds(context) }
  if (!may(context.actor, 'see-rooms', subject))
    throw new NotAllowed('Only those who work at the clinic see its rooms.')
  await findClinic(context.db, clinicId)
  const rows = await roomsAfter(context.db, { clinicId, after, limit: limit + 1 })
  return pageOf(rows, {
    limit,
    present: presentRoom,
    positionOf: ({ name, id }) => ({ name, id }),
  })
}

/** @throws NotAllowed, NotFound, Refusal `conflict` when the clinic has a room of this name. */
export async function addRoom(
  context: SignedInContext,
  clinicId: string,
  room: NewRoom,
): Promise<RoomRow> {
  refuseForbidden(context, clinicId)
  const row: RoomRow = {
    id: newId(),
    clinic_id: clinicId,
    name: room.name.trim(),
    kind: room.kind.trim(),
  }
  await transact(context, async (tx) => {
    await lockClinicSchedule(tx.db, clinicId)
    await insertRoom(tx.db, row)
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'room.create',
      subjectType: 'room',
      subjectId: row.id,
      details: { clinicId },
    })
  })
  return row
}

/** @throws NotAllowed, NotFound, Refusal `conflict` when appointments refer to the room. */
export async function removeRoom(
  context: SignedInContext,
  options: { clinicId: string; roomId: string },
): Promise<void> {
  const { clinicId, roomId } = options
  refuseForbidden(context, clinicId)
  await transact(context, async (tx) => {
    await lockClinicSchedule(tx.db, clinicId)
    if (!(await deleteRoom(tx.db, options))) throw new NotFound('room')
    tx.append({ type: 'clinic.schedule-changed', subjects: { clinicId } })
    await record(context, tx.db, {
      action: 'room.delete',
      subjectType: 'room',
      subjectId: roomId,
      details: { clinicId },
    })
  })
}

function refuseForbidden(context: SignedInContext, clinicId: string): void {
  if (!may(context.actor, 'edit-rooms', { clinicId }))
    throw new NotAllowed('Only an admin and the front desk of the clinic change its rooms.')
}
