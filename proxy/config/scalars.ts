/**
 * The scalar forms of the configuration as zod schemas: text in, a value that cannot be wrong out. The message of every
 * issue is the right form with an example; load.ts adds the path and the value.
 */
import * as z from 'zod';
import { type Prefix, parseAddress, parseIPv6, parsePrefix } from '../core/address.js';
import { embeddedIPv4, isNat64Length } from '../core/embedded.js';
import type { PortRange } from '../core/policy.js';
import { type HostPattern, hostPortText, isPort, parseHost, parseHostPattern, parsePort } from '../core/target.js';
import type { HostAddress, HostPort } from './places.js';
import { parseDuration, parseSize } from './units.js';

const DAY_MS = 86_400_000;
const LONGEST_WAIT_MS = 600_000;

/** `off` and null turn a listener off. */
export const hostPortOrOff = form('host:port, such as "127.0.0.1:9180" or "[::1]:9180", or "off"', readHostPortOrOff, {
  pattern: '^(off|.+:\\d+)$',
}).nullable();

export const hostPort = form('host:port, such as "0.0.0.0:3128" or "[::]:3128"', (text) => readHostPort(text, 0), {
  pattern: '^.+:\\d+$',
});

/** A destination: port 0 names none. */
export const destination = form(
  'host:port, such as "gateway:8811" or "[fd00::1]:80"',
  (text) => readHostPort(text, 1),
  {
    pattern: '^.+:\\d+$',
  },
);

/** `off` and null: none. */
export const destinationOrOff = form(
  'host:port, such as "gateway:8811", or "off"',
  (text) => (text === 'off' ? null : readHostPort(text, 1)),
  { pattern: '^(off|.+:\\d+)$' },
).nullable();

/** An address, or address:port with brackets around IPv6, in the spelling that c-ares takes. */
export const dnsServer = form('"address" or "address:port", such as "9.9.9.9" or "[2620:fe::fe]:53"', readDnsServer);

export const hostPattern = form('a DNS name or *.suffix, such as "api.github.com" or "*.github.com"', readHostPattern);

export const prefix = form(
  'an address or a CIDR prefix without host bits, such as "192.168.1.20/32" or "fd00::/8"',
  (text) => orMismatch(parsePrefix(text)),
);

/** An address or prefix, a name whose addresses may change, or the word for the next hop of the default route. */
export const hostAddress = form(
  'an address, a prefix, a DNS name or "gateway", such as 203.0.113.7, "2001:db8::/64" or home.example.net',
  readHostAddress,
);

export const nat64Prefix = form(
  'an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits, such as "2001:db8:64::/96"',
  readNat64,
);

export const clientName = form('a name of 1 to 64 letters, digits, ".", "_" or "-", such as "github"', readName);

/** Shown in place of the rule's position. Without spaces and brackets: logs, metrics and packet filters carry it. */
export const ruleName = form('a name of 1 to 64 letters, digits, ".", "_" or "-", such as "github-api"', readName);

export const auditId = form('the id of a check of "egress-proxy audit --list", such as "image-unpinned"', (text) =>
  /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(text) ? text : mismatch(),
);

export const serviceName = form('the name of a compose service, such as "dashboard"', (text) =>
  /^[A-Za-z0-9][\w.-]{0,127}$/.test(text) ? text : mismatch(),
);

export const reason = form('a sentence of 1 to 500 characters that says why, such as "pinned in .env"', (text) =>
  text.trim() !== '' && text.length <= 500 ? text : mismatch(),
);

/** Visible ASCII: it travels in a proxy URL, in Basic credentials and in SOCKS (RFC 1929: 255 octets at most). */
export const token = form(
  'a secret of visible ASCII characters (255 at most, 16 or more are recommended), such as the output of "openssl rand -hex 24"',
  (text) => (/^[\x21-\x7e]{1,255}$/.test(text) ? text : mismatch()),
);

/** `off`: none, which only a loopback admin listener may do without. */
export const tokenOrOff = form(
  'a secret of visible ASCII characters (255 at most, 16 or more are recommended), such as the output of "openssl rand -hex 24", or "off"',
  (text) => (text === 'off' ? null : /^[\x21-\x7e]{1,255}$/.test(text) ? text : mismatch()),
);

export const filePath = form('a path, such as "/var/log/egress/decisions.log"', (text) =>
  text.length > 0 && !text.includes('\0') ? text : mismatch(),
);

/** `off`: nowhere. */
export const pathOrOff = form('a folder, such as "/var/lib/egress-proxy", or "off"', (text) =>
  text === 'off' ? null : text.length > 0 && !text.includes('\0') ? text : mismatch(),
);

/** How long a request waits: a client that waits longer has given up, and 0 does not wait. */
export const waitTime = form('a duration from 0s to 10m, such as "0s" or "30s"', readWait, {
  pattern: '^\\d+(ms|s|m)$',
});

export const duration = form('a duration from 1ms to 24h, such as "500ms", "10s", "5m" or "1h"', readDuration, {
  pattern: '^\\d+(ms|s|m|h)$',
});

/** Bytes between the two sizes, as a number or with a unit. `least` and `most` are in the same notation. */
export function size(least: string, most: string) {
  const expected = `a size from ${least} to ${most}, such as "${least}"`;
  const [from, to] = [parseSize(least) ?? 0, parseSize(most) ?? 0];
  return scalar(expected, (value) => {
    const bytes = typeof value === 'number' ? value : parseSize(value);
    return bytes !== null && Number.isInteger(bytes) && bytes >= from && bytes <= to ? bytes : mismatch();
  });
}

/** A whole number; digits in a string are one as well, since that is what `${NAME}` gives. */
export function count(least: number, most: number, example: number) {
  return scalar(`a whole number from ${least} to ${most}, such as ${example}`, (value) => {
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
      ? number
      : mismatch();
  });
}

export const portRange = scalar('a port from 1 to 65535 or a range, such as 443 or "7800-7807"', readPortRange);

/** One of `words`, compared exactly. */
export function word<const W extends readonly [string, ...string[]]>(words: W) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** Why a text is not of its form, where there is more to say than the form itself. */
export interface Mismatch {
  readonly mismatch: true;
  readonly expected: string | null;
}

export function mismatch(expected: string | null = null): Mismatch {
  return { mismatch: true, expected };
}

export function orMismatch<T>(value: T | null): T | Mismatch {
  return value ?? mismatch();
}

export function form<T>(expected: string, read: (text: string) => T | Mismatch, meta: { pattern?: string } = {}) {
  return z
    .string({ error: expected })
    .transform((text, context) => settle(expected, read(text), context))
    .meta({ description: expected, ...meta });
}

export function scalar<T>(expected: string, read: (value: string | number) => T | Mismatch) {
  return z
    .union([z.number(), z.string()], { error: expected })
    .transform((value, context) => settle(expected, read(value), context))
    .meta({ description: expected });
}

function settle<T>(expected: string, result: T | Mismatch, context: z.core.$RefinementCtx): T {
  if (!isMismatch(result)) return result;
  context.addIssue({ code: 'custom', message: result.expected ?? expected });
  return z.NEVER;
}

export function isMismatch(value: unknown): value is Mismatch {
  return typeof value === 'object' && value !== null && 'mismatch' in value;
}

function readName(text: string): string | Mismatch {
  return /^[A-Za-z0-9._-]{1,64}$/.test(text) ? text : mismatch();
}

function readHostPortOrOff(text: string): HostPort | null | Mismatch {
  return text === 'off' ? null : readHostPort(text, 0);
}

export function readHostPort(text: string, leastPort: 0 | 1): HostPort | Mismatch {
  const [, hostPart = '', portPart = ''] = /^(\[[^[\]]*\]|[^[\]:]*):(\d{1,5})$/.exec(text) ?? [];
  const host = parseHost(hostPart);
  const port = portPart === '0' ? 0 : parsePort(portPart);
  if (!host.ok || port === null || port < leastPort) return mismatch();
  return { host: host.value.kind === 'name' ? host.value.name : host.value.address.text, port };
}

function readDnsServer(text: string): string | Mismatch {
  const bare = parseAddress(text);
  if (bare !== null) return bare.text;
  const [, v6, v4, portPart = ''] = /^(?:\[([^[\]]*)\]|([^[\]:]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = v6 === undefined ? parseAddress(v4 ?? '') : parseIPv6(v6);
  const port = parsePort(portPart);
  if (address === null || port === null) return mismatch();
  return hostPortText(address.text, port);
}

/** A literal would never match as a name, so that a `deny` rule with it would deny nothing. */
export function readHostPattern(text: string): HostPattern | Mismatch {
  const bare = text.startsWith('*.') ? text.slice(2) : text;
  const host = parseHost(bare);
  const literal = (host.ok && host.value.kind === 'literal') || parseIPv6(bare) !== null || parsePrefix(bare) !== null;
  if (literal) return mismatch('a name: use "address" for an address, such as { address: 192.168.1.20/32 }');
  if (!host.ok && /:\d*$/.test(bare)) return mismatch('a name without a port: use "ports", such as { ports: [443] }');
  if (/[^\x20-\x7e]/.test(text)) return mismatch('an ASCII name: write an internationalised one as "xn--..."');
  return host.ok ? orMismatch(parseHostPattern(text)) : mismatch();
}

/** Destinations are judged by the IPv4 address inside a decoded form, so an entry in that form would match none. */
function readHostAddress(text: string): HostAddress | Mismatch {
  if (text === 'gateway') return { kind: 'gateway' };
  const prefix = parsePrefix(text);
  if (prefix !== null && embeddedIPv4(prefix.address, [])?.kind === 'decoded') return mismatch();
  if (prefix !== null) return { kind: 'prefix', prefix };
  const host = parseHost(text);
  return host.ok && host.value.kind === 'name' ? { kind: 'name', name: host.value.name } : mismatch();
}

function readNat64(text: string): Prefix | Mismatch {
  const parsed = parsePrefix(text);
  return parsed?.address.family === 6 && isNat64Length(parsed.bits) ? parsed : mismatch();
}

function readDuration(text: string): number | Mismatch {
  const ms = parseDuration(text);
  return ms !== null && ms >= 1 && ms <= DAY_MS ? ms : mismatch();
}

function readWait(text: string): number | Mismatch {
  const ms = parseDuration(text);
  return ms !== null && ms <= LONGEST_WAIT_MS ? ms : mismatch();
}

function readPortRange(value: string | number): PortRange | Mismatch {
  if (typeof value === 'number') return isPort(value) ? { from: value, to: value } : mismatch();
  const [first = '', last = first, ...rest] = value.split('-');
  const [from, to] = [parsePort(first), parsePort(last)];
  return from === null || to === null || from > to || rest.length > 0 ? mismatch() : { from, to };
}
