// Finding patients among all of the network, for those who serve people that phone or walk in.

import { record } from '#src/audit/audit.ts'
import type { SignedInContext } from '#src/context.ts'
import { InvalidRequest, invalidField } from '#src/kernel/errors.ts'
import { formatInstant, type LocalDate } from '#src/kernel/time.ts'
import {
  hasFewPatients,
  patientsWanted,
  type FoundPatientRow,
  type FoundPosition,
  type PatientWanted,
} from './search-queries.ts'

export type FoundPatient = FoundPatientRow

export interface PatientQuery {
  /** Part of a name: beginnings of its words, in any order. */
  q?: string
  /** A telephone number or a part of it, however it is written. */
  phone?: string
  dateOfBirth?: LocalDate
}

/** Of one word; a single letter begins the names of half the network. */
const twoLetters = /[\p{L}\p{N}][\p{M}'’‑-]*[\p{L}\p{N}]/u
/** Of writings in which one character says as much as a syllable or a word. */
const wholeSyllable = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}]/u

const digitsMin = 4
/** As many as a number has in common with and without its country's code. */
const digitsMax = 8

/**
 * The patients that match all that is asked for, by name, one more than `limit` when there are further
 * ones. That they were looked at is audited, without what was searched.
 *
 * @throws InvalidRequest when nothing is asked for, or too little.
 */
export async function searchPatients(
  context: SignedInContext,
  options: { query: PatientQuery; limit: number; after: FoundPosition | null },
): Promise<FoundPatient[]> {
  const { query, limit, after } = options
  const rows = await patientsWanted(context.db, {
    wanted: readQuery(query),
    actor: context.actor,
    now: context.clock(),
    after,
    rowsMax: limit + 1,
    isAmongFew: await hasFewPatients(context.db, context.actor),
  })
  await record(context, context.db, {
    action: 'patient.search',
    subjectType: 'patient',
    subjectId: null,
    details: {
      by: Object.keys(query).toSorted(),
      found: rows.slice(0, limit).map(({ id }) => id),
    },
  })
  return rows
}

function readQuery(query: PatientQuery): PatientWanted {
  const { q, phone, dateOfBirth } = query
  if (q === undefined && phone === undefined && dateOfBirth === undefined)
    throw new InvalidRequest(
      ['q', 'phone', 'dateOfBirth'].map((name) => ({
        in: 'body',
        pointer: `/${name}`,
        detail: `Give q, phone or dateOfBirth; ${name} is missing.`,
      })),
    )
  if (q !== undefined && !/[\p{L}\p{N}]/u.test(q))
    throw invalidField('/q', '/q must hold a letter of the name.')
  const standsAlone = phone === undefined && dateOfBirth === undefined
  if (q !== undefined && standsAlone && !twoLetters.test(q) && !wholeSyllable.test(q))
    throw invalidField(
      '/q',
      '/q must hold the first two letters of a name, where nothing else is given.',
    )
  return { words: q, digits: phone === undefined ? undefined : digitsOf(phone), dateOfBirth }
}

function digitsOf(phone: string): string {
  const digits = phone.replaceAll(/[^0-9]/g, '')
  if (digits.length < digitsMin)
    throw invalidField('/phone', `/phone must hold at least ${digitsMin} digits.`)
  return digits.slice(-digitsMax)
}

/** A found patient as the API shows them; times have the offset of the clinic of the visit. */
export function presentFound(found: FoundPatient) {
  const { id, name, phone, phoneEndsWith, email, dateOfBirth, hasAccount, version } = found
  const { lastVisitAt, lastVisitZone, nextVisitAt, nextVisitZone } = found
  return {
    id,
    name,
    ...(phone !== null && { phone }),
    ...(phoneEndsWith !== null && { phoneEndsWith }),
    ...(email !== null && { email }),
    ...(dateOfBirth !== null && { dateOfBirth }),
    hasAccount,
    ...(version !== null && { version }),
    ...(lastVisitAt !== null &&
      lastVisitZone !== null && { lastVisitAt: formatInstant(lastVisitAt, lastVisitZone) }),
    ...(nextVisitAt !== null &&
      nextVisitZone !== null && { nextVisitAt: formatInstant(nextVisitAt, nextVisitZone) }),
  }
}
