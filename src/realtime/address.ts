// From where a socket is opened, so that one place cannot take what is there for all.

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * Reads the address of a client as Fastify does for requests: of those that `X-Forwarded-For` names, the
 * last that no trusted proxy is behind; that of the connection where there are none. Proxies are IP
 * addresses or ranges.
 */
export function createAddressReader(
  trustedProxies: readonly string[],
): (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [address = '', bits] = proxy.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

  return ({ headers, socket }) => {
    const forwarded = String(headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((address) => address.trim())
      .filter((address) => address !== '')
    let address = socket.remoteAddress ?? ''
    while (isTrusted(address) && forwarded.length > 0) address = forwarded.pop()!
    return address
  }
}
