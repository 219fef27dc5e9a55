// The family of the demo: a child of the first patient, and what is known of the health of the two. All of
// it is made up.

import type { Runtime } from '#src/context.ts'
import type { Queryable } from '#src/db/connect.ts'
import { newId } from '#src/kernel/ids.ts'
import { addDays, localDateOf, type Instant } from '#src/kernel/time.ts'
import { sealContent, type EntryContent } from '#src/medical-history/content.ts'
import { insertEntry, type EntryKind } from '#src/medical-history/queries.ts'
import { recomputeChildEnds } from '#src/patients/access-ends.ts'
import { clinics } from './clinics.ts'
import type { Account, Directory } from './directory.ts'
import { firstPatient } from './sign-ins.ts'

type Patient = Directory['patients'][number]

const child = { name: 'Mila Vogelsang', ageYears: 6 }

/** The child of the first patient, whose account books for both. */
export function childOf(accounts: readonly Account[], now: Instant): Patient[] {
  const parent = accounts.find(({ email }) => email === firstPatient.email)
  const { clinic = 'berlin' } = firstPatient
  if (parent === undefined) return []
  return [
    {
      id: newId(),
      accountId: parent.id,
      relation: 'parent',
      name: child.name,
      phone: parent.phone,
      email: null,
      dateOfBirth: addDays(
        localDateOf(now, clinics[clinic].timeZone),
        -(child.ageYears * 365 + 90),
      ),
      isChild: true,
      clinic,
    },
  ]
}

interface DemoEntry {
  of: string
  kind: EntryKind
  content: EntryContent
  daysAgo: number
  /** By the name of the doctor; without it, by the first patient's account. */
  doctor?: string
  /** That this one replaces the one before it. */
  corrects?: true
}

const entries: readonly DemoEntry[] = [
  {
    of: firstPatient.name,
    kind: 'allergy',
    content: { text: 'Penicillin', details: { reaction: 'Rash on the arms', severity: 'mild' } },
    daysAgo: 55,
  },
  {
    of: firstPatient.name,
    kind: 'medicine',
    content: { text: 'Magnesium', details: { dose: '300 mg in the morning' } },
    daysAgo: 55,
  },
  {
    of: firstPatient.name,
    kind: 'medicine',
    content: {
      text: 'Magnesium',
      details: { dose: '300 mg in the evening' },
      reason: 'It is taken in the evening.',
    },
    daysAgo: 54,
    corrects: true,
  },
  {
    of: firstPatient.name,
    kind: 'condition',
    content: { text: 'Palpitations at rest, harmless', details: { since: '2024' } },
    daysAgo: 12,
    doctor: 'Amira Haddad',
  },
  {
    of: child.name,
    kind: 'allergy',
    content: { text: 'Hazelnuts', details: { reaction: 'Itching mouth', severity: 'moderate' } },
    daysAgo: 50,
  },
  {
    of: child.name,
    kind: 'note',
    content: { text: 'Would like to choose the plaster herself.' },
    daysAgo: 50,
  },
]

/** Writes the histories, and until when the parent acts for the child. */
export async function writeFamily(
  { vault }: Pick<Runtime, 'vault'>,
  db: Queryable,
  { directory, now }: { directory: Directory; now: Instant },
): Promise<void> {
  for (const { id, relation } of directory.patients)
    if (relation === 'parent') await recomputeChildEnds(db, { patientId: id, now })
  let formerId: string | null = null
  for (const { of, kind, content, daysAgo, doctor, corrects } of entries) {
    const patient = directory.patients.find(({ name }) => name === of)
    const authorDoctor = directory.doctors.find(({ name }) => name === doctor)
    const author = authorDoctor ?? patient
    if (patient === undefined || !author?.accountId) continue
    const id = newId()
    await insertEntry(db, {
      id,
      patientId: patient.id,
      kind,
      content: sealContent(vault, id, content),
      takesBack: false,
      authorId: author.accountId,
      authorDoctorId: authorDoctor?.id ?? null,
      side: doctor === undefined ? 'patient' : 'doctor',
      recordedAt: now - daysAgo * 86_400_000,
      corrects: corrects ? formerId : null,
    })
    formerId = id
  }
}
