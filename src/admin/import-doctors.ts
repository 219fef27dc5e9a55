// Doctors from a file: each line is a profile, which is made or brought to what the line says.

import type { SignedInContext } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import {
  changeDoctorWithin,
  createDoctorWithin,
  doctorsByIds,
  type DoctorRow,
} from '#src/doctors/doctors.ts'
import { canonicalLanguages } from '#src/doctors/languages.ts'
import { NewDoctorSchema, type DoctorChange, type NewDoctor } from '#src/doctors/schemas.ts'
import type { Transact } from '#src/events/events.ts'
import { inviteWithin } from '#src/identity/invitations.ts'
import { InvalidRequest } from '#src/kernel/errors.ts'
import {
  createNames,
  foldName,
  partsOf,
  problemsOfLine,
  readYesOrNo,
  schemaErrors,
  type LineProblems,
  type Names,
} from './import-cells.ts'
import type { ImportLine } from './import-file.ts'
import {
  addressesWithAccount,
  clinicNames,
  doctorNames,
  specialtyNames,
  visitTypeNames,
  type NamedDoctorRow,
  type NamedRow,
} from './import-queries.ts'
import type { ImportKind, ImportPlan } from './import.ts'

const columns = [
  'name',
  'title',
  'designation',
  'specialties',
  'clinics',
  'visitTypes',
  'languages',
  'email',
  'phone',
  'bio',
  'acceptingNewPatients',
  'bookingMode',
  'invite',
] as const
type DoctorColumn = (typeof columns)[number]

const columnsOfFields: Record<string, DoctorColumn> = {
  '/name': 'name',
  '/title': 'title',
  '/designation': 'designation',
  '/specialtyIds': 'specialties',
  '/clinicIds': 'clinics',
  '/visitTypeIds': 'visitTypes',
  '/languages': 'languages',
  '/email': 'email',
  '/phone': 'phone',
  '/bio': 'bio',
  '/bookingMode': 'bookingMode',
}

/** A file of doctors. */
export const doctorFiles: ImportKind<DoctorColumn> = {
  name: 'doctors',
  columns: { known: columns, required: ['name'] },
  plan: planDoctors,
}

interface Catalogue {
  clinics: Names<NamedRow>
  specialties: Names<NamedRow & { code: string }>
  visitTypes: Names<NamedRow & { clinicId: string | null }>
  doctors: readonly NamedDoctorRow[]
  /** Those of the addresses that belong to an account, in lower case. */
  taken: ReadonlySet<string>
}

/** A line whose doctor is known to be there, or to be new. */
interface Wanted {
  line: number
  fields: NewDoctor
  known: NamedDoctorRow | null
  invitation: string | null
}

async function planDoctors(
  context: SignedInContext,
  db: Queryable,
  lines: readonly ImportLine<DoctorColumn>[],
): Promise<ImportPlan> {
  const catalogue = await readCatalogue(context, db, lines)
  const namesakes = createDoctorIndex(catalogue.doctors)
  const wanted: Wanted[] = []
  const problems = lines.flatMap(({ line, cells }) => {
    const found = problemsOfLine<DoctorColumn>(line)
    const fields = readFields(cells, { catalogue, problems: found })
    if (fields === null) return found.found
    const known = namesakes.claim(fields, found)
    if (known === undefined) return found.found
    readVisitTypes(cells, { fields, known, catalogue, problems: found })
    found.addFields(schemaErrors(NewDoctorSchema, fields), columnsOfFields)
    const invitation = readInvitation(cells, { fields, known, catalogue, problems: found })
    if (found.found.length === 0) wanted.push({ line, fields, known, invitation })
    return found.found
  })
  const profiles = await profilesOf(db, wanted)
  const changes = wanted.flatMap(({ fields, known }) => {
    const profile = known && profiles.get(known.id)
    const change = profile && changeOf(profile, fields)
    return profile && change && Object.keys(change).length > 0
      ? [{ doctorId: profile.id, change }]
      : []
  })
  const made = wanted.filter(({ known }) => known === null)
  return {
    problems,
    counts: {
      made: made.length,
      changed: changes.length,
      unchanged: wanted.length - made.length - changes.length,
      invited: wanted.filter(({ invitation }) => invitation !== null).length,
    },
    write: (tx) => writeDoctors(context, tx, { made, changes, wanted }),
  }
}

async function readCatalogue(
  context: SignedInContext,
  db: Queryable,
  lines: readonly ImportLine<DoctorColumn>[],
): Promise<Catalogue> {
  const doctors = await doctorNames(db, context.clock())
  const addresses = [...lines.map(({ cells }) => cells), ...doctors].flatMap(
    ({ email }) => email ?? [],
  )
  return {
    clinics: createNames('clinic', await clinicNames(db)),
    specialties: createNames('specialty', await specialtyNames(db), ({ name, code }) => [
      name,
      code,
    ]),
    visitTypes: createNames('visit type', await visitTypeNames(db)),
    doctors,
    taken: new Set(await addressesWithAccount(db, addresses)),
  }
}

/** What the line says of the profile, visit types apart; null for a line without a name. */
function readFields(
  cells: ImportLine<DoctorColumn>['cells'],
  { catalogue, problems }: { catalogue: Catalogue; problems: LineProblems<DoctorColumn> },
): NewDoctor | null {
  const { name, title, designation, email, phone, bio } = cells
  if (name === undefined) problems.add('name', 'name must not be empty.')
  const specialtyIds = idsIn(cells, 'specialties', { names: catalogue.specialties, problems })
  const clinicIds = idsIn(cells, 'clinics', { names: catalogue.clinics, problems })
  const languages = readLanguages(cells.languages, problems)
  const accepting = readYesOrNo(cells, 'acceptingNewPatients', problems)
  const bookingMode = cells.bookingMode?.toLowerCase().replaceAll(/[\s-]/g, '_')
  if (name === undefined) return null
  return {
    name: name.normalize('NFC'),
    ...(title !== undefined && { title }),
    ...(designation !== undefined && { designation }),
    ...(specialtyIds !== undefined && { specialtyIds }),
    ...(clinicIds !== undefined && { clinicIds }),
    ...(languages !== undefined && { languages }),
    ...(email !== undefined && { email }),
    ...(phone !== undefined && { phone }),
    ...(bio !== undefined && { bio }),
    ...(accepting !== undefined && { acceptingNewPatients: accepting }),
    // One that the schema does not know becomes a problem there.
    ...(bookingMode !== undefined && { bookingMode: bookingMode as 'instant' | 'on_request' }),
  }
}

/** The ids that the cell's parts name, each of which must name one thing; undefined for an empty cell. */
function idsIn<Row extends NamedRow>(
  cells: ImportLine<DoctorColumn>['cells'],
  column: DoctorColumn,
  { names, problems }: { names: Names<Row>; problems: LineProblems<DoctorColumn> },
): string[] | undefined {
  const cell = cells[column]
  if (cell === undefined) return undefined
  const ids = partsOf(cell).flatMap((part) => {
    const found = names.find(part)
    if (found.length === 0) problems.add(column, names.unknown(part))
    if (found.length > 1)
      problems.add(column, `There are ${found.length} called "${part.slice(0, 60)}": give the id.`)
    return found.length === 1 ? [found[0]!.id] : []
  })
  return [...new Set(ids)]
}

function readLanguages(
  cell: string | undefined,
  problems: LineProblems<DoctorColumn>,
): string[] | undefined {
  if (cell === undefined) return undefined
  try {
    return canonicalLanguages(partsOf(cell))
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error
    problems.add('languages', 'languages must be BCP 47 tags such as fr or pt-BR, separated by |.')
    return undefined
  }
}

/** A name stands for all visit types so called of the network and of the doctor's clinics. */
function readVisitTypes(
  cells: ImportLine<DoctorColumn>['cells'],
  line: {
    fields: NewDoctor
    known: NamedDoctorRow | null
    catalogue: Catalogue
    problems: LineProblems<DoctorColumn>
  },
): void {
  const { fields, known, catalogue, problems } = line
  if (cells.visitTypes === undefined) return
  const clinicIds = fields.clinicIds ?? known?.clinicIds ?? []
  const ids = partsOf(cells.visitTypes).flatMap((part) => {
    const found = catalogue.visitTypes.find(part)
    const theirs = found.filter(({ clinicId }) => clinicId === null || clinicIds.includes(clinicId))
    if (found.length === 0) problems.add('visitTypes', catalogue.visitTypes.unknown(part))
    else if (theirs.length === 0)
      problems.add(
        'visitTypes',
        `"${part.slice(0, 60)}" is a visit type of a clinic that is not among the doctor's.`,
      )
    return theirs.map(({ id }) => id)
  })
  fields.visitTypeIds = [...new Set(ids)]
}

/** The address to invite the doctor by; null for nobody, and for who has an account or an open invitation. */
function readInvitation(
  cells: ImportLine<DoctorColumn>['cells'],
  line: {
    fields: NewDoctor
    known: NamedDoctorRow | null
    catalogue: Catalogue
    problems: LineProblems<DoctorColumn>
  },
): string | null {
  const { fields, known, catalogue, problems } = line
  if (readYesOrNo(cells, 'invite', problems) !== true) return null
  if (known !== null && (known.accountId !== null || known.isInvited)) return null
  const email = fields.email ?? known?.email ?? null
  if (email === null) problems.add('invite', 'invite needs an e-mail address in email.')
  else if (catalogue.taken.has(email.toLowerCase()))
    problems.add(
      'invite',
      'This address has an account already: leave invite out, and give the profile to the account.',
    )
  return email
}

/**
 * Tells whose profile a line is: that with its e-mail address; without one, the doctor of its name at one
 * of its clinics, or anywhere where it names none.
 */
function createDoctorIndex(doctors: readonly NamedDoctorRow[]) {
  const byEmail = Map.groupBy(
    doctors.filter(({ email }) => email !== null),
    ({ email }) => email?.toLowerCase() ?? '',
  )
  const byName = Map.groupBy(doctors, ({ name }) => foldName(name))
  const claimed = new Map<string, number>()
  const newByEmail = new Map<string, number>()
  const newByName = new Map<string, { line: number; fields: NewDoctor }[]>()

  function find(fields: NewDoctor): NamedDoctorRow[] {
    const name = foldName(fields.name)
    const sameEmail = byEmail.get(fields.email?.toLowerCase() ?? '') ?? []
    if (sameEmail.length === 1) return sameEmail
    if (sameEmail.length > 1) {
      const sameName = sameEmail.filter((doctor) => foldName(doctor.name) === name)
      return sameName.length === 1 ? sameName : sameEmail
    }
    return (byName.get(name) ?? []).filter(
      ({ email, clinicIds }) =>
        (fields.email === undefined || email === null) && meet(fields.clinicIds, clinicIds),
    )
  }

  function earlierLineOf(fields: NewDoctor): number | undefined {
    const { email, name, clinicIds } = fields
    return (
      newByEmail.get(email?.toLowerCase() ?? '') ??
      (newByName.get(foldName(name)) ?? []).find(
        (other) =>
          (email === undefined || other.fields.email === undefined) &&
          meet(clinicIds, other.fields.clinicIds),
      )?.line
    )
  }

  return {
    /** The doctor that the line is about, null for a new one, undefined for a line with a problem. */
    claim(
      fields: NewDoctor,
      problems: LineProblems<DoctorColumn>,
    ): NamedDoctorRow | null | undefined {
      const [doctor, ...others] = find(fields)
      const column = fields.email === undefined ? 'name' : 'email'
      if (others.length > 0) {
        problems.add(
          column,
          `${others.length + 1} doctors may be meant: give an e-mail address that one has alone.`,
        )
        return undefined
      }
      const earlier = doctor === undefined ? earlierLineOf(fields) : claimed.get(doctor.id)
      if (earlier !== undefined) {
        problems.add(column, `Line ${earlier} is about this doctor already.`)
        return undefined
      }
      if (doctor !== undefined) claimed.set(doctor.id, problems.line)
      else {
        const mine = { line: problems.line, fields }
        if (fields.email !== undefined) newByEmail.set(fields.email.toLowerCase(), problems.line)
        const name = foldName(fields.name)
        newByName.set(name, [...(newByName.get(name) ?? []), mine])
      }
      return doctor ?? null
    },
  }
}

function meet(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || one.length === 0 || other === undefined) return true
  return one.some((id) => other.includes(id))
}

const profilesAtOnce = 500

async function profilesOf(
  db: Queryable,
  wanted: readonly Wanted[],
): Promise<Map<string, DoctorRow>> {
  const ids = wanted.flatMap(({ known }) => (known === null ? [] : [known.id]))
  const profiles = new Map<string, DoctorRow>()
  for (let at = 0; at < ids.length; at += profilesAtOnce)
    for (const row of await doctorsByIds(db, ids.slice(at, at + profilesAtOnce)))
      profiles.set(row.id, row)
  return profiles
}

/** The fields in which the profile is not as the line says. */
function changeOf(row: DoctorRow, fields: NewDoctor): DoctorChange {
  const now: NewDoctor = {
    name: row.name,
    ...(row.title !== null && { title: row.title }),
    ...(row.designation !== null && { designation: row.designation }),
    ...(row.phone !== null && { phone: row.phone }),
    ...(row.email !== null && { email: row.email }),
    ...(row.bio !== null && { bio: row.bio }),
    languages: row.languages,
    acceptingNewPatients: row.accepting_new_patients,
    bookingMode: row.booking_mode,
    specialtyIds: sorted(row.specialties.map(({ id }) => id)),
    clinicIds: sorted(row.clinics.map(({ id }) => id)),
    visitTypeIds: sorted(row.visitTypes.map(({ id }) => id)),
  }
  const wanted: NewDoctor = {
    ...fields,
    ...(fields.specialtyIds && { specialtyIds: sorted(fields.specialtyIds) }),
    ...(fields.clinicIds && { clinicIds: sorted(fields.clinicIds) }),
    ...(fields.visitTypeIds && { visitTypeIds: sorted(fields.visitTypeIds) }),
  }
  const before = new Map<string, unknown>(Object.entries(now))
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([field, value]) => JSON.stringify(value) !== JSON.stringify(before.get(field)),
    ),
  )
}

function sorted(ids: readonly string[]): string[] {
  return ids.toSorted()
}

async function writeDoctors(
  context: SignedInContext,
  tx: Transact,
  plan: {
    made: readonly Wanted[]
    changes: readonly { doctorId: string; change: DoctorChange }[]
    wanted: readonly Wanted[]
  },
): Promise<void> {
  const ids = new Map<Wanted, string>()
  for (const one of plan.made) ids.set(one, await createDoctorWithin(context, tx, one.fields))
  // In the order of their ids, so that no two transactions wait for each other.
  const changes = plan.changes.toSorted((one, other) => (one.doctorId < other.doctorId ? -1 : 1))
  for (const { doctorId, change } of changes)
    await changeDoctorWithin(context, tx, { doctorId, change, requestedVersion: null })
  for (const one of plan.wanted) {
    const doctorId = one.known?.id ?? ids.get(one)
    if (one.invitation !== null && doctorId !== undefined)
      await inviteWithin(context, tx, { role: 'doctor', email: one.invitation, doctorId })
  }
}
