// What accounts may do with a patient's record. Who may see one is in the query that finds it.

import type { AccountActor, Actor } from '#src/context.ts'
import type { PatientAccessTable } from '#src/db/tables.ts'
import type { Instant } from '#src/kernel/time.ts'

export type PatientAction =
  /** Change name, contact and date of birth. */
  | 'change'
  /** Make the link by which the person's own account gets to the record. */
  | 'make-claim-link'
  /** Read whose accounts may act for the patient, and who was invited to. */
  | 'see-access'
  /** Invite, change and end their access. */
  | 'change-access'

/** What the decision needs to know of a record that the actor may see. */
export interface PatientSubject {
  /** How far the account may act for the patient, null for not at all. */
  scope: PatientAccessTable['scope'] | null
  /** Whether an account manages the record, so that it is no longer the desk's to keep. */
  isManaged: boolean
  /** Whether the actor sees the whole record, and not only how to reach the person. */
  isSeenInFull: boolean
  /** Whether the actor registered the patient and still works there. */
  isRegisteredByActor: boolean
  /** Whether the actor may say who the person is, so that the record gets into the right hands. */
  isVouchedFor: boolean
  /** Whether the person was erased: what is left of the record is nobody's to change. */
  isErased: boolean
}

/**
 * Whether the actor may do it. A link gives away all that clinics wrote down of the person, so a record
 * that someone manages already gets one from an admin alone.
 */
export function may(actor: Actor, action: PatientAction, subject: PatientSubject): boolean {
  if (actor === null) return false
  if (action === 'see-access')
    return subject.scope === 'manage' || actor.role === 'admin' || isDeskInFull(actor, subject)
  if (subject.isErased) return false
  if (action === 'change-access') return subject.scope === 'manage'
  if (action === 'make-claim-link')
    return (
      actor.role === 'admin' ||
      (actor.role !== 'patient' && !subject.isManaged && subject.isVouchedFor)
    )
  if (subject.scope === 'manage') return true
  if (subject.isManaged || !subject.isSeenInFull) return false
  return actor.role === 'front_desk' || actor.role === 'admin' || subject.isRegisteredByActor
}

/** Whether the record is shown whole to a front desk as such, and not as somebody's relative. */
function isDeskInFull(actor: AccountActor, subject: PatientSubject): boolean {
  return actor.role === 'front_desk' && subject.isSeenInFull && subject.scope === null
}

const scopes = ['see', 'book', 'manage'] as const satisfies PatientAccessTable['scope'][]

/** Whether the one scope lets do no less than the other: looking, booking, managing, in this order. */
export function reachesAsFar(
  one: PatientAccessTable['scope'],
  other: PatientAccessTable['scope'],
): boolean {
  return scopes.indexOf(one) >= scopes.indexOf(other)
}

/** What bounds the end of access that someone gives: their own. */
export type OwnAccess = Pick<PatientAccessTable, 'relation'> & {
  endsAt: Instant | null
  agreedEndsAt: Instant | null
}

/**
 * Until when somebody may give access to others, null for always: nobody gives what lasts longer than
 * their own. Between parents only what was agreed on counts, since the child's age ends both alike.
 */
export function mayGiveUntil(
  own: OwnAccess,
  relation: PatientAccessTable['relation'],
): Instant | null {
  return own.relation === 'parent' && relation === 'parent' ? own.agreedEndsAt : own.endsAt
}

/** The earlier of two ends, of which null is never. */
export function earlierEnd(one: Instant | null, other: Instant | null): Instant | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

/** What the decision on a merge needs to know of each record. */
export type MergeSubject = Pick<PatientSubject, 'isManaged' | 'isSeenInFull' | 'isVouchedFor'> & {
  /** Whether any account has access to it, however far that reaches. */
  hasAccess: boolean
}

/** Whether merging lets accounts of one record into another one that an account manages. */
export function areBothOfAccounts(one: MergeSubject, other: MergeSubject): boolean {
  return (one.isManaged && other.hasAccess) || (other.isManaged && one.hasAccess)
}

/**
 * Whether the actor may make one record of two. Each gets the accounts of the other, so that it takes as
 * much as a link to either. Who comes to a record that an account manages is not the desk's to say: where
 * the other one has accounts too, be it to look, it takes an admin.
 */
export function mayMerge(actor: Actor, kept: MergeSubject, duplicate: MergeSubject): boolean {
  if (actor === null) return false
  if (actor.role === 'admin') return true
  return (
    actor.role === 'front_desk' &&
    !areBothOfAccounts(kept, duplicate) &&
    [kept, duplicate].every(({ isSeenInFull, isVouchedFor }) => isSeenInFull && isVouchedFor)
  )
}
