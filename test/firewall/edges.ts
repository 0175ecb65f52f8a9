/** First and last address of every special-purpose range, and the neighbours on both sides. */
import { type Address, addressFromBytes } from '../../proxy/core/address.js';
import { RANGES } from '../../proxy/core/special-purpose.js';

export function edges(): Address[] {
  return RANGES.flatMap(({ prefix }) => {
    const first = toNumber(prefix.address);
    const size = 2n ** BigInt(prefix.address.bytes.length * 8 - prefix.bits);
    const most = 2n ** BigInt(prefix.address.bytes.length * 8);
    return [first - 1n, first, first + size - 1n, first + size]
      .filter((value) => value >= 0n && value < most)
      .map((value) => fromNumber(value, prefix.address.bytes.length));
  });
}

function toNumber(address: Address): bigint {
  return address.bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function fromNumber(value: bigint, length: number): Address {
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
  return addressFromBytes(bytes);
}
