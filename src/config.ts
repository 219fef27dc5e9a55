// The one reader of the environment and of `.env`. Every variable is declared once, in `variables`;
// the configuration, .env.example and docs/operate/configuration.md follow from it.

import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { nearestName } from './config-spelling.ts'
import * as read from './config-values.ts'

/** The command that prints a key for TOKEN_SIGNING_KEY, with any Node. */
export const makeKeyCommand = `node -e "console.log(crypto.randomBytes(32).toString('base64url'))"`

export const groups = {
  server: 'Server',
  database: 'Database',
  signIn: 'Signing in',
  browsers: 'Browsers and proxies',
  logs: 'Logs',
  mail: 'E-mail',
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
    meaning: 'The private Ed25519 key that signs access tokens: 32 random bytes as base64url.',
    details:
      'The same for every process of a network. A new key signs everyone out of their current access token.',
    default: null,
    otherwise: 'generated into `DATA_DIR`; required with `DATABASE_URL`',
    example: null,
    make: makeKeyCommand,
    secret: true,
    parse: read.secretKey,
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
  LOG_LEVEL: {
    group: 'logs',
    meaning: 'The least severe lines to log: fatal, error, warn, info, debug, trace or silent.',
    default: 'info',
    example: 'warn',
    secret: false,
    parse: read.oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
  MAIL_FROM: {
    group: 'mail',
    meaning: 'The sender of every e-mail.',
    default: null,
    otherwise: 'nothing is mailed',
    example: 'North Clinics <visits@example.org>',
    secret: false,
    parse: read.mailSender,
  },
  SMTP_URL: {
    group: 'mail',
    meaning:
      'The server that takes e-mail: smtp:// (STARTTLS when it offers that) or smtps:// (TLS from the start).',
    default: null,
    otherwise: 'nothing is mailed',
    example: 'smtps://visits:password@smtp.example.org:465',
    secret: true,
    parse: read.smtpUrl,
  },
} as const satisfies Record<string, Variable>

type Name = keyof typeof variables

type Values = {
  [Key in Name]:
    | ReturnType<(typeof variables)[Key]['parse']>
    | ((typeof variables)[Key]['default'] extends null ? null : never)
}

/** What Visita was told at its start, frozen. */
export interface Config {
  readonly port: Values['PORT']
  readonly host: Values['HOST']
  /** An origin; null until the port is known, see `publicUrlAt`. */
  readonly publicUrl: Values['PUBLIC_URL']
  /** An absolute path. */
  readonly dataDirectory: Values['DATA_DIR']
  readonly database: {
    /** Null stands for the embedded database. */
    readonly url: Values['DATABASE_URL']
    readonly migrationUrl: Values['MIGRATION_DATABASE_URL']
    readonly schema: Values['DATABASE_SCHEMA']
    readonly poolSize: Values['DATABASE_POOL_SIZE']
  }
  /** As the environment has it; `resolveSecrets` answers the one to use. */
  readonly tokenSigningKey: Values['TOKEN_SIGNING_KEY']
  readonly accessTokenMinutes: Values['ACCESS_TOKEN_MINUTES']
  readonly refreshTokenDays: Values['REFRESH_TOKEN_DAYS']
  readonly doctorInvitationCode: Values['DOCTOR_INVITATION_CODE']
  readonly corsOrigins: readonly string[]
  readonly trustedProxies: readonly string[]
  readonly logLevel: Values['LOG_LEVEL']
  readonly mail: {
    readonly from: Values['MAIL_FROM']
    readonly smtpUrl: Values['SMTP_URL']
  }
  /** Sentences about what looks like a mistake and does not stop the start. */
  readonly warnings: readonly string[]
}

/** The configuration is wrong; each line of the message names a variable, its problem and a remedy. */
export class ConfigRefused extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/**
 * Reads the configuration from the environment and from `envFile` (null reads none; a missing file
 * is an empty one). The environment wins; an empty value counts as none.
 *
 * @throws ConfigRefused with a line for each wrong variable.
 */
export function loadConfig(options: {
  env: Record<string, string | undefined>
  envFile?: string | null
}): Config {
  const { env, envFile = '.env' } = options
  const file = envFile === null ? noFile : readEnvFile(envFile)
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries<Variable>(variables)) {
    const text = env[name]?.trim() || file.values[name]?.trim() || variable.default
    try {
      values[name] = text === null ? null : parse(variable, text)
    } catch (error) {
      if (!(error instanceof read.WrongValue)) throw error
      problems.push(refusal(name, variable, error.part ?? text ?? '', error.message))
    }
  }
  if (values['MIGRATION_DATABASE_URL'] && values['DATABASE_URL'] === null)
    problems.push(
      `MIGRATION_DATABASE_URL: it is set and DATABASE_URL is not; set both, for example DATABASE_URL=${variables.DATABASE_URL.example}.`,
    )
  if (problems.length > 0) throw new ConfigRefused(problems)
  // The loop above filled every name.
  return toConfig(values as Values, file.warnings)
}

function parse(variable: Variable, text: string): unknown {
  // oxlint-disable-next-line no-control-regex -- it is these that must not get into headers and logs
  if (/[\u0000-\u001f\u007f]/.test(text))
    throw new read.WrongValue('contains a line break or another control character')
  return variable.parse(text)
}

const shownLengthMax = 80

function refusal(name: string, variable: Variable, text: string, problem: string): string {
  const shown = text.replace(/\/\/[^/@]*@/, '//…@').slice(0, shownLengthMax)
  const subject = variable.secret ? 'the value' : JSON.stringify(shown)
  const remedy =
    variable.example === null
      ? `make one with ${variable.make}`
      : `for example ${name}=${variable.example}`
  return `${name}: ${subject} ${problem}; ${remedy}.`
}

function toConfig(values: Values, fileWarnings: readonly string[]): Config {
  const { MAIL_FROM, SMTP_URL } = values
  const warnings = [...fileWarnings]
  if (MAIL_FROM !== null && SMTP_URL === null)
    warnings.push('MAIL_FROM is set and SMTP_URL is not: nothing is mailed.')
  if (MAIL_FROM === null && SMTP_URL !== null)
    warnings.push('SMTP_URL is set and MAIL_FROM is not: nothing is mailed.')
  return Object.freeze({
    port: values.PORT,
    host: values.HOST,
    publicUrl: values.PUBLIC_URL,
    dataDirectory: values.DATA_DIR,
    database: Object.freeze({
      url: values.DATABASE_URL,
      migrationUrl: values.MIGRATION_DATABASE_URL,
      schema: values.DATABASE_SCHEMA,
      poolSize: values.DATABASE_POOL_SIZE,
    }),
    tokenSigningKey: values.TOKEN_SIGNING_KEY,
    accessTokenMinutes: values.ACCESS_TOKEN_MINUTES,
    refreshTokenDays: values.REFRESH_TOKEN_DAYS,
    doctorInvitationCode: values.DOCTOR_INVITATION_CODE,
    corsOrigins: Object.freeze(values.CORS_ORIGINS ?? []),
    trustedProxies: Object.freeze(values.TRUSTED_PROXIES ?? []),
    logLevel: values.LOG_LEVEL,
    mail: Object.freeze({ from: MAIL_FROM, smtpUrl: SMTP_URL }),
    warnings: Object.freeze(warnings),
  })
}

/** The origin to put into links: the configured one, or this machine's at the port listened on. */
export function publicUrlAt(config: Config, port: number): string {
  if (config.publicUrl !== null) return config.publicUrl
  const host = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

interface EnvFile {
  values: Record<string, string | undefined>
  warnings: readonly string[]
}

const noFile: EnvFile = { values: {}, warnings: [] }

function readEnvFile(path: string): EnvFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    const code = read.errorCode(error)
    if (code === 'ENOENT') return noFile
    throw new ConfigRefused([
      `${path}: the file cannot be read (${code}); make it readable, for example chmod 600 ${resolve(path)}, or remove it.`,
    ])
  }
  const values = parseEnv(text)
  return { values, warnings: suspiciousNames(path, text, Object.keys(values)) }
}

/** Only names are quoted here, since what stands behind them may be a secret. */
function suspiciousNames(path: string, text: string, names: string[]): string[] {
  const known = Object.keys(variables)
  const misspelled = names.flatMap((name) => {
    const meant = known.includes(name) ? null : nearestName(name, known)
    return meant === null ? [] : [`${path}: ${name} means nothing to Visita; is it ${meant}?`]
  })
  const withoutEquals = known
    .filter((name) => new RegExp(`^[ \\t]*${name}(?:[ \\t]*:|[ \\t]+[^=\\s])`, 'm').test(text))
    .map((name) => `${path}: the line of ${name} has no "=" and is ignored.`)
  return [...misspelled, ...withoutEquals]
}
