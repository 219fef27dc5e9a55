// Files of doctors, hours and patients, for a network that moves in.

import { Type } from 'typebox'
import { signedIn } from '#src/http/request.ts'
import { ref } from '#src/http/schema.ts'
import type { App } from '#src/http/server.ts'
import { doctorFiles } from './import-doctors.ts'
import { hoursFiles } from './import-hours.ts'
import { patientFiles } from './import-patients.ts'
import {
  HoursImportQuery,
  ImportQuery,
  ImportRefusedSchema,
  ImportSchema,
} from './import-schemas.ts'
import { importFile } from './import.ts'

const bodyLimit = 5 * 1024 * 1024

const route = {
  bodyLimit,
  config: { audience: ['admin'], limit: 'heavy' },
} as const

const what =
  'A CSV file in UTF-8 with a header line; the separator is a semicolon, a comma or a tab. At most 5,000 lines and 5 MiB. All of it is imported, or with a problem nothing. The same file again changes nothing. See docs/guides/importing.md.'

const responses = {
  200: ref(ImportSchema),
  422: {
    description: 'The file has problems (invalid-request)',
    content: { 'application/problem+json': { schema: ref(ImportRefusedSchema) } },
  },
}

function file(example: string) {
  return Type.String({ description: 'A CSV file (RFC 4180).', examples: [example] })
}

export function importRoutes(app: App): void {
  app.post(
    '/admin/import/doctors',
    {
      ...route,
      schema: {
        operationId: 'importDoctors',
        summary: 'Import doctors from a CSV file',
        description: `${what} Columns: name, title, designation, specialties, clinics, visitTypes, languages, email, phone, bio, acceptingNewPatients, bookingMode, invite. Lists are separated by \`|\`. An empty cell leaves as it is what is there.`,
        tags: ['admin'],
        consumes: ['text/csv'],
        querystring: ImportQuery,
        body: file(
          'name;title;languages;email\nClaire Moreau;Dr.;fr|en;claire.moreau@example.org\n',
        ),
        response: responses,
      },
    },
    async (request) =>
      importFile(signedIn(request), doctorFiles, {
        text: request.body,
        dryRun: request.query.dryRun === true,
      }),
  )

  app.post(
    '/admin/import/hours',
    {
      ...route,
      schema: {
        operationId: 'importHours',
        summary: "Import doctors' weekly hours from a CSV file",
        description: `${what} Columns: doctor, clinic, weekday, from, to, validFrom, validUntil, visitTypes. All lines about a doctor together replace the doctor's hours; other doctors keep theirs.`,
        tags: ['admin'],
        consumes: ['text/csv'],
        querystring: HoursImportQuery,
        body: file(
          'doctor;clinic;weekday;from;to\nclaire.moreau@example.org;Clinique du Canal;Monday;09:00;12:30\n',
        ),
        response: responses,
      },
    },
    async (request) =>
      importFile(signedIn(request), hoursFiles(request.query.despiteAffected === true), {
        text: request.body,
        dryRun: request.query.dryRun === true,
      }),
  )

  app.post(
    '/admin/import/patients',
    {
      ...route,
      schema: {
        operationId: 'importPatients',
        summary: 'Import patients from a CSV file',
        description: `${what} Columns: name, dateOfBirth, phone, email, locale, clinic, street, postalCode, city, country, insuranceNumber, emergencyName, emergencyPhone, emergencyRelation, despiteDuplicates. Whom the network seems to know is a problem, unless despiteDuplicates is yes.`,
        tags: ['admin'],
        consumes: ['text/csv'],
        querystring: ImportQuery,
        body: file('name;dateOfBirth;phone\nAnna Berg;1984-07-19;+33 1 42 68 53 00\n'),
        response: responses,
      },
    },
    async (request) =>
      importFile(signedIn(request), patientFiles, {
        text: request.body,
        dryRun: request.query.dryRun === true,
      }),
  )
}
