// Doctors' weekly hours from a file: all lines about a doctor together are the doctor's week.

import { VisitsAffected } from '#src/availability/affected-visits.ts'
import {
  hoursErrors,
  hoursRows,
  replaceHoursWithin,
  visitsLeftByHours,
  type WeeklyHoursInput,
} from '#src/availability/hours.ts'
import type { ScheduledDoctor } from '#src/availability/schedule.ts'
import {
  hoursOfDoctors,
  scheduledDoctors,
  type HoursRow,
} from '#src/availability/schedule-queries.ts'
import { WeeklyHoursSchema, weeklyHoursMax } from '#src/availability/schemas-schedule.ts'
import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Transact } from '#src/events/events.ts'
import {
  createNames,
  partsOf,
  problemsOfLine,
  schemaErrors,
  type LineProblems,
  type Names,
} from './import-cells.ts'
import type { ImportLine, ImportProblem } from './import-file.ts'
import {
  clinicNames,
  doctorNames,
  visitTypeNames,
  type NamedDoctorRow,
  type NamedRow,
} from './import-queries.ts'
import { ImportRefused, type ImportKind, type ImportPlan } from './import.ts'

const columns = [
  'doctor',
  'clinic',
  'weekday',
  'from',
  'to',
  'validFrom',
  'validUntil',
  'visitTypes',
] as const
type HoursColumn = (typeof columns)[number]

const columnsOfFields: Record<string, HoursColumn> = {
  '/clinicId': 'clinic',
  '/weekday': 'weekday',
  '/from': 'from',
  '/to': 'to',
  '/validFrom': 'validFrom',
  '/validUntil': 'validUntil',
  '/visitTypeIds': 'visitTypes',
}

/** A file of hours. Visits that they leave outside are in the way unless `despiteAffected`. */
export function hoursFiles(despiteAffected: boolean): ImportKind<HoursColumn> {
  return {
    name: 'hours',
    columns: { known: columns, required: ['doctor', 'clinic', 'weekday', 'from', 'to'] },
    plan: (context, db, lines) => planHours(context, db, { lines, despiteAffected }),
  }
}

interface Catalogue {
  clinics: Names<NamedRow>
  visitTypes: Names<NamedRow & { clinicId: string | null }>
  doctors: Names<NamedDoctorRow>
}

/** What a line says, as far as it can be read. */
interface Rule {
  problems: LineProblems<HoursColumn>
  doctorId: string | null
  hours: WeeklyHoursInput
  visitTypes: string[] | null
}

/** The week of a doctor that is not what it was. */
interface Week {
  doctor: ScheduledDoctor
  /** The first line about the doctor. */
  line: number
  hours: WeeklyHoursInput[]
  hadHours: boolean
}

async function planHours(
  context: SignedInContext,
  db: Queryable,
  options: { lines: readonly ImportLine<HoursColumn>[]; despiteAffected: boolean },
): Promise<ImportPlan> {
  const catalogue = await readCatalogue(context, db)
  const rules = options.lines.map((line) => readRule(line, catalogue))
  const doctors = await doctorsOf(db, rules)
  const stored = await storedWeeks(db, [...doctors.values()])
  const weeks: Week[] = []
  let unchanged = 0
  for (const [doctorId, ofDoctor] of Map.groupBy(rules, (rule) => rule.doctorId)) {
    const doctor = doctors.get(doctorId ?? '')
    if (doctor === undefined || !checkWeek(ofDoctor, doctor, catalogue)) continue
    const hours = ofDoctor.map((rule) => rule.hours)
    const before = stored.get(doctor.id) ?? []
    if (signatureOf(before) === signatureOf(hoursRows(hours, doctor))) unchanged += 1
    else
      weeks.push({
        doctor,
        line: ofDoctor[0]!.problems.line,
        hours,
        hadHours: before.length > 0,
      })
  }
  const problems = rules.flatMap((rule) => rule.problems.found)
  const affectedIds: string[] = []
  for (const week of weeks) {
    const rows = hoursRows(week.hours, week.doctor)
    const left = await visitsLeftByHours(context, db, { doctor: week.doctor, rows })
    if (left.count === 0) continue
    affectedIds.push(...left.visits.map(({ id }) => id))
    if (!options.despiteAffected) problems.push(affectedProblem(week, left.count))
  }
  const made = weeks.filter(({ hadHours }) => !hadHours).length
  return {
    problems,
    counts: { made, changed: weeks.length - made, unchanged },
    ...(affectedIds.length > 0 && { found: { affected: affectedIds } }),
    write: (tx) => writeHours(context, tx, { ...options, weeks }),
  }
}

async function readCatalogue(context: SignedInContext, db: Queryable): Promise<Catalogue> {
  const doctors = await doctorNames(db, context.clock())
  return {
    clinics: createNames('clinic', await clinicNames(db)),
    visitTypes: createNames('visit type', await visitTypeNames(db)),
    doctors: createNames('doctor', doctors, ({ name, email }) =>
      email === null ? [name] : [name, email],
    ),
  }
}

const weekdays = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const

function readRule({ line, cells }: ImportLine<HoursColumn>, catalogue: Catalogue): Rule {
  const problems = problemsOfLine<HoursColumn>(line)
  const clinicId = idOf(cells.clinic, { column: 'clinic', names: catalogue.clinics, problems })
  const doctors = cells.doctor === undefined ? [] : catalogue.doctors.find(cells.doctor)
  const doctorId = doctorIdOf(cells.doctor, { doctors, clinicId, catalogue, problems })
  const hours: WeeklyHoursInput = {
    clinicId: clinicId ?? '',
    weekday: weekdayOf(cells.weekday, problems),
    from: timeOf(cells.from),
    to: timeOf(cells.to),
    ...(cells.validFrom !== undefined && { validFrom: cells.validFrom }),
    ...(cells.validUntil !== undefined && { validUntil: cells.validUntil }),
  }
  if (clinicId !== null && hours.weekday !== 0)
    problems.addFields(schemaErrors(WeeklyHoursSchema, hours), columnsOfFields)
  const visitTypes = cells.visitTypes === undefined ? null : partsOf(cells.visitTypes)
  return { problems, doctorId, hours, visitTypes }
}

function idOf(
  cell: string | undefined,
  options: {
    column: HoursColumn
    names: Names<NamedRow>
    problems: LineProblems<HoursColumn>
  },
): string | null {
  const { column, names, problems } = options
  if (cell === undefined) {
    problems.add(column, `${column} must not be empty.`)
    return null
  }
  const [found, ...others] = names.find(cell)
  if (found === undefined) problems.add(column, names.unknown(cell))
  else if (others.length > 0)
    problems.add(
      column,
      `There are ${others.length + 1} called "${cell.slice(0, 60)}": give the id.`,
    )
  return found !== undefined && others.length === 0 ? found.id : null
}

/** Of namesakes the one who works at the clinic is meant. */
function doctorIdOf(
  cell: string | undefined,
  options: {
    doctors: readonly NamedDoctorRow[]
    clinicId: string | null
    catalogue: Catalogue
    problems: LineProblems<HoursColumn>
  },
): string | null {
  const { doctors, clinicId, catalogue, problems } = options
  const there =
    doctors.length > 1
      ? doctors.filter(({ clinicIds }) => clinicId !== null && clinicIds.includes(clinicId))
      : doctors
  if (cell === undefined) problems.add('doctor', 'doctor must not be empty.')
  else if (doctors.length === 0) problems.add('doctor', catalogue.doctors.unknown(cell))
  else if (there.length !== 1)
    problems.add(
      'doctor',
      `There are ${doctors.length} called "${cell.slice(0, 60)}": give the e-mail address or id.`,
    )
  return there.length === 1 ? there[0]!.id : null
}

/** 0 for none. */
function weekdayOf(cell: string | undefined, problems: LineProblems<HoursColumn>): number {
  const text = cell?.toLowerCase() ?? ''
  const number = /^[1-7]$/.test(text)
    ? Number(text)
    : text.length < 3
      ? 0
      : weekdays.findIndex((name) => name === text || name.slice(0, 3) === text) + 1
  if (number === 0)
    problems.add('weekday', 'weekday must be 1 (Monday) to 7 (Sunday), or the name of a day.')
  return number
}

/** As spreadsheets write a time of day: `9:00` and `09:00:00` are `09:00`. */
function timeOf(cell: string | undefined): string {
  return (cell ?? '').replace(/^(\d:)/, '0$1').replace(/^(\d\d:\d\d):00$/, '$1')
}

const doctorsAtOnce = 500

async function doctorsOf(
  db: Queryable,
  rules: readonly Rule[],
): Promise<Map<string, ScheduledDoctor>> {
  const ids = [...new Set(rules.flatMap(({ doctorId }) => doctorId ?? []))]
  const doctors = new Map<string, ScheduledDoctor>()
  for (let at = 0; at < ids.length; at += doctorsAtOnce)
    for (const doctor of await scheduledDoctors(db, ids.slice(at, at + doctorsAtOnce)))
      doctors.set(doctor.id, doctor)
  return doctors
}

async function storedWeeks(
  db: Queryable,
  doctors: readonly ScheduledDoctor[],
): Promise<Map<string, HoursRow[]>> {
  const rows: (HoursRow & { doctor_id: string })[] = []
  for (let at = 0; at < doctors.length; at += doctorsAtOnce)
    rows.push(...(await hoursOfDoctors(db, doctors.slice(at, at + doctorsAtOnce))))
  return Map.groupBy(rows, (row) => row.doctor_id)
}

/** Whether the lines make a week for the doctor; what is wrong becomes problems of the lines. */
function checkWeek(rules: readonly Rule[], doctor: ScheduledDoctor, catalogue: Catalogue): boolean {
  for (const rule of rules) readVisitTypes(rule, doctor, catalogue)
  if (rules.length > weeklyHoursMax)
    rules[0]!.problems.add(
      'doctor',
      `The doctor has ${rules.length} lines, of at most ${weeklyHoursMax}.`,
    )
  if (rules.some(({ problems }) => problems.found.length > 0)) return false
  const errors = hoursErrors(
    rules.map(({ hours }) => hours),
    doctor,
  )
  for (const error of errors) {
    const [, index = '', rest = ''] = /^\/hours\/(\d+)(\/.*)$/.exec(error.pointer) ?? []
    const detail = error.detail.replace(error.pointer, rest)
    rules[Number(index)]!.problems.addFields([{ ...error, pointer: rest, detail }], columnsOfFields)
  }
  return errors.length === 0
}

/** A name stands for all visit types so called that the doctor offers at the clinic. */
function readVisitTypes(rule: Rule, doctor: ScheduledDoctor, { visitTypes }: Catalogue): void {
  if (rule.visitTypes === null) return
  const ids = rule.visitTypes.flatMap((text) => {
    const found = visitTypes.find(text)
    const offered = found.filter(
      ({ id, clinicId }) =>
        doctor.visitTypeIds.includes(id) && (clinicId === null || clinicId === rule.hours.clinicId),
    )
    if (found.length === 0) rule.problems.add('visitTypes', visitTypes.unknown(text))
    else if (offered.length === 0)
      rule.problems.add('visitTypes', `"${text.slice(0, 60)}" is not offered by the doctor there.`)
    return offered.map(({ id }) => id)
  })
  rule.hours.visitTypeIds = [...new Set(ids)]
}

/** The same for weeks of the same rules, in whatever order. */
function signatureOf(rows: readonly HoursRow[]): string {
  return rows
    .map((row) =>
      JSON.stringify([
        row.clinic_id,
        row.weekday,
        row.from_minute,
        row.to_minute,
        row.valid_from,
        row.valid_until,
        row.visit_type_ids?.toSorted() ?? null,
      ]),
    )
    .toSorted()
    .join()
}

function affectedProblem({ line }: Week, count: number): ImportProblem {
  const subject = count === 1 ? '1 booked visit' : `${count} booked visits`
  return {
    line,
    column: 'doctor',
    detail: `${subject} of the doctor would lie outside these hours. Move them first, or import with despiteAffected=true.`,
  }
}

async function writeHours(
  context: SignedInContext,
  tx: Transact,
  plan: {
    weeks: readonly Week[]
    lines: readonly unknown[]
    despiteAffected: boolean
  },
): Promise<void> {
  const { despiteAffected } = plan
  const inOrder = plan.weeks.toSorted((one, other) => (one.doctor.id < other.doctor.id ? -1 : 1))
  for (const week of inOrder)
    try {
      const doctorId = week.doctor.id
      await replaceHoursWithin(context, tx, { doctorId, hours: week.hours, despiteAffected })
    } catch (error) {
      // One that was booked since the plan was made.
      if (!(error instanceof VisitsAffected)) throw error
      throw new ImportRefused(plan.lines.length, [affectedProblem(week, error.ids.length)], {
        affected: error.ids,
      })
    }
}
