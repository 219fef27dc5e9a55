// Reads what happened and writes down who is to be told of it, in the transaction that moves on to the
// next events: nobody is forgotten and nobody told twice.

import type { Runtime } from '#src/context.ts'
import { isLostConnection, isTransient } from '#src/db/constraints.ts'
import type { Transact } from '#src/events/events.ts'
import type { StoredEvent } from '#src/events/queries.ts'
import { readEvents } from '#src/events/reader.ts'
import { messageOf } from '#src/kernel/errors.ts'
import type { Draft } from './draft.ts'
import {
  draftsOfAccessInvitations,
  draftsOfAccountLinks,
  draftsOfAccounts,
} from './tell-accounts.ts'
import { insertNotifications } from './tell-queries.ts'
import {
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
  runtime: Pick<Runtime, 'clock' | 'senders'>,
  db: Transact['db'],
  events: readonly StoredEvent[],
) => Promise<Draft[]>

const sources: readonly Source[] = [
  draftsOfOffers,
  draftsOfDelays,
  draftsOfMessages,
  draftsOfAccounts,
  draftsOfAccountLinks,
  draftsOfAccessInvitations,
  draftsOfInvitations,
  draftsOfClaimLinks,
]

/** Under which name the database knows how far people have been told. */
export const reader = 'notifications'

/** These events cannot be told; the cause says why. */
export class TellingFailed extends Error {
  readonly events: readonly StoredEvent[]

  constructor(events: readonly StoredEvent[], cause: unknown) {
    super(messageOf(cause), { cause })
    this.events = events
  }
}

/**
 * Tells what happened since last time, up to `limit` events. Answers how many it read; 0 while another
 * process does.
 *
 * @throws TellingFailed when it is these events that cannot be told, and not the database that is away.
 */
export async function tellNews(
  runtime: Telling,
  options: { limit?: number } = {},
): Promise<number> {
  const context = { ...runtime, actor: null }
  const tell = async (tx: Transact, events: readonly StoredEvent[]) => {
    try {
      await tellOf(runtime, tx, events)
    } catch (error) {
      if (isLostConnection(error) || isTransient(error)) throw error
      throw new TellingFailed(events, error)
    }
  }
  return readEvents(context, reader, tell, options)
}

async function tellOf(
  runtime: Telling,
  tx: Transact,
  events: readonly StoredEvent[],
): Promise<void> {
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
