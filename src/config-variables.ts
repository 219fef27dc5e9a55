// Every variable of the environment, declared once.

import * as read from './config-values.ts'

/** The command that prints a key for TOKEN_SIGNING_KEY, with any Node. */
export const makeKeyCommand = `node -e "console.log(crypto.randomBytes(32).toString('base64url'))"`

export const groups = {
  server: 'Server',
  database: 'Database',
  signIn: 'Signing in',
  browsers: 'Browsers and proxies',
  logs: 'Logs',
  telling: 'Telling people',
  mail: 'E-mail',
  sms: 'Text messages',
} as const

/** One variable of the environment. */
export interface Variable {
  group: keyof typeof groups
  /** One sentence, plain text. */
  meaning: string
  /** Further sentences in Markdown, for the documentation alone. */
  details?: string
  /** The default as one would write it; null when there is none. */
  default: string | null
  /** What the lack of the variable means, where it has no default. */
  otherwise?: string
  /** A value that is accepted; null when it must be made, by the command `make`. */
  example: string | null
  make?: string
  /** A secret's value is never printed. */
  secret: boolean
  parse: (text: string) => unknown
}

export const variables = {
  PORT: {
    group: 'server',
    meaning: 'The TCP port to listen on; 0 takes any free one.',
    default: '3000',
    example: '3000',
    secret: false,
    parse: read.wholeNumber({ min: 0, max: 65_535, what: 'port' }),
  },
  HOST: {
    group: 'server',
    meaning: 'The address to listen on; a container needs 0.0.0.0, or :: for IPv6 too.',
    details:
      'The default is reachable from this machine alone: Visita speaks plain HTTP, so put a reverse proxy that does TLS before it.',
    default: '127.0.0.1',
    example: '0.0.0.0',
    secret: false,
    parse: read.listenHost,
  },
  PUBLIC_URL: {
    group: 'server',
    meaning: 'The address that people open, used in links: no path and no slash at the end.',
    default: null,
    otherwise: '`http://`, the host and the port',
    example: 'https://visits.example.org',
    secret: false,
    parse: read.origin,
  },
  DATA_DIR: {
    group: 'server',
    meaning:
      'The directory of the embedded database and of generated secrets, made when it is missing.',
    details: 'A relative path starts at the working directory.',
    default: './data',
    example: '/var/lib/visita',
    secret: false,
    parse: read.directory,
  },
  DATABASE_URL: {
    group: 'database',
    meaning: "The PostgreSQL server (15 or newer) and the application's role on it.",
    details:
      'TLS is asked for by the parameters of the URL: `?sslmode=verify-full` encrypts and checks the certificate and its host name, `&sslrootcert=/etc/visita/database-ca.pem` names the authority to trust, `&sslcert=…&sslkey=…` a client certificate. `sslmode=require` checks the certificate just as `verify-full` does (stricter than `psql`), `no-verify` encrypts and checks nothing. Without `sslmode` the connection is not encrypted.',
    default: null,
    otherwise: 'an embedded PostgreSQL in `DATA_DIR`',
    example: 'postgres://visita_app:password@db.example.org:5432/visita?sslmode=verify-full',
    secret: true,
    parse: read.databaseUrl,
  },
  MIGRATION_DATABASE_URL: {
    group: 'database',
    meaning:
      'The same database with the role that owns the tables, which migrates them at the start.',
    default: null,
    otherwise: '`DATABASE_URL`, with one role for both',
    example: 'postgres://visita_owner:password@db.example.org:5432/visita?sslmode=verify-full',
    secret: true,
    parse: read.databaseUrl,
  },
  DATABASE_SCHEMA: {
    group: 'database',
    meaning: 'The schema that holds the tables: one for each network of clinics in a database.',
    default: 'public',
    example: 'north',
    secret: false,
    parse: read.schemaName,
  },
  DATABASE_POOL_SIZE: {
    group: 'database',
    meaning: 'How many connections one process may hold for requests, 2 to 500.',
    details:
      "The sum over all processes, and a few more for each, must stay below the server's `max_connections`.",
    default: '16',
    example: '32',
    secret: false,
    parse: read.wholeNumber({ min: 2, max: 500 }),
  },
  TOKEN_SIGNING_KEY: {
    group: 'signIn',
    meaning:
      'The private Ed25519 key that signs access tokens: 32 random bytes as base64url; former ones behind it, with commas between.',
    details:
      'The same for every process of a network. The first key signs; what the others signed is still taken. A key that is gone from the list signs everyone out of their current access token, and ends the links in mails and the calendar feeds that were made by it. See [keys](keys.md).',
    default: null,
    otherwise: 'generated into `DATA_DIR`; required with `DATABASE_URL`',
    example: null,
    make: makeKeyCommand,
    secret: true,
    parse: read.secretKeys,
  },
  ENCRYPTION_KEY: {
    group: 'signIn',
    meaning:
      'The key that encrypts medical histories and second factors in the database: 32 random bytes as base64url; former ones behind it, with commas between.',
    details:
      'The same for every process of a network. What a lost key encrypted cannot be read again: keep a copy apart from the backups of the database. See [keys](keys.md).',
    default: null,
    otherwise: 'generated into `DATA_DIR`; required with `DATABASE_URL`',
    example: null,
    make: makeKeyCommand,
    secret: true,
    parse: read.secretKeys,
  },
  ACCESS_TOKEN_MINUTES: {
    group: 'signIn',
    meaning: 'How long an access token is good for, 1 to 1440 minutes.',
    default: '10',
    example: '15',
    secret: false,
    parse: read.wholeNumber({ min: 1, max: 1440 }),
  },
  REFRESH_TOKEN_DAYS: {
    group: 'signIn',
    meaning: 'How long someone who does not come back stays signed in, 1 to 365 days.',
    default: '30',
    example: '14',
    secret: false,
    parse: read.wholeNumber({ min: 1, max: 365 }),
  },
  DOCTOR_INVITATION_CODE: {
    group: 'signIn',
    meaning: 'A code of 12 to 128 characters with which anyone who knows it registers as a doctor.',
    details: "Doctors otherwise join by an admin's invitation, which is bound to one profile.",
    default: null,
    otherwise: 'doctors join by invitation alone',
    example: null,
    make: `node -e "console.log(crypto.randomBytes(15).toString('base64url'))"`,
    secret: true,
    parse: read.invitationCode,
  },
  CORS_ORIGINS: {
    group: 'browsers',
    meaning: 'The other sites whose pages may call the API from a browser, with commas between.',
    default: null,
    example: 'https://www.example.org,https://intranet.example.org:8443',
    secret: false,
    parse: read.listOf(read.origin),
  },
  TRUSTED_PROXIES: {
    group: 'browsers',
    meaning:
      "The reverse proxies whose word on the client's address and scheme is taken: IP addresses or ranges, with commas between.",
    details: 'From any other sender the `X-Forwarded-…` headers are ignored.',
    default: null,
    example: '127.0.0.1,10.0.0.0/8,fd00::/8',
    secret: false,
    parse: read.listOf(read.addressRange),
  },
  RATE_LIMIT_FACTOR: {
    group: 'browsers',
    meaning: 'By how much the limits on requests are wider than usual, 1 to 1000.',
    default: '1',
    example: '5',
    secret: false,
    parse: read.wholeNumber({ min: 1, max: 1000 }),
  },
  LOG_LEVEL: {
    group: 'logs',
    meaning: 'The least severe lines to log: fatal, error, warn, info, debug, trace or silent.',
    default: 'info',
    example: 'warn',
    secret: false,
    parse: read.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
  DEFAULT_LANGUAGE: {
    group: 'telling',
    meaning: 'The language for people whose own is not known: en, de or ar.',
    default: 'en',
    example: 'de',
    secret: false,
    parse: read.oneOf('en', 'de', 'ar'),
  },
  BACKGROUND_WORK: {
    group: 'telling',
    meaning:
      'Whether this process also sends what is due and keeps house: here, or elsewhere (npm run worker).',
    details:
      'With `elsewhere` this process answers requests alone, and at least one worker must run beside it.',
    default: 'here',
    example: 'elsewhere',
    secret: false,
    parse: read.oneOf('here', 'elsewhere'),
  },
  MAIL_FROM: {
    group: 'mail',
    meaning: 'The sender of every e-mail.',
    default: null,
    otherwise: 'e-mails wait',
    example: 'North Clinics <visits@example.org>',
    secret: false,
    parse: read.mailSender,
  },
  SMTP_URL: {
    group: 'mail',
    meaning:
      'The server that takes e-mail: smtp:// (STARTTLS when it offers that) or smtps:// (TLS from the start).',
    details:
      'A password goes to another machine over TLS alone: with one in the URL, `smtp://` insists on STARTTLS. `?requireTLS=true` insists on it without a password too, `?requireTLS=false` never does; `?tls.rejectUnauthorized=false` accepts any certificate.',
    default: null,
    otherwise: 'e-mails wait, unless there is `RESEND_API_KEY`',
    example: 'smtps://visits:password@smtp.example.org:465',
    secret: true,
    parse: read.smtpUrl,
  },
  RESEND_API_KEY: {
    group: 'mail',
    meaning: 'The API key of Resend, which then takes the e-mail in place of an SMTP server.',
    details: 'With `SMTP_URL` beside it, mail goes by SMTP.',
    default: null,
    otherwise: 'e-mails wait, unless there is `SMTP_URL`',
    example: 're_0123456789abcdefghijklmnop',
    secret: true,
    parse: read.resendKey,
  },
  SMS_API_URL: {
    group: 'sms',
    meaning: "Where text messages are handed in, in the shape of Twilio's API.",
    details: 'Other providers answer in the same shape at another address.',
    default: 'https://api.twilio.com',
    example: 'https://sms.example.org/twilio',
    secret: false,
    parse: read.apiUrl,
  },
  SMS_ACCOUNT: {
    group: 'sms',
    meaning: 'The account there, the "Account SID".',
    default: null,
    otherwise: 'no text messages are sent',
    example: 'AC0123456789abcdef0123456789abcdef',
    secret: false,
    parse: read.smsAccount,
  },
  SMS_TOKEN: {
    group: 'sms',
    meaning: 'The password of that account, the "Auth Token".',
    default: null,
    otherwise: 'no text messages are sent',
    example: '0123456789abcdef0123456789abcdef',
    secret: true,
    parse: read.smsToken,
  },
  SMS_FROM: {
    group: 'sms',
    meaning:
      'The sender of text messages: a number such as +493023125100, or a name of 3 to 11 letters.',
    details: 'Some countries take no names.',
    default: null,
    otherwise: 'no text messages are sent',
    example: '+493023125100',
    secret: false,
    parse: read.smsSender,
  },
} as const satisfies Record<string, Variable>
