/**
 * What a host is: a name or a literal, and the patterns that rules have for names; and the Target of a request, from the forms of
 * RFC 9112 section 3.2 that a proxy takes. Nothing is repaired: a target that is not exactly in its form is refused, and what is
 * accepted is held as a value, never as text to parse again.
 */
import { type Address, endsInNumber, parseDottedDecimal, parseIPv4, parseIPv6 } from './address.js';
import type { DenyReason } from './reasons.js';

declare const dnsName: unique symbol;
/**
 * Lower case, no trailing dot, at most 253 octets, labels of 1 to 63 letters, digits, hyphens and underscores. The last label
 * is no number: such a text is an IPv4 address or nothing (URL standard, host parsing).
 */
export type DnsName = string & { readonly [dnsName]: true };

export type Host =
  | { readonly kind: 'name'; readonly name: DnsName }
  | { readonly kind: 'literal'; readonly address: Address };

declare const portBrand: unique symbol;
/** 1 to 65535. */
export type Port = number & { readonly [portBrand]: true };

export interface Target {
  readonly form: 'authority' | 'absolute';
  /** Null where the client opens a tunnel. */
  readonly scheme: 'http' | 'https' | null;
  readonly host: Host;
  readonly port: Port;
}

/** The pattern of a rule: a name, or `*.suffix` for every name below the suffix, not the suffix itself. */
export interface HostPattern {
  readonly text: string;
  matches(name: DnsName): boolean;
}

/** A Target, or why there is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: DenyReason };

/** `path` is the rest of the request-target byte for byte: path and query, `/` where it is empty. */
export interface AbsoluteTarget {
  readonly target: Target;
  /** As it was written: a Host field with the same text is a well-formed one. */
  readonly authority: string;
  readonly path: string;
  /** True: the URI has neither path nor query, so that an OPTIONS means the whole server (RFC 9112 section 3.2.4). */
  readonly isBare: boolean;
}

/** authority-form (RFC 9112 section 3.2.3): `uri-host ":" port`, the port required. */
export function parseAuthority(text: string): Parsed<Target> {
  const split = AUTHORITY.exec(text);
  if (!split?.[1] || split[2] === undefined) return refused('malformed-target');
  const host = parseHost(split[1]);
  if (!host.ok) return host;
  const port = parsePort(split[2]);
  if (port === null) return refused('malformed-target');
  return { ok: true, value: { form: 'authority', scheme: null, host: host.value, port } };
}

/**
 * absolute-form (RFC 9112 section 3.2.2) with scheme `http` or `https`; userinfo and fragments are refused. `ws` and `wss`
 * (RFC 6455 section 3), which some WebSocket clients send before an Upgrade, are read as these.
 * An empty port is the scheme's own (RFC 3986 section 3.2.3).
 */
export function parseAbsolute(text: string): Parsed<AbsoluteTarget> {
  const match = ABSOLUTE.exec(text);
  const rest = match?.[3] ?? '';
  if (match === null || !VISIBLE.test(rest)) return refused('malformed-target');
  const scheme = SECURE.test(match[1] ?? '') ? 'https' : 'http';
  const authority = match[2] ?? '';
  // `http://http://10.0.0.1/` is a scheme written twice, and no host called http.
  if (rest.startsWith('//') && AUTHORITY.exec(authority)?.[2] === '') return refused('malformed-target');
  const parsed = parseHostField(authority);
  if (!parsed.ok) return parsed;
  const { host, port } = parsed.value;
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const target: Target = { form: 'absolute', scheme, host, port: port ?? PORT_OF[scheme] };
  return { ok: true, value: { target, authority, path, isBare: rest === '' } };
}

/** The value of a Host field: uri-host with an optional port, which is null where it is absent or empty. */
export function parseHostField(text: string): Parsed<{ readonly host: Host; readonly port: Port | null }> {
  const split = AUTHORITY.exec(text);
  if (!split?.[1]) return refused('malformed-target');
  const host = parseHost(split[1]);
  if (!host.ok) return host;
  if (!split[2]) return { ok: true, value: { host: host.value, port: null } };
  const port = parsePort(split[2]);
  return port === null ? refused('malformed-target') : { ok: true, value: { host: host.value, port } };
}

/** A host as a door receives it: a name, an IPv4 literal in any spelling of the URL standard, or `[IPv6]`. */
export function parseHost(text: string): Parsed<Host> {
  const plain = parseDottedDecimal(text);
  if (plain !== null) return { ok: true, value: { kind: 'literal', address: plain } };
  if (text.startsWith('[')) return parseBracketed(text);
  if (endsInNumber(text)) {
    const address = parseIPv4(text);
    return address === null ? refused('malformed-target') : { ok: true, value: { kind: 'literal', address } };
  }
  const name = parseDnsName(text);
  return name === null ? refused('malformed-target') : { ok: true, value: { kind: 'name', name } };
}

/** Null where the text is no DNS name (RFC 1035 section 2.3.4, underscores allowed as in RFC 8552). ASCII only. */
export function parseDnsName(text: string): DnsName | null {
  // Checked before it is put in lower case, which would turn U+212A (the Kelvin sign) into an ASCII k.
  if (text.length > 254 || !LABELS.test(text)) return null;
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  return name.length > 253 || endsInNumber(name) ? null : (name as DnsName);
}

/** Null where the text is neither a name nor `*.` and a name. */
export function parseHostPattern(text: string): HostPattern | null {
  const below = text.startsWith('*.');
  const name = parseDnsName(below ? text.slice(2) : text);
  if (name === null) return null;
  const suffix = `.${name}`;
  if (!below) return { text: name, matches: (candidate) => candidate === name };
  return { text: `*${suffix}`, matches: (candidate) => candidate.endsWith(suffix) };
}

/** One to five digits without a sign or a leading zero, 1 to 65535. */
export function parsePort(text: string): Port | null {
  if (!PORT.test(text)) return null;
  const port = Number(text);
  return port <= MOST_PORT ? (port as Port) : null;
}

export function isPort(value: number): value is Port {
  return Number.isInteger(value) && value >= 1 && value <= MOST_PORT;
}

/** The host as records and responses show it: the name, or the address in its canonical form without brackets. */
export function hostText(host: Host): string {
  return host.kind === 'name' ? host.name : host.address.text;
}

/** `host:port` with brackets around IPv6. */
export function authorityText(target: { readonly host: Host; readonly port: number }): string {
  return hostPortText(hostText(target.host), target.port);
}

/** The same for a host that is text without brackets. */
export function hostPortText(host: string, port: number | string): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function sameHost(a: Host, b: Host): boolean {
  return a.kind === b.kind && hostText(a) === hostText(b);
}

/** A zone identifier in any spelling (RFC 4007, RFC 6874) has a reason of its own: it names a link, not a place. */
function parseBracketed(text: string): Parsed<Host> {
  const inner = text.slice(1, -1);
  if (inner.includes('%'))
    return refused(parseIPv6(inner.split('%', 1)[0] ?? '') ? 'zone-identifier' : 'malformed-target');
  const address = parseIPv6(inner);
  return address === null ? refused('malformed-target') : { ok: true, value: { kind: 'literal', address } };
}

// Made once, because an expression within a function is a new object at each call.
const ABSOLUTE = /^(https?|wss?):\/\/([^/?#]*)([/?][^#]*)?$/i;
const SECURE = /^(?:https|wss)$/i;
const VISIBLE = /^[\x21-\x7e\x80-\xff]*$/;
/** Host and port, split at the port's colon; in an unbracketed IPv6 address the port could not be recognised. */
const AUTHORITY = /^(\[[^[\]]*\]|[^[\]:@]*)(?::(.*))?$/;
const LABELS = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;
const MOST_PORT = 65_535;
const PORT_OF = { http: 80 as Port, https: 443 as Port };
const PORT = /^[1-9]\d{0,4}$/;

function refused(reason: DenyReason): { readonly ok: false; readonly reason: DenyReason } {
  return { ok: false, reason };
}
