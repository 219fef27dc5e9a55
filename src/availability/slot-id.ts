// A slot has no row: its id says which one it is, and booking checks it like any other wish.

import type { Instant } from '#src/kernel/time.ts'

export interface SlotKey {
  doctorId: string
  clinicId: string
  visitTypeId: string
  startsAt: Instant
}

const uuidBytes = 16
const length = 3 * uuidBytes + 6

/** The id as 72 characters of base64url; the start in whole seconds. */
export function slotId(slot: SlotKey): string {
  const bytes = Buffer.alloc(length)
  const ids = [slot.doctorId, slot.clinicId, slot.visitTypeId]
  for (const [index, id] of ids.entries())
    bytes.write(id.replaceAll('-', ''), index * uuidBytes, 'hex')
  bytes.writeIntBE(slot.startsAt / 1000, 3 * uuidBytes, 6)
  return bytes.toString('base64url')
}

/** The slot that an id names, or null when it is not one that `slotId` made. */
export function parseSlotId(id: string): SlotKey | null {
  const bytes = Buffer.from(id, 'base64url')
  if (bytes.length !== length || bytes.toString('base64url') !== id) return null
  return {
    doctorId: uuidAt(bytes, 0),
    clinicId: uuidAt(bytes, 1),
    visitTypeId: uuidAt(bytes, 2),
    startsAt: bytes.readIntBE(3 * uuidBytes, 6) * 1000,
  }
}

function uuidAt(bytes: Buffer, index: number): string {
  const hex = bytes.toString('hex', index * uuidBytes, (index + 1) * uuidBytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
