/** IPv4 addresses carried inside IPv6 addresses: which forms are decoded, and which are refused as they are. */
import { type Address, addressFromBytes, contains, type Prefix, parsePrefix } from './address.js';

/** `decoded`: the inner address is judged instead of the outer one. `refused`: an address of this form is never dialled. */
export type Embedding =
  | { readonly kind: 'decoded'; readonly inner: Address; readonly form: string }
  | { readonly kind: 'refused'; readonly inner: Address; readonly form: string; readonly source: string };

interface Form {
  readonly prefix: Prefix;
  readonly form: string;
  readonly source: string;
  readonly kind: Embedding['kind'];
  readonly inner: (address: Address) => Address;
}

const lastFour = (address: Address): Address => addressFromBytes(address.bytes.slice(12, 16));

const FORMS: readonly Form[] = [
  form('decoded', '::ffff:0:0/96', 'IPv4-mapped', 'RFC 4291 section 2.5.5.2', lastFour),
  form('decoded', '64:ff9b::/96', 'NAT64', 'RFC 6052 section 2.1', lastFour),
  form('refused', '64:ff9b:1::/48', 'NAT64, local use', 'RFC 8215', lastFour),
  form('refused', '::ffff:0:0:0/96', 'IPv4-translated', 'RFC 2765', lastFour),
  form('refused', '2002::/16', '6to4', 'RFC 3056', (a) => addressFromBytes(a.bytes.slice(2, 6))),
  form('refused', '2001::/32', 'Teredo', 'RFC 4380', (a) =>
    addressFromBytes(a.bytes.slice(12, 16).map((byte) => byte ^ 0xff)),
  ),
];

const COMPATIBLE = prefix('::/96');
const TAILSCALE_4VIA6 = prefix('fd7a:115c:a1e0:b1a::/64');

/**
 * Null where `address` carries none. `nat64`: the network's own prefixes (RFC 6052 section 2.2: 32, 40, 48, 56, 64 or
 * 96 bits), decoded like the well-known one.
 */
export function embeddedIPv4(address: Address, nat64: readonly Prefix[]): Embedding | null {
  if (address.family === 4) return null;
  const own = nat64.find((candidate) => contains(candidate, address));
  if (own !== undefined) return { kind: 'decoded', inner: decodeNat64(address, own.bits), form: 'NAT64' };
  const known = FORMS.find((candidate) => contains(candidate.prefix, address));
  if (known !== undefined) {
    const { kind, form: name, source } = known;
    return { kind, inner: known.inner(address), form: name, source };
  }
  return compatible(address) ?? isatap(address);
}

/** The IPv4 address behind a Tailscale "4via6" address, which is a unique-local one in every other respect. */
export function tailscale4via6(address: Address): Address | null {
  return contains(TAILSCALE_4VIA6, address) ? lastFour(address) : null;
}

/** True for the prefix lengths of RFC 6052 section 2.2. */
export function isNat64Length(bits: number): boolean {
  return [32, 40, 48, 56, 64, 96].includes(bits);
}

/** IPv4-compatible, which `::` and `::1` are not, although they begin with the same bits. */
function compatible(address: Address): Embedding | null {
  const value = address.bytes.slice(12);
  if (!contains(COMPATIBLE, address) || (value[0] === 0 && value[1] === 0 && value[2] === 0)) return null;
  return { kind: 'refused', inner: lastFour(address), form: 'IPv4-compatible', source: 'RFC 4291 section 2.5.5.1' };
}

/** RFC 5214 section 6.1: interface identifier 0000:5efe or 0200:5efe, then the IPv4 address, under any prefix. */
function isatap(address: Address): Embedding | null {
  const [a, b, c, d] = address.bytes.slice(8, 12);
  if (!((a === 0 || a === 2) && b === 0 && c === 0x5e && d === 0xfe)) return null;
  return { kind: 'refused', inner: lastFour(address), form: 'ISATAP', source: 'RFC 5214' };
}

/** RFC 6052 section 2.2: the IPv4 bytes follow the prefix and step over bits 64 to 71 (the u-octet). */
function decodeNat64(address: Address, bits: number): Address {
  const inner: number[] = [];
  for (let i = bits / 8; inner.length < 4; i++) if (i !== 8 || bits === 96) inner.push(address.bytes[i] ?? 0);
  return addressFromBytes(inner);
}

function form(
  kind: Embedding['kind'],
  text: string,
  name: string,
  source: string,
  inner: (address: Address) => Address,
): Form {
  return { kind, prefix: prefix(text), form: name, source, inner };
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}
