// Reads what happened and writes down who is to be told of it, in the transaction that moves on to the
// next events: nobody is forgotten and nobody told twice.

import type { Runtime } from '#src/context.ts'
import type { Transact } from '#src/events/events.ts'
import type { StoredEvent } from '#src/events/queries.ts'
import { readEvents } from '#src/events/reader.ts'
import type { Draft } from './draft.ts'
import { insertNotifications } from './tell-queries.ts'
import {
  draftsOfAccounts,
  draftsOfClaimLinks,
  draftsOfDelays,
  draftsOfInvitations,
  draftsOfMessages,
  draftsOfOffers,
  settleReadMessages,
} from './tell-others.ts'
import { newsOfVisits } from './tell-visits.ts'

export type Telling = Pick<Runtime, 'db' | 'clock' | 'events' | 'log' | 'senders'>

type Source = (
  runtime: Telling,
  db: Transact['db'],
  events: readonly StoredEvent[],
) => Promise<Draft[]>

const sources: readonly Source[] = [
  draftsOfOffers,
  draftsOfDelays,
  draftsOfMessages,
  draftsOfAccounts,
  draftsOfInvitations,
  draftsOfClaimLinks,
]

/** Under which name the database knows how far people have been told. */
export const reader = 'notifications'

/**
 * Tells what happened since last time, up to `limit` events. Answers how many it read; 0 while another
 * process does.
 */
export async function tellNews(
  runtime: Telling,
  options: { limit?: number } = {},
): Promise<number> {
  const context = { ...runtime, actor: null }
  const tell = async (tx: Transact, events: readonly StoredEvent[]) => {
    // Before anything new is told, so that what was written after a reading stays unread.
    const read = await settleReadMessages(runtime, tx.db, events)
    const visits = await newsOfVisits(runtime, tx.db, events)
    const drafts = visits.drafts
    for (const source of sources) drafts.push(...(await source(runtime, tx.db, events)))
    const told = await insertNotifications(tx.db, drafts)
    const accountIds = new Set([...read, ...visits.accountIds, ...told])
    for (const accountId of accountIds)
      tx.append({ type: 'notification.added', subjects: { accountId } })
  }
  return readEvents(context, reader, tell, options)
}
