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
import { draftsOfVisits } from './tell-visits.ts'

export type Telling = Pick<Runtime, 'db' | 'clock' | 'events' | 'log' | 'senders'>

type Source = (
  runtime: Telling,
  db: Transact['db'],
  events: readonly StoredEvent[],
) => Promise<Draft[]>

const sources: readonly Source[] = [
  draftsOfVisits,
  draftsOfOffers,
  draftsOfDelays,
  draftsOfMessages,
  draftsOfAccounts,
  draftsOfInvitations,
  draftsOfClaimLinks,
]

/** Tells what happened since last time. Answers how many events it read; 0 while another process does. */
export async function tellNews(runtime: Telling): Promise<number> {
  return readEvents({ ...runtime, actor: null }, 'notifications', async (tx, events) => {
    const drafts: Draft[] = []
    for (const source of sources) drafts.push(...(await source(runtime, tx.db, events)))
    const accountIds = new Set(await insertNotifications(tx.db, drafts))
    for (const accountId of await settleReadMessages(runtime, tx.db, events))
      accountIds.add(accountId)
    for (const accountId of accountIds)
      tx.append({ type: 'notification.added', subjects: { accountId } })
  })
}
