import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '#src/kernel/ids.ts'
import { call, pointersOf } from '#test/support/network.ts'
import { testVisita } from '#test/support/visita.ts'

const { app, runtime } = await testVisita()
const password = 'four wet herons wait'

function register(body: object) {
  const email = `${newId()}@example.org`
  return call(app, 'POST /auth/register', { body: { email, password, name: 'Anna Berg', ...body } })
}

test('who registers gets an account, a patient record to manage, and is signed in', async () => {
  const email = `Anna.${newId()}@example.org`
  const phone = '+33 1 42 68 53 00'
  const answer = await register({
    email: ` ${email} `,
    name: ' Anna Berg ',
    phone,
    locale: 'en-gb',
  })
  assert.equal(answer.status, 201)
  const { account, accessToken, tokenType, expiresIn, refreshToken } = answer.body
  const { id, patientId, ...rest } = account
  assert.deepEqual(rest, {
    email,
    emailVerified: false,
    name: 'Anna Berg',
    phone,
    role: 'patient',
    secondFactor: false,
  })
  assert.deepEqual([tokenType, expiresIn, typeof refreshToken], ['Bearer', 600, 'string'])

  const as = `Bearer ${accessToken}`
  assert.deepEqual((await call(app, 'GET /auth/me', { as })).body, account)
  const own = { relation: 'self', scope: 'manage' }
  const patient = { id: patientId, name: 'Anna Berg', phone, email, ...own, version: 1 }
  assert.deepEqual((await call(app, 'GET /patients', { as })).body, {
    items: [patient],
    nextCursor: null,
  })
  const access = await runtime.db
    .selectFrom('patient_access')
    .select(['relation', 'scope'])
    .where('account_id', '=', id)
    .execute()
  assert.deepEqual(access, [{ relation: 'self', scope: 'manage' }])
  const { locale } = await runtime.db
    .selectFrom('account')
    .select('locale')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  assert.equal(locale, 'en-GB')
})

test('an e-mail address has one account, in whatever case it is written', async () => {
  const email = `anna.${newId()}@example.org`
  assert.equal((await register({ email })).status, 201)
  for (const again of [email, email.toUpperCase()]) {
    const answer = await register({ email: again, name: 'Mallory', password: 'another password' })
    assert.equal(answer.status, 409)
    assert.equal(answer.body.type, '/problems/email-taken')
  }
  const signIn = { email, password: 'another password' }
  assert.equal((await call(app, 'POST /auth/login', { body: signIn })).status, 401)
})

test('of many who register one e-mail address at once, one wins and the rest leave nothing', async () => {
  const email = `${newId()}@example.org`
  const answers = await Promise.all(Array.from({ length: 6 }, () => register({ email })))
  const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other)
  assert.deepEqual(statuses, [201, 409, 409, 409, 409, 409])
  const records = await runtime.db
    .selectFrom('patient')
    .select('id')
    .where('email', '=', email)
    .execute()
  assert.equal(records.length, 1)
})

test('in cookie mode registering leaves the refresh token out of the answer', async () => {
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/auth/register',
    payload: { email: `${newId()}@example.org`, password, name: 'Anna', session: 'cookie' },
  })
  assert.equal(answer.statusCode, 201)
  assert.equal('refreshToken' in answer.json(), false)
  assert.match(String(answer.headers['set-cookie']), /^__Secure-visita-refresh=.+HttpOnly/)
})

test('a registration with fields missing, wrong or unknown is refused by their names', async () => {
  const cases: [object, string[]][] = [
    [{ email: undefined, name: undefined }, ['/email', '/name']],
    [{ email: 'nobody' }, ['/email']],
    [{ email: 7 }, ['/email']],
    [{ name: '  ' }, ['/name']],
    [{ password: 'short' }, ['/password']],
    [{ password: 'x'.repeat(129) }, ['/password']],
    [{ password: 'password123' }, ['/password']],
    [{ password: 'Anna Berg' }, ['/password']],
    [{ password: 12345678 }, ['/password']],
    [{ phone: 'call me' }, ['/phone']],
    [{ locale: 'not a language' }, ['/locale']],
    [{ role: 'superuser' }, ['/role']],
    [{ id: newId() }, ['/id']],
    [{ patientId: newId() }, ['/patientId']],
    [{ status: 'active' }, ['/status']],
  ]
  for (const [body, pointers] of cases) {
    const answer = await register(body)
    assert.equal(answer.status, 422, JSON.stringify(body))
    assert.deepEqual([...new Set(pointersOf(answer))].toSorted(), pointers, JSON.stringify(body))
  }
})

test('a registration is an event with the ids of the account and its link alone', async () => {
  const { body } = await register({})
  const { id: accountId } = body.account
  const events = await runtime.db
    .selectFrom('event')
    .select('subjects')
    .where('type', '=', 'account.registered')
    .execute()
  const own = events.filter(({ subjects }) => subjects['accountId'] === accountId)
  assert.equal(own.length, 1)
  const { accountLinkId, ...rest } = own[0]!.subjects
  assert.deepEqual(rest, { accountId })
  assert.match(String(accountLinkId), /^[0-9a-f-]{36}$/)
})

test('the password is stored as an argon2id hash alone', async () => {
  const { body } = await register({})
  const row = await runtime.db
    .selectFrom('account')
    .selectAll()
    .where('id', '=', body.account.id)
    .executeTakeFirstOrThrow()
  assert.match(row.password_hash, /^\$argon2id\$/)
  assert(!JSON.stringify(row).includes(password))
})
