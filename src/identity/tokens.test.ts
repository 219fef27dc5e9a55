import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import {
  calculateJwkThumbprint,
  CompactSign,
  importJWK,
  type CompactJWSHeaderParameters,
} from 'jose'
import { createTokenSigner, tokenIssuer } from './tokens.ts'

const now = 1_795_513_200_000
const minute = 60_000
const accountId = '019a9b5e-4c52-7d1c-9a3e-2f6d0b8c4e17'
const sessionId = '019a9b5e-4c54-7f08-a2d1-5e6b9c0f1d32'
const signingKey = randomBytes(32).toString('base64url')
const tokens = createTokenSigner({
  signingKeys: [signingKey],
  issuer: tokenIssuer,
  accessTokenMinutes: 10,
})

const { kid } = tokens.jwks().keys[0]!
const rightHeader = { alg: 'EdDSA', typ: 'at+jwt', kid }
const rightClaims = {
  iss: 'visita',
  aud: 'visita',
  sub: accountId,
  sid: sessionId,
  exp: now / 1000 + 600,
}

/** Signs anything with the signer's own key, as a signer with a fault would. */
async function signed(
  claims: unknown,
  header: CompactJWSHeaderParameters = rightHeader,
): Promise<string> {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  const seed = Buffer.from(signingKey, 'base64url')
  const key = createPrivateKey({
    key: Buffer.concat([prefix, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims)
  const options = 'crit' in header ? { crit: { 'urn:strange': true } } : {}
  return new CompactSign(Buffer.from(payload)).setProtectedHeader(header).sign(key, options)
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

test('a token says whose it is until the moment it expires', async () => {
  const issued = await tokens.issue({ accountId, sessionId, role: 'patient', now })
  assert.equal(issued.expiresIn, 600)
  assert.deepEqual(await tokens.verify(issued.accessToken, now), { accountId, sessionId })
  assert.deepEqual(await tokens.verify(issued.accessToken, now + 10 * minute - 1), {
    accountId,
    sessionId,
  })
  assert.equal(await tokens.verify(issued.accessToken, now + 10 * minute), null)
})

test('processes with the same key take each other for one', async () => {
  const other = createTokenSigner({
    signingKeys: [signingKey],
    issuer: tokenIssuer,
    accessTokenMinutes: 5,
  })
  const { accessToken } = await other.issue({ accountId, sessionId, role: 'admin', now })
  assert.deepEqual(await tokens.verify(accessToken, now), { accountId, sessionId })
})

test('a token of another key is refused', async () => {
  const stranger = createTokenSigner({
    signingKeys: [randomBytes(32).toString('base64url')],
    issuer: tokenIssuer,
    accessTokenMinutes: 10,
  })
  const { accessToken } = await stranger.issue({ accountId, sessionId, role: 'admin', now })
  assert.equal(await tokens.verify(accessToken, now), null)
})

test('a token with one changed claim is refused', async () => {
  const { accessToken } = await tokens.issue({ accountId, sessionId, role: 'patient', now })
  const [header, , signature] = accessToken.split('.')
  const forged = `${header}.${encoded({ ...rightClaims, sub: sessionId })}.${signature}`
  assert.equal(await tokens.verify(forged, now), null)
})

test('an unsigned token is refused', async () => {
  const unsigned = `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded(rightClaims)}.`
  assert.equal(await tokens.verify(unsigned, now), null)
})

test('a token signed by HMAC with the public key as its secret is refused', async () => {
  const [key] = tokens.jwks().keys
  assert(key)
  const secrets = [Buffer.from(key.x, 'base64url'), Buffer.from(JSON.stringify(key))]
  for (const secret of secrets) {
    const input: string = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${encoded(rightClaims)}`
    const signature = createHmac('sha256', secret).update(input).digest('base64url')
    assert.equal(await tokens.verify(`${input}.${signature}`, now), null)
  }
})

test('a key that the token itself brings along is not used', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })
  const token = await new CompactSign(Buffer.from(JSON.stringify(rightClaims)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', jwk })
    .sign(privateKey)
  assert.equal(await tokens.verify(token, now), null)
})

test('a signed token for another use, issuer or audience is refused', async () => {
  assert.deepEqual(await tokens.verify(await signed(rightClaims), now), { accountId, sessionId })
  const wrong = [
    signed(rightClaims, { alg: 'EdDSA', kid }),
    signed(rightClaims, { alg: 'EdDSA', typ: 'JWT', kid }),
    signed({ ...rightClaims, iss: 'elsewhere' }),
    signed({ ...rightClaims, iss: undefined }),
    signed({ ...rightClaims, aud: 'elsewhere' }),
    signed({ ...rightClaims, aud: ['visita'] }),
    signed({ ...rightClaims, aud: undefined }),
  ]
  for (const token of wrong) assert.equal(await tokens.verify(await token, now), null)
})

test('a signed token without an end or an owner is refused', async () => {
  const wrong = [
    signed({ ...rightClaims, exp: undefined }),
    signed({ ...rightClaims, exp: '9999999999' }),
    signed({ ...rightClaims, sub: undefined }),
    signed({ ...rightClaims, sid: 7 }),
    signed({ ...rightClaims, sid: "x' or 1=1" }),
    signed({ ...rightClaims, sub: '\0' }),
    signed('null'),
    signed('not JSON'),
  ]
  for (const token of wrong) assert.equal(await tokens.verify(await token, now), null)
})

test('a token that demands an extension we do not know is refused', async () => {
  const header = { ...rightHeader, crit: ['urn:strange'], 'urn:strange': true }
  assert.equal(await tokens.verify(await signed(rightClaims, header), now), null)
})

test('text that is no token is refused', async () => {
  for (const text of ['', '.', '..', 'a.b.c', 'a.b.c.d.e', encoded(rightHeader)])
    assert.equal(await tokens.verify(text, now), null)
})

test('the key set names the key by its thumbprint and holds no private part', async () => {
  const [key] = tokens.jwks().keys
  assert(key)
  assert.equal(key.kid, await calculateJwkThumbprint(key))
  assert.equal('d' in key, false)
  assert(await importJWK(key))
})

test('a token that names no key of ours is refused, whoever signed it', async () => {
  for (const header of [
    { alg: 'EdDSA', typ: 'at+jwt' },
    { ...rightHeader, kid: '' },
    { ...rightHeader, kid: 'elsewhere' },
    { ...rightHeader, kid: 'toString' },
  ])
    assert.equal(await tokens.verify(await signed(rightClaims, header), now), null)
})

test('tokens of a former key are taken until it is removed, and the key set lists both', async () => {
  const nextKey = randomBytes(32).toString('base64url')
  const signerOf = (signingKeys: string[]) =>
    createTokenSigner({ signingKeys, issuer: tokenIssuer, accessTokenMinutes: 10 })
  const [rotated, removed] = [signerOf([nextKey, signingKey]), signerOf([nextKey])]
  const { accessToken: old } = await tokens.issue({ accountId, sessionId, role: 'patient', now })
  const { accessToken: fresh } = await rotated.issue({ accountId, sessionId, role: 'patient', now })
  assert.deepEqual(await rotated.verify(old, now), { accountId, sessionId })
  assert.deepEqual(await rotated.verify(fresh, now), { accountId, sessionId })
  assert.equal(await removed.verify(old, now), null)
  assert.deepEqual(await removed.verify(fresh, now), { accountId, sessionId })
  assert.equal(await tokens.verify(fresh, now), null)
  const listed = rotated.jwks().keys
  assert.deepEqual(
    listed.map((key) => key.kid),
    [removed.jwks().keys[0]!.kid, kid],
  )
  for (const key of listed) assert.equal('d' in key, false)
})

test('a signing key of another length is refused', () => {
  assert.throws(() =>
    createTokenSigner({ signingKeys: ['c2hvcnQ'], issuer: tokenIssuer, accessTokenMinutes: 10 }),
  )
})
