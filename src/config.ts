// The one reader of the environment and of `.env`. What may stand there is declared in
// config-variables.ts; the configuration, .env.example and docs/operate/configuration.md follow from it.

import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { nearestName } from './config-spelling.ts'
import * as read from './config-values.ts'
import { variables, type Variable } from './config-variables.ts'

export { groups, makeKeyCommand, variables, type Variable } from './config-variables.ts'

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
  readonly encryptionKey: Values['ENCRYPTION_KEY']
  readonly accessTokenMinutes: Values['ACCESS_TOKEN_MINUTES']
  readonly refreshTokenDays: Values['REFRESH_TOKEN_DAYS']
  readonly doctorInvitationCode: Values['DOCTOR_INVITATION_CODE']
  readonly corsOrigins: readonly string[]
  readonly trustedProxies: readonly string[]
  readonly rateLimitFactor: Values['RATE_LIMIT_FACTOR']
  readonly logLevel: Values['LOG_LEVEL']
  /** For people whose own is not known. */
  readonly defaultLanguage: Values['DEFAULT_LANGUAGE']
  /** Whether this process sends what is due and keeps house, or another one. */
  readonly backgroundWork: Values['BACKGROUND_WORK']
  readonly mail: {
    readonly from: Values['MAIL_FROM']
    readonly smtpUrl: Values['SMTP_URL']
    readonly resendApiKey: Values['RESEND_API_KEY']
  }
  readonly sms: {
    readonly apiUrl: Values['SMS_API_URL']
    readonly account: Values['SMS_ACCOUNT']
    readonly token: Values['SMS_TOKEN']
    readonly from: Values['SMS_FROM']
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
  const shown = text.replace(/\/\/.*@/s, '//…@').slice(0, shownLengthMax)
  const subject = variable.secret ? 'the value' : JSON.stringify(shown)
  const remedy =
    variable.example === null
      ? `make one with ${variable.make}`
      : `for example ${name}=${variable.example}`
  return `${name}: ${subject} ${problem}; ${remedy}.`
}

function toConfig(values: Values, fileWarnings: readonly string[]): Config {
  const warnings = [...fileWarnings, ...halfSetUp(values), ...linksAstray(values)]
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
    encryptionKey: values.ENCRYPTION_KEY,
    accessTokenMinutes: values.ACCESS_TOKEN_MINUTES,
    refreshTokenDays: values.REFRESH_TOKEN_DAYS,
    doctorInvitationCode: values.DOCTOR_INVITATION_CODE,
    corsOrigins: Object.freeze(values.CORS_ORIGINS ?? []),
    trustedProxies: Object.freeze(values.TRUSTED_PROXIES ?? []),
    rateLimitFactor: values.RATE_LIMIT_FACTOR,
    logLevel: values.LOG_LEVEL,
    defaultLanguage: values.DEFAULT_LANGUAGE,
    backgroundWork: values.BACKGROUND_WORK,
    mail: Object.freeze({
      from: values.MAIL_FROM,
      smtpUrl: values.SMTP_URL,
      resendApiKey: values.RESEND_API_KEY,
    }),
    sms: Object.freeze({
      apiUrl: values.SMS_API_URL,
      account: values.SMS_ACCOUNT,
      token: values.SMS_TOKEN,
      from: values.SMS_FROM,
    }),
    warnings: Object.freeze(warnings),
  })
}

/** What is set of a way to tell people without the rest that it needs. */
function halfSetUp(values: Values): string[] {
  const warnings: string[] = []
  const transport = (['SMTP_URL', 'RESEND_API_KEY'] as const).find((name) => values[name] !== null)
  if (values.MAIL_FROM !== null && transport === undefined)
    warnings.push(
      'MAIL_FROM is set, and neither SMTP_URL nor RESEND_API_KEY is: nothing is mailed.',
    )
  if (values.MAIL_FROM === null && transport !== undefined)
    warnings.push(`${transport} is set and MAIL_FROM is not: nothing is mailed.`)
  if (values.SMTP_URL !== null && values.RESEND_API_KEY !== null)
    warnings.push(
      'SMTP_URL and RESEND_API_KEY are both set: mail goes by SMTP_URL. Remove the other one.',
    )
  const sms = ['SMS_ACCOUNT', 'SMS_TOKEN', 'SMS_FROM'] as const
  const missing = sms.filter((name) => values[name] === null)
  if (missing.length > 0 && missing.length < sms.length)
    warnings.push(
      `Text messages are set up in part: without ${missing.join(' and ')} none are sent.`,
    )
  return warnings
}

/** Messages are sent, and what they link to is open to this machine or its network at most. */
function linksAstray(values: Values): string[] {
  const isMailed = values.MAIL_FROM !== null && (values.SMTP_URL ?? values.RESEND_API_KEY) !== null
  const isTexted = [values.SMS_ACCOUNT, values.SMS_TOKEN, values.SMS_FROM].every(
    (value) => value !== null,
  )
  if (values.PUBLIC_URL !== null || !(isMailed || isTexted)) return []
  const there = values.PORT === 0 ? 'this machine' : originOf(values.HOST, values.PORT)
  return [
    `PUBLIC_URL is not set: links in messages lead to ${there}. Set it to the address that people open.`,
  ]
}

/** The origin to put into links: the configured one, or this machine's at the port listened on. */
export function publicUrlAt(config: Config, port: number): string {
  return config.publicUrl ?? originOf(config.host, port)
}

function originOf(listenHost: string, port: number): string {
  const host = ['0.0.0.0', '::'].includes(listenHost) ? 'localhost' : listenHost
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
