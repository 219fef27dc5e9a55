// A row of the ledger: one message to one recipient by one channel, from the queue to its arrival.

import type { Selectable } from 'kysely'
import type { NotificationTable } from '#src/db/telling-tables.ts'

export type NotificationRow = Selectable<NotificationTable>
