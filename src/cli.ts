// `npm run visita -- <command>`: what an operator does from the command line.

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { openRuntime } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { refusalOf } from '#src/db/constraints.ts'
import { sendTestMail } from '#src/delivery/test-mail.ts'
import { createAdmin } from '#src/identity/first-admin.ts'
import { isPlainRefusal } from '#src/refusal-at-start.ts'
import { newKey } from '#src/secrets.ts'

const usage = `Usage: npm run visita -- <command>

  create-admin [--email E --name N]   Makes an admin account. Asks for what is missing; the password
                                      is asked for, or read from standard input.
  database-url                        Prints the URL of the database for its owner, password included,
                                      for psql while Visita runs.
  send-test-mail ADDRESS              Sends one mail with the configuration as it is, and says who took
                                      it or what went wrong.
  make-secret                         Prints a fresh value for TOKEN_SIGNING_KEY.
  help                                Prints this.`

interface Options {
  email?: string
  name?: string
  /** What follows the name of the command. */
  rest: string[]
}

const commands: Record<string, (options: Options) => Promise<void>> = {
  'create-admin': createAdminByHand,
  'database-url': printDatabaseUrl,
  'send-test-mail': sendTestMailByHand,
  'make-secret': async () => console.log(newKey()),
  help: async () => console.log(usage),
}

async function printDatabaseUrl(): Promise<void> {
  const config = loadConfig({ env: process.env })
  const opened = await openRuntime({ config, say: (sentence) => console.error(sentence) })
  console.log(opened.databaseUrl)
  await opened.close()
}

async function sendTestMailByHand({ rest }: Options): Promise<void> {
  const [address, ...more] = rest
  if (address === undefined || more.length > 0) {
    console.error('Name the one address to send it to: npm run visita -- send-test-mail ADDRESS')
    process.exitCode = 2
    return
  }
  const { wasTaken, sentence } = await sendTestMail(loadConfig({ env: process.env }), address)
  if (wasTaken) console.log(sentence)
  else console.error(sentence)
  process.exitCode = wasTaken ? 0 : 1
}

async function createAdminByHand(options: Options): Promise<void> {
  const config = loadConfig({ env: process.env })
  let isSecret = false
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!isSecret) process.stderr.write(chunk)
      done()
    },
  })
  const terminal = process.stdin.isTTY
  const input = createInterface({ input: process.stdin, output, terminal })
  const lines = input[Symbol.asyncIterator]()
  const ask = async (question: string) => {
    if (terminal) process.stderr.write(question)
    const { value, done } = await lines.next()
    return done ? '' : value
  }
  const email = options.email ?? (await ask('E-mail address: ')).trim()
  const name = options.name ?? (await ask('Name: ')).trim()
  isSecret = true
  const password = await ask('Password (8 to 128 characters, not shown): ')
  if (terminal) process.stderr.write('\n')
  input.close()

  const opened = await openRuntime({ config, say: (sentence) => console.error(sentence) })
  try {
    await createAdmin(opened.runtime, { email, name, password })
    console.log(`${name} (${email}) is now an admin and can sign in.`)
  } finally {
    await opened.close()
  }
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { email: { type: 'string' }, name: { type: 'string' } },
  })
  const [name = 'help', ...rest] = positionals
  const command = commands[name]
  if (command) await command({ ...values, rest })
  else {
    console.error(`There is no command "${name}".\n\n${usage}`)
    process.exitCode = 2
  }
} catch (error) {
  const refusal = refusalOf(error) ?? error
  if (!isPlainRefusal(refusal) && !isWrongOption(refusal)) throw error
  console.error(refusal.message)
  process.exitCode = 1
}

function isWrongOption(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}
