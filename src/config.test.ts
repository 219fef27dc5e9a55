import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { configurationFiles } from '../scripts/generate-configuration.ts'
import { ConfigRefused, loadConfig, publicUrlAt, variables, type Config } from './config.ts'

const key = 'q8Zy0wJx3mVb7TnLr5KfHd2GsPc9XeUa4Oi6Ytk1W_E'

function load(env: Record<string, string | undefined>): Config {
  return loadConfig({ env, envFile: null })
}

function refusalOf(run: () => unknown): ConfigRefused {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigRefused) return error
    throw error
  }
  return assert.fail('it was not refused')
}

function loadWithFile(content: string, env: Record<string, string | undefined> = {}): Config {
  const directory = mkdtempSync(join(tmpdir(), 'visita-config-'))
  try {
    const envFile = join(directory, '.env')
    writeFileSync(envFile, content)
    return loadConfig({ env, envFile })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const database = 'postgres://app:hunter2@db.example.org/visita'

const wrongValues: Record<keyof typeof variables, string[]> = {
  PORT: ['70000', '-1', '3000a', '3e3', '1.5', '0x50', '３０００'],
  HOST: ['*', '[::1]', '127.0.0.1:80', '999.1.1.1', 'a b', '-a', 'http://a', '10.0.0.0/8'],
  PUBLIC_URL: [
    'visits.example.org',
    'ftp://a.example',
    'https://a.example/',
    'https://a.example/visits',
    'https://a.example?x',
    'https://a.example#x',
    'https://user:hunter2@a.example',
    'https://',
    '//a.example',
  ],
  DATA_DIR: ['~/visita', 'a\0b'],
  DATABASE_URL: [
    'mysql://app:hunter2@db/visita',
    'db.example.org',
    'postgres://app:hunter2@db',
    'postgres:///visita',
    'postgres://app:hunter2#more@db/visita',
    'postgres://app:hunter2/more@db/visita',
    'postgres://app:hunter2%zz@db/visita',
    `${database}?sslmode=hunter2`,
    `${database}?ssl_mode=require`,
    `${database}?options=-c%20TimeZone=Europe/Paris`,
    `${database}?sslmode=verify-full&sslrootcert=/hunter2/is/not/there.pem`,
  ],
  MIGRATION_DATABASE_URL: ['mysql://owner:hunter2@db/visita'],
  DATABASE_SCHEMA: ['North', '1a', 'a-b', 'pg_a', 'information_schema', 'a'.repeat(64), 'a"b'],
  DATABASE_POOL_SIZE: ['0', '1', '501', 'many'],
  TOKEN_SIGNING_KEY: [
    'hunter2',
    Buffer.alloc(32).toString('base64url'),
    Buffer.alloc(32, 0xa5).toString('base64url'),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64url'),
    Buffer.from('hunter2 hunter2 hunter2 hunter2!').toString('base64url'),
    `${key}A`,
    `${key}=`,
    `${key.slice(0, -1)}F`,
    key.slice(1),
    key.replace('_', '/'),
  ],
  ENCRYPTION_KEY: ['short', ','],
  RATE_LIMIT_FACTOR: ['0', '1001', 'off'],
  ACCESS_TOKEN_MINUTES: ['0', '1441', '10m'],
  REFRESH_TOKEN_DAYS: ['0', '366', '-1'],
  DOCTOR_INVITATION_CODE: ['hunter2-abc', 'aaaaaaaaaaaaaaaa', `hunter2${'ab12'.repeat(40)}`],
  CORS_ORIGINS: ['*', 'null', 'https://a.example,https://b.example/', 'a.example'],
  TRUSTED_PROXIES: [
    '10.0.0.256',
    'proxy.example.org',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '::1/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'fe80::1%eth0',
    'true',
  ],
  LOG_LEVEL: ['verbose', 'INFO', '30'],
  MAIL_FROM: [
    'North Clinics',
    'a@',
    '@b',
    'a@b@c',
    'North <a@b',
    'a@b.example\nBcc: c@d.example',
    'a@b, c@d',
  ],
  SMTP_URL: [
    'mail.example.org:587',
    'http://mail.example.org',
    'smtp://',
    'smtp://user:hunter2#more@mail.example.org',
    'smtp://user:hunter2%zz@mail.example.org',
    'smtp://mail.example.org/path',
    'smtp://mail.example.org:0',
    'smtp://mail%20server.example.org',
    'smtp://u:hunter2@mail.example.org?requireTLS=true&requireTLS=false',
    'smtp://u:hunter2@mail.example.org?requireTLS=yes',
    'smtp://u:hunter2@mail.example.org?requiretls=true',
  ],
  RESEND_API_KEY: ['hunter2', 're_', 're_123', 're_hunter2 hunter2', 'rk_hunter2hunter2'],
  SMS_API_URL: [
    'api.twilio.com',
    'http://api.twilio.com',
    'http://127.0.0.1.example.org',
    'https://u:hunter2@a.example',
    'https://u:hunter2/more@a.example',
    'https://a.example?x=1',
    'https://a.example#x',
  ],
  SMS_ACCOUNT: ['AC/../x', 'a b', 'AC1', 'AC\u00e4bc'],
  SMS_TOKEN: ['hunter2', 'hunter2hunter2/hunter2', 'hunter2hunter2 hunter2'],
  SMS_FROM: ['030 23125100', '+0301234567', 'ab', 'Praxis am Fleet', '12345', 'Klinik-1'],
  DEFAULT_LANGUAGE: ['EN', 'fr', 'english'],
  BACKGROUND_WORK: ['yes', 'Here', 'none'],
}

for (const [name, values] of Object.entries(wrongValues))
  test(`a wrong ${name} stops the start with one line that names it and gives a way out`, () => {
    for (const value of values) {
      const needed = name === 'MIGRATION_DATABASE_URL' ? { DATABASE_URL: database } : {}
      const { message } = refusalOf(() => load({ ...needed, [name]: value }))
      assert.ok(message.startsWith(`${name}: `), `${value}: ${message}`)
      assert.doesNotMatch(message, /\n/)
      assert.match(message, /; (?:for example [A-Z_]+=\S|make one with node -e )/)
      assert.doesNotMatch(message, /hunter2/, value)
    }
  })

test('a refusal of a key of Resend or a port of SMTP says what is wrong with it', () => {
  assert.equal(
    refusalOf(() => load({ RESEND_API_KEY: 're_123' })).message,
    `RESEND_API_KEY: the value is not re_ and at least 8 letters, digits or _ after it; for example RESEND_API_KEY=${variables.RESEND_API_KEY.example}.`,
  )
  assert.match(
    refusalOf(() => load({ SMTP_URL: 'smtp://a.example:0' })).message,
    /^SMTP_URL: the value names port 0, on which no server listens; /,
  )
  assert.equal(load({ SMTP_URL: 'smtp://münchen.example' }).mail.smtpUrl, 'smtp://münchen.example')
})

test('a refusal quotes the wrong value, and of a list the wrong item', () => {
  assert.equal(
    refusalOf(() => load({ PORT: '70000' })).message,
    'PORT: "70000" is not a port from 0 to 65535; for example PORT=3000.',
  )
  assert.match(
    refusalOf(() => load({ TRUSTED_PROXIES: '10.0.0.1, ten' })).message,
    /^TRUSTED_PROXIES: "ten" is not an IP address/,
  )
})

test('a refusal never quotes a secret, whatever is wrong with it', () => {
  for (const [name, variable] of Object.entries(variables)) {
    if (!variable.secret) continue
    const long = `x://sesame:sesame@sesame/sesame?sesame=1#${'sesame'.repeat(30)}`
    for (const value of ['sesame', 'sesame\nsesame', long]) {
      const { message } = refusalOf(() => load({ [name]: value }))
      assert.doesNotMatch(message, /sesame/)
    }
  }
})

test('all wrong variables are reported at once, one line each', () => {
  const refused = refusalOf(() => load({ PORT: 'a', LOG_LEVEL: 'b', TOKEN_SIGNING_KEY: 'c' }))
  assert.deepEqual(
    refused.message.split('\n').map((line) => line.split(':')[0]),
    ['PORT', 'TOKEN_SIGNING_KEY', 'LOG_LEVEL'],
  )
})

test('without any variable the defaults hold, and nothing is exposed or trusted', () => {
  assert.deepEqual(load({}), {
    port: 3000,
    host: '127.0.0.1',
    publicUrl: null,
    dataDirectory: resolve('data'),
    database: { url: null, migrationUrl: null, schema: 'public', poolSize: 16 },
    tokenSigningKey: null,
    encryptionKey: null,
    rateLimitFactor: 1,
    accessTokenMinutes: 10,
    refreshTokenDays: 30,
    doctorInvitationCode: null,
    corsOrigins: [],
    trustedProxies: [],
    logLevel: 'info',
    defaultLanguage: 'en',
    backgroundWork: 'here',
    mail: { from: null, smtpUrl: null, resendApiKey: null },
    sms: { apiUrl: 'https://api.twilio.com', account: null, token: null, from: null },
    warnings: [],
  })
})

test('right values arrive as they were meant', () => {
  const config = load({
    PORT: '0',
    HOST: '::',
    PUBLIC_URL: 'HTTPS://Visits.Example.org:443',
    DATA_DIR: '/srv/visita/../data',
    DATABASE_URL: 'postgres:///visita?host=/run/postgresql&user=app&sslmode=disable',
    MIGRATION_DATABASE_URL: `${database}?sslmode=verify-full&application_name=visita`,
    DATABASE_SCHEMA: 'north_2',
    TOKEN_SIGNING_KEY: key,
    DOCTOR_INVITATION_CODE: 'doctors only, please',
    CORS_ORIGINS: ' https://a.example , http://localhost:8080,https://a.example, ',
    TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8,fd00::/8',
    LOG_LEVEL: 'silent',
    MAIL_FROM: '"Clinic, North" <a@b.example>',
    SMTP_URL: 'smtps://u:p%40ss@mail.example.org:465?tls.rejectUnauthorized=false',
    SMS_API_URL: 'https://SMS.example.org/api/laml/',
    SMS_ACCOUNT: 'AC0123456789abcdef',
    SMS_TOKEN: '0123456789abcdef',
    SMS_FROM: 'Lindenhof',
    DEFAULT_LANGUAGE: 'ar',
    BACKGROUND_WORK: 'elsewhere',
  })
  assert.equal(config.port, 0)
  assert.equal(config.publicUrl, 'https://visits.example.org')
  assert.equal(config.dataDirectory, '/srv/data')
  assert.equal(config.database.schema, 'north_2')
  assert.equal(config.tokenSigningKey, key)
  assert.deepEqual(config.corsOrigins, ['https://a.example', 'http://localhost:8080'])
  assert.deepEqual(config.trustedProxies, ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'])
  assert.equal(config.mail.from, '"Clinic, North" <a@b.example>')
  assert.equal(config.sms.apiUrl, 'https://sms.example.org/api/laml')
  assert.equal(config.sms.from, 'Lindenhof')
  assert.equal(config.defaultLanguage, 'ar')
  assert.equal(config.backgroundWork, 'elsewhere')
  assert.deepEqual(config.warnings, [])
})

const bothTransports = [
  'SMTP_URL and RESEND_API_KEY are both set: mail goes by SMTP_URL. Remove the other one.',
]

test('every example is a value that is accepted', () => {
  const examples = Object.entries(variables).map(([name, { example }]) => [name, example ?? ''])
  assert.deepEqual(load(Object.fromEntries(examples)).warnings, bothTransports)
})

test('.env.example with every line taken into use is a configuration that starts', () => {
  const content = configurationFiles()['.env.example']!.replaceAll(/^# (?=[A-Z_]+=)/gm, '')
  assert.deepEqual(Object.keys(parseEnv(content)).sort(), Object.keys(variables).sort())
  assert.deepEqual(loadWithFile(content).warnings, bothTransports)
})

test('the environment wins over .env', () => {
  const config = loadWithFile('PORT=4000\nLOG_LEVEL="warn" # quieter\n', { PORT: '5000' })
  assert.equal(config.port, 5000)
  assert.equal(config.logLevel, 'warn')
})

test('an empty or blank value counts as none', () => {
  assert.equal(loadWithFile('PORT=4000\nSMTP_URL=\n', { PORT: '', HOST: '  ' }).port, 4000)
  assert.equal(loadWithFile('PORT=\n').port, 3000)
  assert.equal(load({ DATABASE_URL: '', TOKEN_SIGNING_KEY: ' ' }).database.url, null)
})

test('.env may be absent, but not unreadable', () => {
  assert.equal(loadConfig({ env: {}, envFile: '/does/not/exist/.env' }).port, 3000)
  assert.match(
    refusalOf(() => loadConfig({ env: {}, envFile: tmpdir() })).message,
    /cannot be read \(EISDIR\)/,
  )
})

test('.env with a byte order mark and Windows line ends is read', () => {
  const config = loadWithFile('\uFEFFPORT=4000\r\nHOST=0.0.0.0\r\n')
  assert.deepEqual([config.port, config.host], [4000, '0.0.0.0'])
})

test('a misspelled name in .env is warned about without its value, an unrelated one is not', () => {
  const { warnings } = loadWithFile(
    'DATABASE_URI=sesame\nprot=1\nSMTP_HOST=sesame\nVISITA_PORT=1\nLOGLEVEL=warn\nEDITOR=vi\nHOST: 1\n',
  )
  assert.deepEqual(warnings.map((warning) => warning.replace(/^.*?\.env: /, '')).sort(), [
    'DATABASE_URI means nothing to Visita; is it DATABASE_URL?',
    'LOGLEVEL means nothing to Visita; is it LOG_LEVEL?',
    'SMTP_HOST means nothing to Visita; is it SMTP_URL?',
    'VISITA_PORT means nothing to Visita; is it PORT?',
    'prot means nothing to Visita; is it PORT?',
    'the line of HOST has no "=" and is ignored.',
  ])
})

test("the owner's URL alone is refused", () => {
  assert.match(
    refusalOf(() => load({ MIGRATION_DATABASE_URL: database })).message,
    /^MIGRATION_DATABASE_URL: it is set and DATABASE_URL is not/,
  )
})

test('half of a set-up of mail or text messages is warned about, by the names that are missing', () => {
  const from = { MAIL_FROM: 'a@b.example' }
  const smtp = { SMTP_URL: 'smtp://localhost' }
  const resend = { RESEND_API_KEY: 're_0123456789' }
  const load = (env: Record<string, string>) =>
    loadConfig({ env: { PUBLIC_URL: 'https://a.example', ...env }, envFile: null })
  assert.match(load(from).warnings.join(), /neither SMTP_URL nor RESEND_API_KEY is/)
  assert.match(load(smtp).warnings.join(), /^SMTP_URL is set and MAIL_FROM is not/)
  assert.match(load(resend).warnings.join(), /^RESEND_API_KEY is set and MAIL_FROM is not/)
  assert.deepEqual(load({ ...from, ...smtp }).warnings, [])
  assert.deepEqual(load({ ...from, ...resend }).warnings, [])
  assert.deepEqual(load({ ...from, ...smtp, ...resend }).warnings, bothTransports)
  assert.match(
    load({ SMS_ACCOUNT: 'AC0123456789' }).warnings.join(),
    /without SMS_TOKEN and SMS_FROM none are sent/,
  )
})

test('who mails or texts without PUBLIC_URL is told where the links lead', () => {
  const mail = { MAIL_FROM: 'a@b.example', SMTP_URL: 'smtp://localhost' }
  const resend = { MAIL_FROM: 'a@b.example', RESEND_API_KEY: 're_0123456789' }
  const sms = { SMS_ACCOUNT: 'AC0123', SMS_TOKEN: '0123456789abcdef', SMS_FROM: 'Lindenhof' }
  const there = (address: string) => [
    `PUBLIC_URL is not set: links in messages lead to ${address}. Set it to the address that people open.`,
  ]
  for (const setUp of [mail, resend, sms, { ...mail, ...sms }]) {
    assert.deepEqual(load(setUp).warnings, there('http://127.0.0.1:3000'))
    assert.deepEqual(load({ ...setUp, PUBLIC_URL: 'https://a.example' }).warnings, [])
  }
  const elsewhere = { ...mail, HOST: '::', PORT: '80' }
  assert.deepEqual(load(elsewhere).warnings, there('http://localhost:80'))
  assert.deepEqual(load({ ...mail, PORT: '0' }).warnings, there('this machine'))
  assert.deepEqual(load({}).warnings, [])
})

test('the configuration cannot be changed after the start', () => {
  const config = load({})
  for (const part of [config, config.database, config.mail, config.sms, config.corsOrigins])
    assert.ok(Object.isFrozen(part))
})

test('nothing depends on NODE_ENV', () => {
  assert.deepEqual(load({ NODE_ENV: 'production' }), load({ NODE_ENV: 'development' }))
})

test('links name this machine and the port it got, unless PUBLIC_URL says otherwise', () => {
  assert.equal(publicUrlAt(load({}), 4321), 'http://127.0.0.1:4321')
  assert.equal(publicUrlAt(load({ HOST: '0.0.0.0' }), 80), 'http://localhost:80')
  assert.equal(publicUrlAt(load({ HOST: '::1' }), 80), 'http://[::1]:80')
  assert.equal(publicUrlAt(load({ PUBLIC_URL: 'https://a.example' }), 80), 'https://a.example')
})

for (const [path, content] of Object.entries(configurationFiles()))
  test(`${path} is what npm run generate makes of the variables`, () => {
    assert.equal(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'), content)
  })
