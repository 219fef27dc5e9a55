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

/**
 * The network that one customer has: an IPv4 address, also when it is written as IPv6 (RFC 4291, section
 * 2.5.5.2), or the first 64 bits of an IPv6 address, of which each line has at least so many (RFC 6177).
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(?<address>\d+(?:\.\d+){3})$/i.exec(address)?.groups?.['address']
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [before = '', after] = address
    .replace(/%.*$/, '')
    .replace(/\d+(?:\.\d+){3}$/, '0:0')
    .split('::')
  const [head, tail] = [groupsOf(before), groupsOf(after ?? '')]
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  const first = [...head, ...zeros, ...tail].slice(0, 4)
  return first.map((group) => group.toString(16)).join(':')
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}
