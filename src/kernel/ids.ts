// Identifiers are made in the application, so that a row's id is known before the row is written.

import { v7 } from 'uuid'

/** A UUIDv7 (RFC 9562 5.7), which sorts by the time of its making. */
export const newId: () => string = () => v7()
