// `npm run visita -- <command>`: what an operator does from the command line.

import { parseArgs } from 'node:util'
import { loadConfig } from '#src/config.ts'
import { refusalOf } from '#src/db/constraints.ts'
import { sendTestMail } from '#src/delivery/test-mail.ts'
import { isPlainRefusal } from '#src/refusal-at-start.ts'
import { newKey } from '#src/secrets.ts'
import {
  createAdminByHand,
  endSessionsByHand,
  resetSecondFactorByHand,
  sendResetLinkByHand,
} from './cli-accounts.ts'
import { onlyArgument, withRuntime, type Command, type Given, type Options } from './cli-command.ts'
import { auditByHand, reencryptByHand, rotateKeyByHand } from './cli-keys.ts'

const usage = `Usage: npm run visita -- <command>

  create-admin [--email E --name N]   Makes an admin account. Asks for what is missing; the password
                                      is asked for, or read from standard input.
  end-sessions EMAIL                  Signs the account out everywhere.
  reset-second-factor EMAIL           Takes the second factor away from an account whose owner has
                                      lost it, and signs it out.
  send-reset-link EMAIL               Prints a link, good once for an hour, by which the owner of the
                                      account chooses a new password. It is mailed as well.
  rotate-key token-signing|encryption
                                      Makes a new key; the former ones are still accepted.
  reencrypt [--drop-unused]           Encrypts by the newest key what former ones encrypted. With
                                      --drop-unused, former keys that nothing needs any more go.
  audit verify [--expect HASH]…       Whether the audit is as it was sealed, and whether hashes that
                                      were noted before are among the seals.
  database-url                        Prints the URL of the database for its owner, password included,
                                      for psql while Visita runs.
  send-test-mail ADDRESS              Sends one mail with the configuration as it is, and says who took
                                      it or what went wrong.
  make-secret                         Prints a fresh value for TOKEN_SIGNING_KEY or ENCRYPTION_KEY.
  help                                Prints this.

A command ends with 0 when it was done, 1 when it could not be, and 2 when it was asked for wrongly.`

const commands: Record<string, Command> = {
  'create-admin': createAdminByHand,
  'end-sessions': endSessionsByHand,
  'reset-second-factor': resetSecondFactorByHand,
  'send-reset-link': sendResetLinkByHand,
  'rotate-key': rotateKeyByHand,
  reencrypt: reencryptByHand,
  audit: auditByHand,
  'database-url': printDatabaseUrl,
  'send-test-mail': sendTestMailByHand,
  'make-secret': async () => say(newKey()),
  help: async () => say(usage),
}

function say(text: string): number {
  console.log(text)
  return 0
}

/** The options of each command that has any. */
const optionsOf: Record<string, readonly (keyof Options)[]> = {
  'create-admin': ['email', 'name'],
  reencrypt: ['drop-unused'],
  audit: ['expect'],
}

/** What is wrong with the command as it was called, for the operator; null for nothing. */
function faultOf(name: string, options: Options): string | null {
  if (!Object.hasOwn(commands, name)) return `There is no command "${name}".`
  const foreign = Object.keys(options).find(
    (option) => !optionsOf[name]?.some((known) => known === option),
  )
  return foreign === undefined ? null : `The command ${name} has no option --${foreign}.`
}

function printDatabaseUrl(given: Given): Promise<number> {
  return withRuntime(given, async ({ databaseUrl }) => say(databaseUrl))
}

async function sendTestMailByHand(given: Given): Promise<number> {
  const address = onlyArgument(given, {
    usage: 'send-test-mail ADDRESS',
    what: 'the one address to send it to',
  })
  if (address === null) return 2
  const { wasTaken, sentence } = await sendTestMail(given.config(), address)
  if (wasTaken) return say(sentence)
  console.error(sentence)
  return 1
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      email: { type: 'string' },
      name: { type: 'string' },
      expect: { type: 'string', multiple: true },
      'drop-unused': { type: 'boolean' },
    },
  })
  const [name = 'help', ...rest] = positionals
  const fault = faultOf(name, values)
  if (fault === null) {
    const config = () => loadConfig({ env: process.env })
    process.exitCode = await commands[name]!({
      config,
      options: values,
      rest,
      print: (text) => console.log(text),
      tell: (sentence) => console.error(sentence),
    })
  } else {
    console.error(`${fault}\n\n${usage}`)
    process.exitCode = 2
  }
} catch (error) {
  const refusal = refusalOf(error) ?? error
  if (!isPlainRefusal(refusal) && !isWrongOption(refusal)) throw error
  console.error(refusal.message)
  process.exitCode = isWrongOption(refusal) ? 2 : 1
}

function isWrongOption(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}
