// A race of everything that happens to appointments: people and a front desk who want the same times of
// a few doctors, and book, hold, move and cancel by chance. What each was answered is written down, for
// mix-checker.ts to compare with what the database holds in the end.

import { setTimeout as pause } from 'node:timers/promises'
import { newId } from '#src/kernel/ids.ts'
import { formatInstant, parseInstant, systemClock, type Instant } from '#src/kernel/time.ts'
import type { Client, Reply } from '#test/support/client.ts'
import { closesAt, opensAt, type RacePatient } from '#test/support/race-network.ts'
import { shareWithRoom, visitTypes, type MixNetwork } from './mix-network.ts'
import type { AnsweredAppointment, MixCommand, MixRecord, Wanted } from './mix-records.ts'

const timeZone = 'Europe/Paris'

/** A monotonic clock that began at the wall's time, in milliseconds. */
const beganAt = systemClock() - performance.now()
function clock(): Instant {
  return beganAt + performance.now()
}

/** By how many milliseconds the wall's clock has gone another way than that of the records. */
export function clockDrift(): number {
  return Math.abs(systemClock() - clock())
}

/** An appointment as a client last saw it. */
type Known = AnsweredAppointment

/** A time of a doctor, in minutes of a day of the network. */
interface Place {
  doctorId: string
  visitTypeId: string
  day: number
  minute: number
}

export interface Mix {
  network: MixNetwork
  /** Everything that was answered. */
  records: MixRecord[]
  /** What was sent and not answered: the connection broke. */
  lost: MixRecord[]
  /** The appointments of each patient that still stand, as far as their clients know. */
  known: Map<string, Known[]>
  people: MixPerson[]
  /** Times that someone has just wanted or given back: others want them too. */
  wantedLately: Place[]
  /** Where the times that were wanted are among the days. */
  placeAt: Map<Instant, Pick<Place, 'day' | 'minute'>>
  /** Whether an answer 503 is one to send again, as during an outage of the database. */
  toleratesBusy: boolean
  /** The part of the requests that come with an Idempotency-Key, 0 to 1. */
  keyedShare: number
}

/** One of the clients, who acts for one patient; some patients have two. */
interface MixPerson {
  index: number
  patient: RacePatient
  random: () => number
}

/** Clients of the patients of a network; everything they do by chance follows from the seed. */
export function makeMix(
  network: MixNetwork,
  options: { clients: number; seed: number; keyedShare?: number; toleratesBusy?: boolean },
): Mix {
  const { patients } = network
  return {
    network,
    records: [],
    lost: [],
    known: new Map(patients.map(({ patientId }) => [patientId, []])),
    people: Array.from({ length: options.clients }, (_, index) => ({
      index,
      patient: patients[index % patients.length]!,
      random: randomFrom(options.seed + index * 7919),
    })),
    wantedLately: [],
    placeAt: new Map(),
    toleratesBusy: options.toleratesBusy ?? false,
    keyedShare: options.keyedShare ?? 0.7,
  }
}

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** All clients act until told to stop, or until the server is gone. */
export async function runMix(
  mix: Mix,
  { servers, isOver }: { servers: readonly Client[]; isOver: () => boolean },
): Promise<void> {
  await Promise.all(
    mix.people.map(async (person) => {
      try {
        while (!isOver()) await act({ mix, servers, person })
      } catch (error) {
        if (!(error instanceof AnswerLost)) throw error
      }
    }),
  )
}

/** Sends what was lost again, with the same keys, to a server that is there. */
export async function sendLostAgain(mix: Mix, server: Client): Promise<void> {
  const records = mix.lost.splice(0)
  await Promise.all(
    records.map((record) => {
      const person = mix.people[record.client]!
      return settle({ mix, servers: [server], person }, record)
    }),
  )
}

class AnswerLost extends Error {}

interface Turn {
  mix: Mix
  servers: readonly Client[]
  person: MixPerson
}

/** 40 % book, 20 % hold and confirm, 15 % move, 15 % cancel, 10 % overbook or want a full day. */
async function act(turn: Turn): Promise<void> {
  const chance = turn.person.random() * 100
  if (chance < 40) return book(turn)
  if (chance < 60) return holdAndConfirm(turn)
  if (chance < 75) return reschedule(turn)
  if (chance < 90) return cancel(turn)
  if (chance < 95) return overbook(turn)
  await ask(turn, {
    command: 'book',
    kind: 'book a full day',
    wanted: wantedTime(turn, { doctor: 0, day: 0 }),
  })
}

async function book(turn: Turn): Promise<void> {
  const wish = { command: 'book', kind: 'book', wanted: wantedTime(turn) } as const
  if (turn.person.random() > 0.05) return void (await ask(turn, wish))
  // The same request twice at once, as from a client that was too impatient.
  const key = newId()
  await Promise.all([ask(turn, wish, key), ask(turn, wish, key)])
}

async function holdAndConfirm(turn: Turn): Promise<void> {
  const { random } = turn.person
  const held = await ask(turn, { command: 'hold', kind: 'hold', wanted: wantedTime(turn) })
  if (held === null) return
  const chance = random()
  // Some are left to run out or to be replaced, some given up, some booked as if they weren't there.
  if (chance < 0.08) return
  const { id, version, doctorId, visitTypeId, startsAt } = held
  const wanted = { ...wantedTime(turn), doctorId, visitTypeId, startsAt }
  if (chance < 0.12) await ask(turn, { command: 'book', kind: 'book', wanted })
  else if (chance < 0.16) await askStep(turn, { command: 'cancel', kind: 'cancel', id, version })
  else await askStep(turn, { command: 'confirm-hold', kind: 'confirm', id, version })
}

async function reschedule(turn: Turn): Promise<void> {
  const { random } = turn.person
  const known = oneKnown(turn)
  if (!known) return book(turn)
  const { id, version, doctorId, visitTypeId } = known
  const isDesk = random() < 0.25
  const wanted = wantedTime(turn, { isOverbooked: isDesk && random() < 0.3 })
  await askStep(turn, {
    command: 'reschedule',
    kind: 'reschedule',
    id,
    version,
    isDesk,
    // The desk moves to any doctor, patients stay with theirs.
    wanted: isDesk ? wanted : wantedTime(turn, { doctorId, visitTypeId }),
  })
}

async function cancel(turn: Turn): Promise<void> {
  const known = oneKnown(turn)
  if (!known) return book(turn)
  const isDesk = turn.person.random() < 0.1
  await askStep(turn, {
    command: 'cancel',
    kind: 'cancel',
    id: known.id,
    version: known.version,
    isDesk,
  })
}

async function overbook(turn: Turn): Promise<void> {
  const wanted = wantedTime(turn, { isOverbooked: true })
  await ask(turn, { command: 'book', kind: 'overbook', wanted, isDesk: true })
}

function pick<Value>({ random }: MixPerson, values: readonly Value[]): Value | undefined {
  return values[Math.floor(random() * values.length)]
}

function oneKnown({ mix, person }: Turn): Known | undefined {
  return pick(person, mix.known.get(person.patient.patientId)!)
}

/** The part of the wishes that follow those of others. */
const herdShare = 0.35
const latelyMax = 12

interface Given {
  doctor?: number
  day?: number
  doctorId?: string
  visitTypeId?: string
  isOverbooked?: boolean
}

/** A time that patients can have, by chance or because someone has just wanted it or given it back. */
function wantedTime(turn: Turn, given: Given = {}): Wanted {
  const { mix, person } = turn
  const { network } = mix
  const isOverbooked = given.isOverbooked ?? false
  const place = placeOfOthers(turn, given) ?? placeByChance(turn, given)
  const { doctorId, visitTypeId, day, minute } = place
  // An overbooking begins at any minute.
  const late = isOverbooked ? Math.floor(person.random() * 10) : 0
  const startsAt = network.at(day * 1440 + minute + late)
  if (!isOverbooked) {
    mix.placeAt.set(startsAt, place)
    noteWanted(mix, place)
  }
  const { patientId } = person.patient
  return { doctorId, visitTypeId, patientId, startsAt, isOverbooked }
}

/** A time that others want, for some of those who may have any. */
function placeOfOthers(turn: Turn, given: Given): Place | undefined {
  const { mix, person } = turn
  if (given.doctor !== undefined || given.doctorId !== undefined) return undefined
  if (person.random() > herdShare) return undefined
  const place = pick(person, mix.wantedLately)
  // Of a doctor who sees so many a day, any time of the day is as good.
  return place && place.doctorId === mix.network.doctorIds[0]
    ? placeByChance(turn, { doctor: 0, day: place.day })
    : place
}

function placeByChance({ mix: { network }, person }: Turn, given: Given): Place {
  const { random } = person
  const doctor = given.doctor ?? Math.floor(random() * shareWithRoom.length)
  const needsRoom = random() < (shareWithRoom[doctor] ?? 0)
  const visitTypeId = given.visitTypeId ?? network.visitTypeIds[needsRoom ? 1 : 0]!
  const { durationMinutes, stepMinutes } = visitTypes[network.visitTypeIds.indexOf(visitTypeId)]!
  const starts = Math.floor((closesAt - opensAt - durationMinutes) / stepMinutes) + 1
  return {
    doctorId: given.doctorId ?? network.doctorIds[doctor]!,
    visitTypeId,
    day: given.day ?? Math.floor(random() * network.days),
    minute: opensAt + Math.floor(random() * starts) * stepMinutes,
  }
}

function noteWanted({ wantedLately }: Mix, place: Place): void {
  wantedLately.push(place)
  if (wantedLately.length > latelyMax) wantedLately.shift()
}

/** A time that was given back is wanted by several. */
function noteFreed(mix: Mix, { doctorId, visitTypeId, startsAt, isOverbooked }: Known): void {
  const place = mix.placeAt.get(startsAt)
  if (place && !isOverbooked)
    for (let time = 0; time < 3; time += 1) noteWanted(mix, { ...place, doctorId, visitTypeId })
}

interface Wish {
  command: MixCommand
  kind: string
  wanted: Wanted | null
  isDesk?: boolean
  id?: string
  version?: number
}

type Step = Omit<Wish, 'wanted'> & { id: string; version: number; wanted?: Wanted }

/** A step of an appointment, sometimes only if it is still at the version that the client knows. */
function askStep(turn: Turn, step: Step): Promise<AnsweredAppointment | null> {
  const { version, ...rest } = step
  const isBound = turn.person.random() < 0.2
  return ask(turn, { wanted: null, ...rest, ...(isBound && { version }) })
}

/** Sends the wish as one request; answers the appointment, or null when it was refused. */
async function ask(
  turn: Turn,
  { command, kind, wanted, isDesk = false, id, version }: Wish,
  givenKey?: string,
): Promise<AnsweredAppointment | null> {
  const { mix, person } = turn
  const actor = isDesk ? pick(person, mix.network.desk)! : person.patient
  const isNew = id === undefined
  const key = givenKey ?? (person.random() < mix.keyedShare ? newId() : null)
  const sentAt = clock()
  return settle(turn, {
    client: person.index,
    command,
    kind,
    accountId: actor.accountId,
    as: actor.as,
    role: isDesk ? 'staff' : 'patient',
    line: isNew ? 'POST /appointments' : `POST /appointments/${id}/${command}`,
    body: bodyOf(command, wanted, isDesk),
    appointmentId: id ?? null,
    wanted,
    requestedVersion: version ?? null,
    key,
    sentAt,
    lastSentAt: sentAt,
    answeredAt: sentAt,
    status: 0,
    problem: null,
    answer: null,
  })
}

function bodyOf(command: MixCommand, wanted: Wanted | null, isDesk: boolean): object {
  if (wanted === null) return isDesk ? { reason: 'The clinic asked for it.' } : {}
  const { doctorId, visitTypeId, patientId, startsAt, isOverbooked } = wanted
  return {
    doctorId,
    visitTypeId,
    startsAt: formatInstant(startsAt, timeZone),
    ...(command !== 'reschedule' && { patientId }),
    ...(command === 'hold' && { hold: true }),
    ...(isOverbooked && { overbook: { reason: 'Acute pain' } }),
  }
}

/** Sends until there is an answer, and writes it down. */
async function settle(
  { mix, servers, person }: Turn,
  record: MixRecord,
): Promise<AnsweredAppointment | null> {
  for (;;) {
    record.lastSentAt = clock()
    let reply: Reply
    try {
      reply = await pick(person, servers)!.send(record.line, {
        as: record.as,
        key: record.key ?? undefined,
        ifMatch: record.requestedVersion ?? undefined,
        body: record.body,
      })
    } catch {
      mix.lost.push(record)
      throw new AnswerLost()
    }
    record.answeredAt = clock()
    record.status = reply.status
    if (reply.status === 503 && mix.toleratesBusy) {
      await pause(50)
      continue
    }
    if (reply.status < 300) record.answer = appointmentOf(reply)
    else record.problem = String(reply.body?.type ?? 'none').replace('/problems/', '')
    mix.records.push(record)
    if (record.answer !== null) remember(mix, record.answer)
    return record.answer
  }
}

function appointmentOf({ body }: Reply): AnsweredAppointment {
  return {
    id: body.id,
    status: body.status,
    version: body.version,
    sequence: body.sequence,
    startsAt: parseInstant(body.startsAt)!,
    endsAt: parseInstant(body.endsAt)!,
    doctorId: body.doctorId,
    patientId: body.patientId,
    visitTypeId: body.visitTypeId,
    isOverbooked: body.isOverbooked === true,
  }
}

function remember(mix: Mix, answer: AnsweredAppointment): void {
  const known = mix.known.get(answer.patientId)!
  const place = known.findIndex(({ id }) => id === answer.id)
  const before = known[place]
  if (before && before.version > answer.version) return
  if (place >= 0) known.splice(place, 1)
  const isGivenBack = answer.status === 'cancelled' || answer.startsAt !== before?.startsAt
  if (before && isGivenBack) noteFreed(mix, before)
  if (answer.status !== 'cancelled') known.push(answer)
}
