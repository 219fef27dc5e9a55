import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatUtc } from '#src/kernel/time.ts'
import { newId } from '#src/kernel/ids.ts'
import { importCsv } from '../../test/support/csv.ts'
import { signInAs } from '../../test/support/network.ts'
import { startSeparate } from '../../test/support/visita.ts'

const guide = readFileSync(new URL('../../docs/guides/importing.md', import.meta.url), 'utf8')

test('the files of the guide are imported as they are printed, and again change nothing', async (t) => {
  // Its own database: the guide's people have ordinary names, which others give theirs too.
  const { app, runtime, stop } = await startSeparate()
  t.after(stop)
  const { db } = runtime
  const created_at = formatUtc(runtime.clock())
  const clinicId = newId()
  await db
    .insertInto('clinic')
    .values({
      id: clinicId,
      name: 'Clinique du Canal',
      city: 'Paris',
      country: 'FR',
      time_zone: 'Europe/Paris',
      created_at,
    })
    .execute()
  await db
    .insertInto('specialty')
    .values({ id: newId(), code: 'cardiology', name: 'Cardiology' })
    .execute()
  const visitType = { duration_minutes: 30, mode: 'in_person' as const, created_at }
  await db
    .insertInto('visit_type')
    .values([
      { ...visitType, id: newId(), clinic_id: clinicId, name: 'Consultation' },
      { ...visitType, id: newId(), clinic_id: clinicId, name: 'Echo' },
    ])
    .execute()
  const as = await signInAs(runtime, { role: 'admin' })
  const files = [...guide.matchAll(/```csv\n([^]*?)```/g)].map(([, text]) => text!)
  assert.equal(files.length, 3)
  for (const [index, kind] of ['doctors', 'hours', 'patients'].entries()) {
    const text = files[index]!
    const dry = await importCsv(app, `${kind}?dryRun=true`, { as, text })
    assert.deepEqual(dry.body.problems, [], kind)
    const { status, body } = await importCsv(app, kind, { as, text })
    assert.equal(status, 200)
    assert.deepEqual(body, { ...dry.body, dryRun: false })
    assert.equal(body.made, 2, kind)
    const again = await importCsv(app, kind, { as, text })
    assert.deepEqual(
      [again.status, again.body.made, again.body.changed, again.body.unchanged],
      [200, 0, 0, 2],
      kind,
    )
  }
})
