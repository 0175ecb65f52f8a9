/** What is public, worked out apart from the product: from the edges of the ranges, on integers. */
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { RANGE_EDGES } from '../core/range-edges.js';

interface Span {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const METADATA = ['100.100.100.200', '192.0.0.192', '168.63.129.16'];

const PROHIBITED: readonly Span[] = [
  ...RANGE_EDGES.map(([, first, last]) => ({ ...integer(first), last: integer(last).first })),
  ...METADATA.map((text) => ({ ...integer(text), last: integer(text).first })),
].filter(({ family, first, last }) => !(family === 6 && isDecodedForm(first) && isDecodedForm(last)));

/** True where nothing but a rule of the operator may open `text`, an address in any standard form. */
export function isProhibited(text: string): boolean {
  const { family, first } = integer(text);
  if (family === 6 && isDecodedForm(first)) return isProhibited(dotted(first & 0xffff_ffffn));
  if (family === 6 && isIsatap(first)) return true;
  return PROHIBITED.some((span) => span.family === family && span.first <= first && first <= span.last);
}

/** Addresses of which about half are special, in every form that DNS gives. */
export function anyAddress(): fc.Arbitrary<string> {
  const edges = RANGE_EDGES.flatMap(([, ...texts]) =>
    texts.filter((text) => text !== '-').map((text) => text.replace('+', '')),
  );
  const ipv4 = fc.nat({ max: 0xffff_ffff }).map((value) => dotted(BigInt(value)));
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })), { minLength: 7, maxLength: 7 });
  const ipv6 = fc.tuple(fc.oneof(fc.constant(0x2606), fc.nat({ max: 0xffff })), groups);
  const inner = fc.tuple(fc.constantFrom('::ffff:', '64:ff9b::', '::', '64:ff9b:1::', '2606::5efe:'), ipv4);
  return fc.oneof(
    fc.constantFrom(...edges, ...METADATA),
    ipv4,
    ipv6.map(([first, rest]) => [first, ...rest].map((group) => group.toString(16)).join(':')),
    inner.map(([prefix, text]) => `${prefix}${text}`),
  );
}

function integer(text: string): { family: 4 | 6; first: bigint } {
  if (!isIPv6(text)) return { family: 4, first: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  const hex = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [left = '', right] = hex.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const groups = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return { family: 6, first: groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n) };
}

/** IPv4-mapped, and NAT64 under the well-known prefix. */
function isDecodedForm(value: bigint): boolean {
  return value >> 32n === 0xffffn || value >> 32n === 0x64_ff9b_0000_0000_0000_0000n;
}

function isIsatap(value: bigint): boolean {
  const identifier = (value >> 32n) & 0xffff_ffffn;
  return identifier === 0x5efen || identifier === 0x0200_5efen;
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}
