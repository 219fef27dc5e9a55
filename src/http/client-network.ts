// From where a request comes, as limits count it: one place must not count as many.

import { isIPv4, isIPv6 } from 'node:net'

/** What stands for all that is no address, as a proxy may pass it on. */
const unknownNetwork = 'unknown'

/**
 * The network that one customer has: an IPv4 address, also when it is written as IPv6 (RFC 4291, section
 * 2.5.5.2, and RFC 6052, section 2.1), or the first 64 bits of an IPv6 address, of which each line has at
 * least so many (RFC 6177). Always written the same. A port behind the address is left out. A
 * connection that has just gone has no address any more.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return unknownNetwork
  const bare = withoutPort(address.trim())
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return unknownNetwork
  const groups = groupsOf(bare)
  const isMapped = startsWith(groups, [0, 0, 0, 0, 0, 0xffff])
  const isTranslated = startsWith(groups, [0x64, 0xff9b, 0, 0, 0, 0])
  if (isMapped || isTranslated)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.')
  const first = groups.slice(0, 4).map((group) => group.toString(16))
  return `${first.join(':')}::/64`
}

function withoutPort(address: string): string {
  const inBrackets = /^\[(?<inner>[^\]]*)\](?::\d+)?$/.exec(address)?.groups?.['inner']
  if (inBrackets !== undefined) return inBrackets
  return /^(?<inner>[\d.]+):\d+$/.exec(address)?.groups?.['inner'] ?? address
}

/** The eight groups of an IPv6 address, however it is written (RFC 4291, section 2.2). */
function groupsOf(address: string): number[] {
  const [before = '', after] = address.replace(/%.*$/, '').split('::')
  const [head, tail] = [read(before), read(after ?? '')]
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0)
  return [...head, ...zeros, ...tail]
}

function read(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [one = 0, two = 0, three = 0, four = 0] = group.split('.').map(Number)
    return [(one << 8) | two, (three << 8) | four]
  })
}

function startsWith(groups: readonly number[], start: readonly number[]): boolean {
  return start.every((group, index) => groups[index] === group)
}
