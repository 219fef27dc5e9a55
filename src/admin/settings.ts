// The settings of the network, and what a change of them moves elsewhere.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { refuseStale } from '#src/http/versions.ts'
import {
  lockSettings,
  readSettings,
  updateSettings,
  type Settings,
  type SettingsChange,
} from '#src/settings/queries.ts'
import { refuseUnlessAdmin } from './policy.ts'

/** @throws NotAllowed */
export async function settingsFor(context: SignedInContext): Promise<Settings> {
  refuseUnlessAdmin(context)
  return withRetry(() => readSettings(context.db))
}

/**
 * Changes settings. `requestedVersion` is the version that the change is based on, null for any. Another age
 * counts for accesses that are given from now on; that the ends of those there are follow it is left due, for
 * `keepAccessEnds` to do in small steps.
 *
 * @throws NotAllowed, Refusal `stale-version`.
 */
export async function changeSettings(
  context: SignedInContext,
  options: { change: SettingsChange; requestedVersion: number | null },
): Promise<Settings> {
  refuseUnlessAdmin(context)
  const { change } = options
  return transact(context, async (tx) => {
    const before = await lockSettings(tx.db)
    refuseStale(before.version, options.requestedVersion)
    const name = change.name?.trim().normalize('NFC')
    const after = await updateSettings(tx.db, { ...change, ...(name !== undefined && { name }) })
    await record(context, tx.db, {
      action: 'settings.update',
      subjectType: 'settings',
      subjectId: null,
      details: { fields: Object.keys(change), version: after.version },
    })
    tx.append({ type: 'settings.changed', subjects: {} })
    return after
  })
}
