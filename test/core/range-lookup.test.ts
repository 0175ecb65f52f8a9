import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressFromBytes, contains, type Prefix, prefixOf } from '../../proxy/core/address.js';
import { RANGES, rangeLookup } from '../../proxy/core/special-purpose.js';

const byte = fc.integer({ min: 0, max: 255 });
const addressOf = (length: number): fc.Arbitrary<Address> =>
  fc.array(byte, { minLength: length, maxLength: length }).map((bytes) => addressFromBytes(bytes));
const prefixOfLength = (length: number): fc.Arbitrary<Prefix> =>
  fc.tuple(addressOf(length), fc.integer({ min: 0, max: length * 8 })).map(([one, bits]) => prefixOf(one, bits));

/** What the lookup stands for, one prefix after the other. */
function narrowest(prefixes: readonly Prefix[], address: Address): string {
  const around = prefixes.filter((prefix) => contains(prefix, address));
  return around.toSorted((a, b) => b.bits - a.bits)[0]?.text ?? 'rest';
}

function lookupOf(prefixes: readonly Prefix[]): (address: Address) => string {
  return rangeLookup(
    prefixes.map((prefix) => ({ prefix, is: prefix.text })),
    'rest',
  );
}

/** First and last address of a prefix, and their neighbours. */
function edges({ address, bits }: Prefix): Address[] {
  const first = BigInt(`0x${Buffer.from(address.bytes).toString('hex')}`);
  const width = address.bytes.length * 8;
  const size = 1n << BigInt(width - bits);
  const all = 1n << BigInt(width);
  return [first - 1n, first, first + size - 1n, first + size].map((value) => {
    const hex = ((value + all) % all).toString(16).padStart(width / 4, '0');
    return addressFromBytes([...Buffer.from(hex, 'hex')]);
  });
}

for (const length of [4, 16]) {
  test(`an address of ${length} bytes is what the narrowest prefix around it is`, () => {
    fc.assert(
      fc.property(fc.array(prefixOfLength(length), { maxLength: 12 }), addressOf(length), (prefixes, address) => {
        const lookup = lookupOf(prefixes);
        for (const one of [address, ...prefixes.flatMap(edges)]) assert.equal(lookup(one), narrowest(prefixes, one));
      }),
    );
  });

  test(`so it is at both edges of every range of ${length} bytes in the table`, () => {
    const prefixes = RANGES.map(({ prefix }) => prefix).filter(({ address }) => address.bytes.length === length);
    const lookup = lookupOf(prefixes);
    for (const one of prefixes.flatMap(edges)) assert.equal(lookup(one), narrowest(prefixes, one), one.text);
  });
}
