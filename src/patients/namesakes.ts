// Many people at once, compared with all whom the network knows and with each other. Who is likely the same
// is the rule of search-queries.ts, put so that it takes little more for many than for one.

import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { Queryable } from '#src/db/connect.ts'
import {
  areNamesakes,
  patientsNear,
  wordsOfNames,
  type NameWords,
  type NearPatientRow,
} from './namesake-queries.ts'
import { lastEightOf, type PersonTyped } from './search-queries.ts'

export interface PersonToRegister extends PersonTyped {
  clinicId: string | null
}

/**
 * Whom someone is likely the same as: a patient, or an earlier one of the list by its index, which may be
 * just the same.
 */
export type LikelySame = { patientId: string } | { index: number; isEqual: boolean }

export interface Compared {
  /** The patients who are there already with just this name, contact, date of birth and clinic. */
  known: Map<number, string>
  /** Of the others, those who are likely somebody else of the list or of the network. */
  likely: Map<number, LikelySame>
}

/** How many people one statement is asked about. */
const batchSize = 500

/** How many of those who share enough words of their name are looked at closely. */
const closeLooksMax = 20

/** Compares each of the people with the patients there are and with those before them in the list. */
export async function compareAll(
  db: Queryable,
  people: readonly PersonToRegister[],
): Promise<Compared> {
  const near = await allNear(db, people)
  const records = new Map(
    near.map((row) => [recordKeyOf({ ...row, clinicId: row.registeredAtClinicId }), row.id]),
  )
  const known = new Map<number, string>()
  for (const [place, person] of people.entries()) {
    const patientId = records.get(recordKeyOf(person))
    if (patientId !== undefined) known.set(place, patientId)
  }
  const others = [...people.entries()].filter(([place]) => !known.has(place))
  if (others.length === 0) return { known, likely: new Map() }
  const index = createIndex(await wordsOf(db, [...near, ...people]))
  for (const row of near) index.add(row, { patientId: row.id })
  const likely = new Map<number, LikelySame>()
  const firsts = new Map<string, number>()
  const close: { place: number; pair: { one: string; other: string }; same: LikelySame }[] = []
  for (const [place, person] of others) {
    if (place % batchSize === 0) await letOthersRun()
    const found = index.find(person)
    const key = recordKeyOf(person)
    const first = firsts.get(key)
    if (first === undefined) firsts.set(key, place)
    if (first !== undefined) likely.set(place, { index: first, isEqual: true })
    else if (found.certain) likely.set(place, found.certain)
    else
      for (const { name, same } of found.close)
        close.push({ place, pair: { one: person.name, other: name }, same })
    index.add(person, { index: place, isEqual: false })
  }
  for (const batch of batchesOf(close)) {
    const are = await areNamesakes(
      db,
      batch.map(({ pair }) => pair),
    )
    for (const [at, { place, same }] of batch.entries())
      if (are[at] === true && !likely.has(place)) likely.set(place, same)
  }
  return { known, likely }
}

function* batchesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize)
}

/** The patients who have something in common with one of the people. */
async function allNear(db: Queryable, people: readonly PersonTyped[]): Promise<NearPatientRow[]> {
  const nothing = { emails: [], datesOfBirth: [], lastEights: [], bareNames: [] }
  const near = new Map<string, NearPatientRow>()
  for (const [trace, values] of Object.entries(tracesOf(people)))
    for (const batch of batchesOf(values))
      for (const row of await patientsNear(db, { ...nothing, [trace]: batch }))
        near.set(row.id, row)
  return [...near.values()]
}

function tracesOf(people: readonly PersonTyped[]) {
  // Those whom nothing but the name finds: a number may be too short for a trace.
  const bare = people.filter(
    ({ phone, email, dateOfBirth }) => (lastEightOf(phone) ?? email ?? dateOfBirth) === null,
  )
  return {
    emails: distinct(people.map(({ email }) => email?.toLowerCase() ?? null)),
    datesOfBirth: distinct(people.map(({ dateOfBirth }) => dateOfBirth)),
    lastEights: distinct(people.map(({ phone }) => lastEightOf(phone))),
    bareNames: distinct(bare.map(({ name }) => name)),
  }
}

function distinct<Value>(values: readonly (Value | null)[]): Value[] {
  return [...new Set(values.filter((value) => value !== null))]
}

async function wordsOf(
  db: Queryable,
  people: readonly { name: string }[],
): Promise<Map<string, NameWords>> {
  const words = new Map<string, NameWords>()
  for (const names of batchesOf(distinct(people.map(({ name }) => name)))) {
    const ofNames = await wordsOfNames(db, names)
    for (const [at, name] of names.entries()) words.set(name, ofNames[at]!)
  }
  return words
}

function recordKeyOf({ name, phone, email, dateOfBirth, clinicId }: PersonToRegister): string {
  return JSON.stringify([name, phone, email?.toLowerCase() ?? null, dateOfBirth, clinicId])
}

interface Entry {
  name: string
  same: LikelySame
  wordsMin: number
}

/** Finds people by their e-mail address, or by a date of birth or number together with words of the name. */
function createIndex(words: ReadonlyMap<string, NameWords>) {
  const byEmail = new Map<string, LikelySame>()
  const byTraceAndWord = new Map<string, Entry[]>()
  const tracesOfPerson = ({ dateOfBirth, phone }: PersonTyped) =>
    [dateOfBirth, lastEightOf(phone)].filter((trace) => trace !== null)

  return {
    add(person: PersonTyped, same: LikelySame): void {
      const { words: own, wordsMin } = words.get(person.name)!
      const email = person.email?.toLowerCase()
      if (email !== undefined && !byEmail.has(email)) byEmail.set(email, same)
      const entry = { name: person.name, same, wordsMin }
      for (const trace of tracesOfPerson(person))
        for (const word of own) {
          const entries = byTraceAndWord.get(`${trace} ${word}`)
          if (entries) entries.push(entry)
          else byTraceAndWord.set(`${trace} ${word}`, [entry])
        }
    },
    find(person: PersonTyped) {
      const { words: own, wordsMin } = words.get(person.name)!
      const certain = byEmail.get(person.email?.toLowerCase() ?? '')
      const close = new Set<Entry>()
      for (const trace of tracesOfPerson(person)) {
        const counts = new Map<Entry, number>()
        for (const word of own)
          for (const entry of byTraceAndWord.get(`${trace} ${word}`) ?? [])
            counts.set(entry, (counts.get(entry) ?? 0) + 1)
        for (const [entry, count] of counts)
          if (count >= Math.min(wordsMin, entry.wordsMin) && close.size < closeLooksMax)
            close.add(entry)
      }
      return { certain, close: [...close] }
    },
  }
}
