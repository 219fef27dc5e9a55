// Commands for accounts: making an admin, and helping an owner who cannot get in.

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { createAdmin } from '#src/identity/first-admin.ts'
import { endSessionsFor, makeResetLinkFor, resetSecondFactorFor } from '#src/identity/operator.ts'
import { formatUtc } from '#src/kernel/time.ts'
import { onlyArgument, withRuntime, type Given } from './cli-command.ts'

/** Asks for what was not given; the password is never shown. */
export async function createAdminByHand(given: Given): Promise<number> {
  given.config()
  const { email, name, password } = await askForAdmin(given)
  return withRuntime(given, async ({ runtime }) => {
    await createAdmin(runtime, { email, name, password })
    given.print(`${name} (${email}) is now an admin and can sign in.`)
    return 0
  })
}

async function askForAdmin({ options }: Given) {
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
  return { email, name, password }
}

const whose = 'the e-mail address of one account'

/** Signs an account out everywhere. */
export async function endSessionsByHand(given: Given): Promise<number> {
  const email = onlyArgument(given, { usage: 'end-sessions EMAIL', what: whose })
  if (email === null) return 2
  return withRuntime(given, async ({ runtime }) => {
    const count = await endSessionsFor(runtime, email)
    given.print(
      count === 0
        ? `${email} was signed in nowhere.`
        : `${email} is signed out: ${counted(count, 'session has', 'sessions have')} ended. If someone else knows the password, run send-reset-link next.`,
    )
    return 0
  })
}

/** Takes the second factor away from an account whose owner has lost it. */
export async function resetSecondFactorByHand(given: Given): Promise<number> {
  const email = onlyArgument(given, { usage: 'reset-second-factor EMAIL', what: whose })
  if (email === null) return 2
  return withRuntime(given, async ({ runtime }) => {
    const isDone = await resetSecondFactorFor(runtime, email)
    if (isDone)
      given.print(
        `${email} has no second factor any more and is signed out. The owner signs in with the password and sets up a new one.`,
      )
    else given.tell(`${email} has no second factor. Nothing was changed.`)
    return isDone ? 0 : 1
  })
}

/** Prints a link by which the owner of an account chooses a new password: it alone on standard output. */
export async function sendResetLinkByHand(given: Given): Promise<number> {
  const email = onlyArgument(given, { usage: 'send-reset-link EMAIL', what: whose })
  if (email === null) return 2
  return withRuntime(given, async ({ runtime }) => {
    const { link, endsAt } = await makeResetLinkFor(runtime, email)
    given.print(link)
    given.tell(
      `Good once, until ${formatUtc(endsAt)}. Hand it over only to whom you know as the owner of ${email}; all sessions end when it is used. ${runtime.senders.mail === null ? 'It is not mailed, since no mail is set up.' : 'The server that runs mails it there as well.'}`,
    )
    return 0
  })
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
