// What an account chose to be told of, when not to be disturbed, and in which language it is written to.

import { record } from '#src/audit/audit.ts'
import type { AccountActor, SignedInContext } from '#src/context.ts'
import type { Role } from '#src/db/tables.ts'
import { withRetry } from '#src/db/retry.ts'
import { transact } from '#src/events/events.ts'
import { changeLocale } from '#src/identity/accounts.ts'
import { invalidField, NotSignedIn } from '#src/kernel/errors.ts'
import { formatMinute, parseMinute } from '#src/kernel/time.ts'
import type { Language, Side } from './facts.ts'
import { languageOf } from './language.ts'
import {
  choicesOf,
  deleteQuietHours,
  writePreference,
  writeQuietHours,
  type ChoicesRow,
} from './preference-queries.ts'
import { choosableKinds, wants, type ChoosableKind, type ChosenChannel } from './preferences.ts'
import type { QuietHours } from './quiet-hours.ts'
import type { ChoicesAnswer } from './schemas.ts'

export interface ChoicesInput {
  kinds?: { kind: ChoosableKind; email?: boolean; sms?: boolean }[]
  /** 'HH:MM'; null for none. */
  quietHours?: { from: string; to: string; timeZone: string } | null
  language?: Language
}

const sideOfRole: Record<Role, Side> = {
  patient: 'patient',
  doctor: 'doctor',
  front_desk: 'desk',
  admin: 'desk',
}

/** What the actor's account is told of and how, with what everyone of the role is where it chose nothing. */
export async function readChoices(context: SignedInContext): Promise<ChoicesAnswer> {
  const { db, actor } = context
  return presentChoices(context, found(await withRetry(() => choicesOf(db, actor.accountId))))
}

/**
 * Changes what the input names and leaves the rest. What is the same as before is not written down, so
 * that the account goes on to be told what everyone of its role is.
 *
 * @throws InvalidRequest for quiet hours that end when they begin.
 */
export async function changeChoices(
  context: SignedInContext,
  input: ChoicesInput,
): Promise<ChoicesAnswer> {
  const { accountId } = context.actor
  const { kinds = [], quietHours, language } = input
  const quiet = quietHours ? readQuietHours(quietHours) : quietHours
  return transact(context, async ({ db }) => {
    const before = found(await choicesOf(db, accountId))
    for (const choice of changedChoices(context, before, kinds))
      await writePreference(db, { accountId, ...choice })
    if (quiet === null) await deleteQuietHours(db, accountId)
    else if (quiet !== undefined) await writeQuietHours(db, accountId, quiet)
    // "de-AT" stays, where someone only sends back that they read German.
    if (language !== undefined && language !== languageIn(context, before))
      await changeLocale(db, { accountId, locale: language })
    await record(context, db, {
      action: 'account.notifications.change',
      subjectType: 'account',
      subjectId: accountId,
      details: { fields: Object.keys(input) },
    })
    return presentChoices(context, found(await choicesOf(db, accountId)))
  })
}

function found(row: ChoicesRow | undefined): ChoicesRow {
  if (!row) throw new NotSignedIn()
  return row
}

/** As whom the account can be told: staff may be patients too, and parents. */
function sidesOf({ role, patientIds }: AccountActor): Side[] {
  const side = sideOfRole[role]
  return side === 'patient' || patientIds.length === 0 ? [side] : [side, 'patient']
}

/** Whether the account is told of the kind by the channel as any of those. */
function isTold(
  actor: AccountActor,
  { preferences }: ChoicesRow,
  { kind, channel }: { kind: ChoosableKind; channel: ChosenChannel },
): boolean {
  return sidesOf(actor).some((side) => wants(preferences, { kind, side, channel }))
}

function changedChoices(
  { actor }: SignedInContext,
  before: ChoicesRow,
  kinds: NonNullable<ChoicesInput['kinds']>,
) {
  return kinds.flatMap(({ kind, ...channels }) =>
    (['email', 'sms'] as const).flatMap((channel) => {
      const wanted = channels[channel]
      const isSo = wanted === isTold(actor, before, { kind, channel })
      return wanted === undefined || isSo ? [] : [{ kind, channel, wanted }]
    }),
  )
}

function readQuietHours(hours: { from: string; to: string; timeZone: string }): QuietHours {
  const { from, to, timeZone } = hours
  // 24:00 is the midnight that begins the next day.
  const minuteOf = (text: string) => (parseMinute(text) ?? 0) % 1440
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)]
  if (fromMinute === toMinute)
    throw invalidField(
      '/quietHours/to',
      '/quietHours/to must not be the same as from; null is for no quiet hours.',
    )
  return { fromMinute, toMinute, timeZone }
}

function languageIn({ config }: SignedInContext, { locale }: ChoicesRow): Language {
  return languageOf(locale, config.defaultLanguage)
}

function presentChoices(context: SignedInContext, row: ChoicesRow): ChoicesAnswer {
  const isWanted = (kind: ChoosableKind, channel: ChosenChannel) =>
    isTold(context.actor, row, { kind, channel })
  const quiet = row.quiet_hours
  return {
    kinds: choosableKinds.map((kind) => ({
      kind,
      email: isWanted(kind, 'email'),
      sms: isWanted(kind, 'sms'),
    })),
    quietHours: quiet && {
      from: formatMinute(quiet.fromMinute),
      to: formatMinute(quiet.toMinute),
      timeZone: quiet.timeZone,
    },
    language: languageIn(context, row),
  }
}
