import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { after, test } from 'node:test'
import { startMailServer, type MailServer } from '#test/support/mail-server.ts'

const servers: MailServer[] = []

after(async () => {
  for (const server of servers) await server.close()
})

/** Runs the command as an operator does, in a directory without .env. */
function command(
  env: Record<string, string>,
  ...rest: string[]
): Promise<{ code: number; output: string; errors: string }> {
  const cli = resolve(import.meta.dirname, '../cli.ts')
  const { PATH = '' } = process.env
  return new Promise((done) => {
    execFile(
      process.execPath,
      [cli, 'send-test-mail', ...rest],
      { cwd: import.meta.dirname, env: { PATH, ...env } },
      (error, output, errors) =>
        done({ code: error === null ? 0 : Number(error.code), output, errors }),
    )
  })
}

const from = { MAIL_FROM: 'North Clinics <visits@north.example.org>' }

test('a test mail goes out as real ones do, and the command says who took it', async () => {
  const server = await startMailServer()
  servers.push(server)
  const env = { ...from, SMTP_URL: server.url }
  const sent = await command(env, 'ops@example.org')
  assert.equal(sent.code, 0, sent.errors)
  const host = new URL(server.url).host
  assert.equal(
    sent.output,
    `The mail to ops@example.org was taken by the mail server ${host} as test-1. If it does not arrive, look among the junk mail and check the SPF and DKIM records of north.example.org.\n`,
  )
  const [arrived] = await server.next(1)
  assert.equal(arrived!.email.from?.address, 'visits@north.example.org')
  assert.equal(arrived!.email.subject, 'A test mail from Visita')

  server.refuse((_address, step) => (step === 'RCPT TO' ? 550 : null))
  const refused = await command(env, 'gone@example.org')
  assert.equal(refused.code, 1)
  assert.equal(refused.output, '')
  assert.match(refused.errors, /^Not sent by the mail server .* refused the recipient \(550.*Check/)
})

test('without a set-up the command names the variables, and with a wrong one what to check', async () => {
  const [none, half, unreachable, noAddress] = await Promise.all([
    command({}, 'ops@example.org'),
    command({ SMTP_URL: 'smtp://127.0.0.1:1' }, 'ops@example.org'),
    command({ ...from, SMTP_URL: 'smtp://u:sesame@127.0.0.1:1' }, 'ops@example.org'),
    command({ ...from, SMTP_URL: 'smtp://127.0.0.1:1' }),
  ])
  assert.equal(none.code, 1)
  assert.match(none.errors, /^E-mail is not set up. Set MAIL_FROM, and SMTP_URL or RESEND_API_KEY/)
  assert.equal(half.code, 1)
  assert.match(half.errors, /^E-mail is not set up. Set MAIL_FROM, in the environment/)
  assert.equal(unreachable.code, 1)
  assert.match(
    unreachable.errors,
    /^Not sent by the mail server 127\.0\.0\.1:1\. .*ECONNREFUSED.*SMTP_URL/,
  )
  assert.doesNotMatch(unreachable.errors, /sesame/)
  assert.equal(noAddress.code, 2)
  assert.match(noAddress.errors, /send-test-mail ADDRESS/)
})

test('a word that is no address is said to be none, whatever the mail server would say', async () => {
  const { code, errors } = await command({ ...from, SMTP_URL: 'smtp://127.0.0.1:1' }, 'nonsense')
  assert.equal(code, 1)
  assert.match(errors, /^"nonsense" is no e-mail address/)
})
