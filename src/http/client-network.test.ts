import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { networkOf } from './client-network.ts'

test('a network is an IPv4 address, or the first 64 bits of an IPv6 address', () => {
  const same = [
    ['203.0.113.7', '::ffff:203.0.113.7', '::FFFF:cb00:7107', '0:0:0:0:0:ffff:203.0.113.7'],
    ['198.51.100.9', '198.51.100.9:4711', '64:ff9b::198.51.100.9', '[::ffff:198.51.100.9]:80'],
    ['2001:db8:1:2::1', '2001:0DB8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2:3:4:192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0:1::', '2001:db8::1:2:3:4', '[2001:db8::7]:443', '[2001:db8::7]'],
    ['fe80::1%eth0', 'fe80::2', 'fe80::1%1'],
    ['::1', '::2', '::'],
    ['', 'unknown', '_hidden', '1.2.3', '1.2.3.256', '::g', '1.2.3.4, 5.6.7.8', '2001:db8:::1'],
  ]
  const networks = same.map((addresses) => new Set(addresses.map(networkOf)))
  for (const network of networks) assert.equal(network.size, 1, [...network].join(' '))
  assert.equal(new Set(networks.flatMap((network) => [...network])).size, same.length)
  assert.equal(networkOf('2001:db8:1:2::1'), '2001:db8:1:2::/64')
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.notEqual(networkOf('203.0.113.7'), networkOf('203.0.113.8'))
})

const groups = fc.array(
  fc.oneof(fc.constantFrom(0, 0, 1, 0xffff, 0x64, 0xff9b), fc.integer({ min: 0, max: 0xffff })),
  { minLength: 8, maxLength: 8 },
)
const spelling = fc.record({
  upper: fc.boolean(),
  padded: fc.boolean(),
  dotted: fc.boolean(),
  /** Which of the places where zeros can be left out is used, if any. */
  gap: fc.nat({ max: 40 }),
  zone: fc.constantFrom('', '%eth0', '%1'),
})
type Spelling = typeof spelling extends fc.Arbitrary<infer Value> ? Value : never

/** Writes the address as RFC 4291, section 2.2, allows. */
function spell(address: readonly number[], { upper, padded, dotted, gap, zone }: Spelling): string {
  const texts = address.map((group) => group.toString(16).padStart(padded ? 4 : 1, '0'))
  if (dotted) {
    const bytes = address.slice(6).flatMap((group) => [group >> 8, group & 0xff])
    texts.splice(6, 2, bytes.join('.'))
  }
  const gaps = texts.flatMap((_text, from) =>
    texts.slice(from).map((_rest, index) => ({ from, to: from + index + 1 })),
  )
  const possible = gaps.filter(({ from, to }) =>
    texts.slice(from, to).every((text) => /^0+$/.test(text)),
  )
  const left = possible[gap]
  const text = left
    ? `${texts.slice(0, left.from).join(':')}::${texts.slice(left.to).join(':')}`
    : texts.join(':')
  return (upper ? text.toUpperCase() : text) + zone
}

test('however an address is written, it is one network', () => {
  fc.assert(
    fc.property(
      groups,
      fc.array(spelling, { minLength: 2, maxLength: 6 }),
      (address, spellings) => {
        const written = spellings.map((one) => spell(address, one))
        assert.equal(new Set(written.map(networkOf)).size, 1, written.join(' '))
        assert.notEqual(networkOf(written[0]), 'unknown')
      },
    ),
    { numRuns: 2000 },
  )
})

test('two IPv6 addresses are one network when their first 64 bits are the same, and only then', () => {
  const ends = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 4, maxLength: 4 })
  // Outside of the ranges that stand for IPv4.
  const starts = ends.map(([first = 0, ...rest]) => [first | 0x2000, ...rest])
  const plain: Spelling = { upper: false, padded: false, dotted: false, gap: 40, zone: '' }
  fc.assert(
    fc.property(starts, starts, ends, ends, (one, other, end, otherEnd) => {
      const network = (start: number[], rest: number[]) =>
        networkOf(spell([...start, ...rest], plain))
      assert.equal(network(one, end), network(one, otherEnd))
      assert.equal(network(one, end) === network(other, end), one.join() === other.join())
    }),
  )
})
