/** Finds the value of the narrowest prefix around an address, by binary search: every request asks more than once. */
import { type Address, addressFromBytes, contains, type Prefix } from './address.js';

export interface Ranged<T> {
  readonly prefix: Prefix;
  readonly is: T;
}

/** Pieces of the address space: each ends where the next one begins. */
interface Pieces<T> {
  readonly firsts: readonly (readonly number[])[];
  readonly are: readonly T[];
}

/** The lookup for one address family; `rest`: what an address in no prefix is. */
export function rangeLookup<T>(ranges: readonly Ranged<T>[], rest: T): (address: Address) => T {
  const { firsts, are } = pieces(ranges, rest);
  return ({ bytes }) => {
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(firsts[middle] ?? [], bytes) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? rest : (are[low - 1] ?? rest);
  };
}

function pieces<T>(ranges: readonly Ranged<T>[], rest: T): Pieces<T> {
  const narrowFirst = ranges.toSorted((a, b) => b.prefix.bits - a.prefix.bits);
  const edges = ranges.flatMap(({ prefix }) => [prefix.address.bytes, behind(prefix) ?? prefix.address.bytes]);
  const firsts = edges.toSorted(compare).filter((bytes, i, all) => i === 0 || compare(bytes, all[i - 1] ?? []) !== 0);
  const are = firsts.map((bytes) => {
    const address = addressFromBytes(bytes);
    return narrowFirst.find(({ prefix }) => contains(prefix, address))?.is ?? rest;
  });
  return { firsts, are };
}

/** The first address after the prefix; null where it is the end of the space. */
function behind({ address, bits }: Prefix): number[] | null {
  const bytes = [...address.bytes];
  let step = 1 << ((8 - (bits % 8)) % 8);
  for (let i = Math.ceil(bits / 8) - 1; i >= 0; i--) {
    const sum = (bytes[i] ?? 0) + step;
    bytes[i] = sum & 0xff;
    step = sum >> 8;
    if (step === 0) return bytes;
  }
  return null;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
