import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { findSecrets } from './secret-scan.ts'

// Put together here, so that this file holds none of them.
const letters = 'Zk3mQv0yXb7cT1hRr9uWd2sLpE4aNoG6iKfJ8tUx'
const key = 'PRIVATE KEY'
const word = 'hunter2'
const planted: Record<string, string> = {
  'a private key': `-----BEGIN ${key}-----`,
  'an RSA key': `-----BEGIN RSA ${key}-----`,
  'a key of AWS': `AKIA${letters.slice(0, 16).toUpperCase()}`,
  'a token of GitHub': `ghp_${letters.slice(0, 36)}`,
  'a fine-grained one': `github_pat_${letters}${letters}`,
  'a token of GitLab': `glpat-${letters.slice(0, 20)}`,
  'a token of npm': `npm_${letters.slice(0, 36)}`,
  'a token of Slack': `xoxb-${letters}`,
  'a hook of Slack': `https://hooks.slack.com/services/T${letters.slice(0, 9)}/B${letters.slice(0, 9)}/${letters}`,
  'a key of Stripe': `sk_live_${letters}`,
  'a key of Google': `AIza${letters.slice(0, 35)}`,
  'a key of SendGrid': `SG.${letters}.${letters}`,
  'a key of Resend': `re_${letters.slice(0, 8)}_${letters}`,
  'a key of Twilio': `SK${'0123456789abcdef'.repeat(2)}`,
  'an access token': `eyJ${letters}.eyJ${letters}.${letters}`,
  'a password in a URL': `postgres://visita:${word}@db.north-clinics.net/visita`,
  'one of a host without dots': `postgres://visita:${letters}@database/visita`,
  'a key in YAML': `  encryption-key: ${randomBytes(32).toString('base64url')}`,
  'a key in the environment': `TOKEN_SIGNING_KEY=${randomBytes(32).toString('base64url')}`,
  'a key in JSON': `  "clientSecret": "${randomBytes(32).toString('base64')}",`,
  'a key in code': `const apiKey = '${randomBytes(24).toString('hex')}'`,
}

for (const [what, secret] of Object.entries(planted))
  test(`${what} is found, with its line, and is not told`, () => {
    const found = findSecrets(`one line\nanother\n${secret}\nthe last`)
    assert.equal(found.length, 1)
    assert.equal(found[0]!.line, 3)
    assert.match(found[0]!.fingerprint, /^[0-9a-f]{16}$/)
    const told = JSON.stringify(found)
    for (const part of [letters.slice(0, 16), word, secret.slice(-16)])
      assert.ok(!told.includes(part), told)
  })

test('what only looks a little like a secret is let be', () => {
  const harmless = [
    'const refreshToken = await issueRefreshToken(context, session)',
    'password: "four wet herons wait"',
    'passwordHash: account.password_hash_of_the_account_2026',
    'tokenId = "019a9b5e-4c54-7f08-a2d1-5e6b9c0f1d32"',
    '"integrity": "sha512-Zk3mQv0yXb7cT1hRr9uWd2sLpE4aNoG6iKfJ8tUxZk3mQv0yXb7cT1hRr9uWd2sLpE4aNoG6iKfJ8tUx"',
    'postgres://visita_app:password@db.example.org:5432/visita?sslmode=verify-full',
    'DATABASE_URL=postgres://app:password@localhost/visita',
    'smtp://user:${password}@mail.north-clinics.net',
    'mysql://app:hunter2@db/visita',
    'import { createTokenSigner } from "#src/identity/tokens-of-2026/signer-number-two.ts"',
    'RESEND_API_KEY=re_…',
  ]
  for (const line of harmless) assert.deepEqual(findSecrets(line), [], line)
})
