// What every operation is given as its first argument: who asks, and the means to answer.

import type { Logger } from 'pino'
import type { Config } from '#src/config.ts'
import type { Database } from '#src/db/connect.ts'
import type { Vault } from '#src/db/vault.ts'
import type { EventBus } from '#src/events/events.ts'
import type { Board } from '#src/availability/board.ts'
import type { Senders } from '#src/delivery/delivery.ts'
import type { LinkSigner } from '#src/identity/link-signer.ts'
import type { TokenSigner } from '#src/identity/tokens.ts'
import type { Clock } from '#src/kernel/time.ts'
import type { Role } from '#src/db/tables.ts'

/** One running process, made once by `app.ts`. */
export interface Runtime {
  config: Config
  db: Database
  clock: Clock
  log: Logger
  events: EventBus
  board: Board
  tokens: TokenSigner
  links: LinkSigner
  vault: Vault
  senders: Senders
}

export interface AccountActor {
  accountId: string
  sessionId: string
  role: Role
  name: string
  /** The profile of an account with the role doctor. */
  doctorId: string | null
  /** The clinics whose front desk the account works at. */
  clinicIds: readonly string[]
  /** The record of the account's holder themselves; null for an account that has none. */
  ownPatientId: string | null
  /** The patient records the account may book for, its own first. */
  patientIds: readonly string[]
  /** The patient records the account may look at, those it may book for among them; its own first. */
  seenPatientIds: readonly string[]
  /** Whether the network asks for a second factor that the account has not set up yet. */
  needsSecondFactor: boolean
}

export type Actor = AccountActor | null

export interface Context extends Runtime {
  actor: Actor
  requestId: string
  /**
   * The network that the request came from, as limits count it (`networkOf`); null for the command line
   * and for work that nobody asked for.
   */
  clientAddress: string | null
  /** What the browser or program that asks calls itself, as it was sent. */
  userAgent?: string
}

/** A context in which someone has signed in. */
export interface SignedInContext extends Context {
  actor: AccountActor
}
