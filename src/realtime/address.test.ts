import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { createAddressReader } from './address.ts'

test('a socket comes from where Fastify says that a request does', async () => {
  const proxies = [[], ['127.0.0.1'], ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'], ['fd00::1', '::1']]
  const remotes = ['127.0.0.1', '::ffff:127.0.0.1', '10.2.3.4', 'fd00::1', '::1', '203.0.113.7']
  const forwarded = [
    undefined,
    '',
    '198.51.100.1',
    '198.51.100.1, 10.0.0.2',
    ' 203.0.113.9 ,198.51.100.1 , fd00::5,10.0.0.2',
    '10.0.0.1,10.0.0.2',
    '198.51.100.1,, 10.0.0.2',
    'unknown, 10.0.0.2',
    '2001:db8::1, ::ffff:10.0.0.2',
  ]
  for (const trusted of proxies) {
    const app = Fastify({ trustProxy: trusted.length > 0 ? trusted : false })
    app.get('/', async (request) => request.ip)
    const addressOf = createAddressReader(trusted)
    for (const remoteAddress of remotes)
      for (const header of forwarded) {
        const headers = header === undefined ? {} : { 'x-forwarded-for': header }
        const { body } = await app.inject({ url: '/', remoteAddress, headers })
        const socket = { remoteAddress } as never
        assert.equal(
          addressOf({ headers, socket }),
          body,
          `${trusted.join()} ${remoteAddress} ${header}`,
        )
      }
    await app.close()
  }
})
