/**
 * IP addresses and prefixes as values: parsed once, compared by bytes, never by text.
 *
 * Text is read as the URL standard reads it (https://url.spec.whatwg.org/#host-parsing), so that what is vetted is what
 * every other component would connect to.
 */
import ipaddr from 'ipaddr.js';

/** `bytes`: 4 (IPv4) or 16 (IPv6), network order. `text`: the canonical form (dotted decimal, RFC 5952). */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: readonly number[];
  readonly text: string;
}

const ZERO = 48;
/** A full stop, counted from the digit zero. */
const DOT = 46 - ZERO;

export interface Prefix {
  readonly address: Address;
  /** Length in bits: 0 to 32 or 0 to 128, by the family of `address`. */
  readonly bits: number;
  readonly text: string;
}

/** `bytes`: 4 or 16 numbers from 0 to 255; any other count throws a RangeError. */
export function addressFromBytes(bytes: readonly number[]): Address {
  if (bytes.length === 4) return { family: 4, bytes, text: `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` };
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  return { family: 6, bytes, text: new ipaddr.IPv6([...bytes]).toString() };
}

/** An address in the form that DNS answers and configurations use: plain dotted decimal, or IPv6 without a zone. */
export function parseAddress(text: string): Address | null {
  return text.includes(':') ? parseIPv6(text) : parseDottedDecimal(text);
}

/** `address/bits`, host bits zero; a bare address is a prefix of full length. Null for anything else. */
export function parsePrefix(text: string): Prefix | null {
  const [base = '', length, ...rest] = text.split('/');
  const address = parseAddress(base);
  if (address === null || rest.length > 0) return null;
  const most = address.bytes.length * 8;
  if (length === undefined) return { address, bits: most, text: `${address.text}/${most}` };
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > most) return null;
  const bits = Number(length);
  return hasHostBits(address, bits) ? null : { address, bits, text: `${address.text}/${bits}` };
}

/** The prefix of `bits` bits that holds `address`. */
export function prefixOf(address: Address, bits: number): Prefix {
  const first = addressFromBytes(
    address.bytes.map((byte, i) => byte & ~(0xff >> Math.min(8, Math.max(0, bits - i * 8)))),
  );
  return { address: first, bits, text: `${first.text}/${bits}` };
}

/** False where the families differ: an IPv4 address is in no IPv6 prefix. */
export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.address.family !== address.family) return false;
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (prefix.address.bytes[i] !== address.bytes[i]) return false;
  const rest = prefix.bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((prefix.address.bytes[whole] ?? 0) & mask) === ((address.bytes[whole] ?? 0) & mask);
}

export function sameAddress({ bytes }: Address, { bytes: others }: Address): boolean {
  if (bytes.length !== others.length) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== others[i]) return false;
  return true;
}

/** Loopback: this machine as it addresses itself (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3). */
export function isLoopback({ family, bytes, text }: Address): boolean {
  return family === 4 ? bytes[0] === 127 : text === '::1';
}

/**
 * The URL standard's IPv4 parser: one to four parts, each decimal, octal (`0…`) or hex (`0x…`), the last one filling
 * what is left. Null where it fails; the caller asks `endsInNumber` first to know whether the text must be IPv4.
 */
export function parseIPv4(text: string): Address | null {
  return parseDottedDecimal(text) ?? parseAnySpelling(text);
}

/** The URL standard's "ends in a number" check: such a host is an IPv4 address or nothing. */
export function endsInNumber(host: string): boolean {
  const end = host.endsWith('.') ? host.length - 1 : host.length;
  const last = host.slice(host.lastIndexOf('.', end - 1) + 1, end);
  return NUMBER.test(last);
}

/** Made once, because an expression within a function is a new object at each call. */
const NUMBER = /^(?:\d+|0[xX][0-9a-fA-F]*)$/;

/** IPv6 text without brackets and without a zone identifier; null for anything else. */
export function parseIPv6(text: string): Address | null {
  if (!/^[0-9a-fA-F:]*(?::\d{1,3}(?:\.\d{1,3}){3})?$/.test(text)) return null;
  const groups = hexTail(text);
  if (groups === null || !ipaddr.IPv6.isValid(groups)) return null;
  return addressFromBytes(ipaddr.IPv6.parse(groups).toByteArray());
}

/** A dotted-decimal tail as two groups: ipaddr.js reads `::127.0.0.1` as `::ffff:127.0.0.1`, another address. */
function hexTail(text: string): string | null {
  const start = text.lastIndexOf(':') + 1;
  if (!text.includes('.')) return text;
  const tail = parseDottedDecimal(text.slice(start));
  if (tail === null) return null;
  const [a = 0, b = 0, c = 0, d = 0] = tail.bytes;
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** Read digit by digit: it runs several times per request, and a pattern, a split and a join cost twenty times as much. */
export function parseDottedDecimal(text: string): Address | null {
  if (text.length < 7 || text.length > 15) return null;
  const bytes = [0, 0, 0, 0];
  let part = 0;
  let byte = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit === DOT && byte >= 0 && part < 3) {
      bytes[part++] = byte;
      byte = -1;
    } else if (digit >= 0 && digit <= 9 && byte !== 0) {
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return null;
    } else return null;
  }
  if (part !== 3 || byte < 0) return null;
  bytes[3] = byte;
  return { family: 4, bytes, text };
}

function parseAnySpelling(text: string): Address | null {
  const parts = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  if (parts.length > 4) return null;
  const numbers = parts.map(parseIPv4Number);
  if (numbers.some((n) => Number.isNaN(n))) return null;
  const last = numbers.pop() ?? Number.NaN;
  if (numbers.some((n) => n > 255) || last >= 256 ** (4 - numbers.length)) return null;
  let value = last;
  numbers.forEach((n, i) => {
    value += n * 256 ** (3 - i);
  });
  return addressFromBytes([24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256));
}

function parseIPv4Number(part: string): number {
  if (/^0[xX][0-9a-fA-F]*$/.test(part)) return part.length === 2 ? 0 : Number.parseInt(part.slice(2), 16);
  if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
  return /^[1-9]\d*$/.test(part) ? Number.parseInt(part, 10) : Number.NaN;
}

function hasHostBits(address: Address, bits: number): boolean {
  return address.bytes.some((byte, i) => {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    return (byte & (0xff >> kept)) !== 0;
  });
}
