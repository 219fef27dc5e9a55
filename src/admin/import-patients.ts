// Patients from a file: people whom a clinic knows and who have no account, each registered as a desk would.

import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import type { Transact } from '#src/events/events.ts'
import { InvalidRequest } from '#src/kernel/errors.ts'
import {
  readNewPatient,
  writeNewPatients,
  type NewPatient,
  type PatientToWrite,
} from '#src/patients/desk-registration.ts'
import { compareAll, type LikelySame } from '#src/patients/namesakes.ts'
import { NewPatientSchema } from '#src/patients/schemas.ts'
import { lockRegistrations } from '#src/patients/search-queries.ts'
import {
  createNames,
  problemsOfLine,
  readYesOrNo,
  schemaErrors,
  type LineProblems,
  type Names,
} from './import-cells.ts'
import type { ImportLine } from './import-file.ts'
import { clinicNames, type NamedRow } from './import-queries.ts'
import type { ImportKind, ImportPlan } from './import.ts'

const columns = [
  'name',
  'dateOfBirth',
  'phone',
  'email',
  'locale',
  'clinic',
  'street',
  'postalCode',
  'city',
  'country',
  'insuranceNumber',
  'emergencyName',
  'emergencyPhone',
  'emergencyRelation',
  'despiteDuplicates',
] as const
type PatientColumn = (typeof columns)[number]

const columnsOfFields: Record<string, PatientColumn> = {
  '/name': 'name',
  '/dateOfBirth': 'dateOfBirth',
  '/phone': 'phone',
  '/email': 'email',
  '/locale': 'locale',
  '/clinicId': 'clinic',
  '/address/street': 'street',
  '/address/postalCode': 'postalCode',
  '/address/city': 'city',
  '/address/country': 'country',
  '/insuranceNumber': 'insuranceNumber',
  '/emergencyContact': 'emergencyName',
  '/emergencyContact/name': 'emergencyName',
  '/emergencyContact/phone': 'emergencyPhone',
  '/emergencyContact/relation': 'emergencyRelation',
}

/** A file of patients. */
export const patientFiles: ImportKind<PatientColumn> = {
  name: 'patients',
  columns: { known: columns, required: ['name'] },
  plan: planPatients,
  lock: lockRegistrations,
}

interface Wanted extends PatientToWrite {
  problems: LineProblems<PatientColumn>
}

async function planPatients(
  context: SignedInContext,
  db: Queryable,
  lines: readonly ImportLine<PatientColumn>[],
): Promise<ImportPlan> {
  const clinics = createNames('clinic', await clinicNames(db))
  const read = lines.map((line) => readLine(context, line, clinics))
  const wanted = read.flatMap(({ wanted: one }) => one ?? [])
  const { known, likely } = await compareAll(
    db,
    wanted.map(({ patient, clinicId }) => ({ ...patient, clinicId })),
  )
  for (const [place, same] of likely) {
    const { problems, despiteDuplicates } = wanted[place]!
    if (!despiteDuplicates) problems.add(null, sentenceOf(same, wanted))
  }
  const made = wanted.filter(({ problems }, place) => !known.has(place) && isSound(problems))
  const found = [...likely.values()].flatMap((same) => ('patientId' in same ? same.patientId : []))
  return {
    problems: read.flatMap(({ problems }) => problems.found),
    counts: { made: made.length, changed: 0, unchanged: known.size },
    ...(found.length > 0 && { found: { found: [...new Set(found)] } }),
    write: (tx) => writePatients(context, tx, made),
  }
}

function isSound({ found }: LineProblems<PatientColumn>): boolean {
  return found.length === 0
}

function readLine(
  context: SignedInContext,
  { line, cells }: ImportLine<PatientColumn>,
  clinics: Names<NamedRow>,
): { problems: LineProblems<PatientColumn>; wanted: Wanted | null } {
  const problems = problemsOfLine<PatientColumn>(line)
  const clinicId = clinicOf(cells.clinic, { clinics, problems })
  const despiteDuplicates = readYesOrNo(cells, 'despiteDuplicates', problems) === true
  const input = inputOf(cells)
  problems.addFields(schemaErrors(NewPatientSchema, input), columnsOfFields)
  if (!isSound(problems)) return { problems, wanted: null }
  try {
    const patient = readNewPatient(context, input)
    return { problems, wanted: { problems, patient, clinicId, despiteDuplicates } }
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error
    problems.addFields(error.errors, columnsOfFields)
    return { problems, wanted: null }
  }
}

function clinicOf(
  cell: string | undefined,
  options: { clinics: Names<NamedRow>; problems: LineProblems<PatientColumn> },
): string | null {
  const { clinics, problems } = options
  if (cell === undefined) return null
  const [found, ...others] = clinics.find(cell)
  if (found === undefined) problems.add('clinic', clinics.unknown(cell))
  else if (others.length > 0)
    problems.add(
      'clinic',
      `There are ${others.length + 1} called "${cell.slice(0, 60)}": give the id.`,
    )
  return found?.id ?? null
}

/** What a desk would send. A name that is missing is left to the schema. */
function inputOf(cells: ImportLine<PatientColumn>['cells']): NewPatient {
  const { name = '', dateOfBirth, phone, email, locale, insuranceNumber } = cells
  const { street, postalCode, city, country } = cells
  const { emergencyName, emergencyPhone, emergencyRelation } = cells
  const address = {
    ...(street !== undefined && { street }),
    ...(postalCode !== undefined && { postalCode }),
    ...(city !== undefined && { city }),
    ...(country !== undefined && { country }),
  }
  const emergencyContact = {
    ...(emergencyName !== undefined && { name: emergencyName }),
    ...(emergencyPhone !== undefined && { phone: emergencyPhone }),
    ...(emergencyRelation !== undefined && { relation: emergencyRelation }),
  }
  return {
    name,
    ...(dateOfBirth !== undefined && { dateOfBirth }),
    ...(phone !== undefined && { phone }),
    ...(email !== undefined && { email }),
    ...(locale !== undefined && { locale }),
    ...(Object.keys(address).length > 0 && { address }),
    ...(insuranceNumber !== undefined && { insuranceNumber }),
    ...(Object.keys(emergencyContact).length > 0 && {
      // One that is not whole becomes a problem by the schema.
      emergencyContact: emergencyContact as NonNullable<NewPatient['emergencyContact']>,
    }),
  }
}

function sentenceOf(same: LikelySame, wanted: readonly Wanted[]): string {
  if ('index' in same && same.isEqual)
    return `This is line ${wanted[same.index]!.problems.line} again. Take it out, or say yes in despiteDuplicates.`
  const whom =
    'patientId' in same
      ? `a patient who is known already (${same.patientId})`
      : `the one of line ${wanted[same.index]!.problems.line}`
  return `This person seems to be ${whom}. Take the line out, or say yes in despiteDuplicates.`
}

const writtenAtOnce = 500

async function writePatients(
  context: SignedInContext,
  tx: Transact,
  made: readonly Wanted[],
): Promise<void> {
  for (let at = 0; at < made.length; at += writtenAtOnce)
    await writeNewPatients(context, tx, made.slice(at, at + writtenAtOnce))
}
