/**
 * Which fields an intermediary passes on (RFC 9110 section 7.6). Fields are flat lists:
 * name, value, name, value; names in the case and values in the bytes (latin1) in which they came.
 */
import { withoutOuterBlanks } from './characters.js';

/** RFC 9110 section 7.6.3: this proxy's pseudonym. */
export const PSEUDONYM = 'mcp-egress-proxy';

/** RFC 9110 section 7.6.1, and the proxy's own credentials and challenges, which end here. */
const CONNECTION_SPECIFIC: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-authentication-info',
];

/** What is dropped, with what the proxy makes anew; the same where a length would be false. */
const NOT_PASSED_ON = byLength([...CONNECTION_SPECIFIC, 'host', 'expect']);
const NOT_ANSWERED = byLength(CONNECTION_SPECIFIC);
const NOT_ANSWERED_UNFRAMED = byLength([...CONNECTION_SPECIFIC, 'content-length']);

/** Names by their length, which tells most of them apart. */
type ByLength = readonly (readonly string[])[];

function byLength(names: readonly string[]): ByLength {
  const longest = Math.max(...names.map(({ length }) => length));
  return Array.from({ length: longest + 1 }, (_, length) => names.filter((name) => name.length === length));
}

/** The fields of a request as they go to the origin: Host made from the target, Via appended. */
export function requestFields(raw: readonly string[], version: string, host: string): string[] {
  const fields = ['Host', host];
  endToEnd(raw, NOT_PASSED_ON, fields);
  fields.push('Via', `${version} ${PSEUDONYM}`);
  return fields;
}

/**
 * The fields of a response as they go to the client. With a transfer coding a Content-Length is false, and if the
 * status allows no content it is forbidden (RFC 9110 section 8.6): dropped.
 */
export function responseFields(raw: readonly string[], version: string, status: number): string[] {
  const unframed = status < 200 || status === 204 || hasField(raw, 'transfer-encoding');
  const kept: string[] = [];
  endToEnd(raw, unframed ? NOT_ANSWERED_UNFRAMED : NOT_ANSWERED, kept);
  kept.push('Via', `${version} ${PSEUDONYM}`);
  return kept;
}

/** Every value of a field, in order. `name` in lower case. */
export function values(raw: readonly string[], name: string): readonly string[] {
  let found: string[] | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1];
    if (value === undefined || !isNamed(raw[i] ?? '', name)) continue;
    if (found === null) found = [value];
    else found.push(value);
  }
  return found ?? NONE;
}

/** True if a field of this name is among them. `name` in lower case. */
export function hasField(raw: readonly string[], name: string): boolean {
  for (let i = 0; i + 1 < raw.length; i += 2) if (isNamed(raw[i] ?? '', name)) return true;
  return false;
}

/** Without regard to case. `name` in lower case. */
export function isNamed(field: string, name: string): boolean {
  return field.length === name.length && (field === name || field.toLowerCase() === name);
}

const NONE: readonly string[] = Object.freeze([]);

/** The members of a list field (RFC 9110 section 5.6.1), in lower case. */
export function members(raw: readonly string[], name: string): readonly string[] {
  const found = values(raw, name);
  return found.length === 0 ? found : listMembers(found.join(','));
}

/** The same for the value of such a field, or for the values of several, joined by commas. */
export function listMembers(value: string): readonly string[] {
  if (isOneMember(value)) return [value.toLowerCase()];
  return value
    .toLowerCase()
    .split(',')
    .map((member) => withoutOuterBlanks(member))
    .filter((member) => member !== '');
}

/** True for nearly every field: nothing to split, nothing to trim. */
function isOneMember(value: string): boolean {
  return value !== '' && !value.includes(',') && withoutOuterBlanks(value) === value;
}

/** RFC 9110 section 6.5.1: false for fields that frame, route or authenticate, or say how to read the content. */
export function mayBeTrailer(name: string): boolean {
  return !NO_TRAILER.test(name);
}

const NO_TRAILER =
  /^(?:content-.*|transfer-encoding|trailer|te|host|connection|keep-alive|upgrade|proxy-.*|authorization|www-authenticate|cookie|set-cookie|expect|max-forwards|cache-control|range|if-.*|location|vary|via)$/i;

/** True if the request has been through this proxy before (RFC 9110 section 7.6.3). */
export function hasOwnVia(raw: readonly string[]): boolean {
  return members(raw, 'via').some((hop) => hop.split(/\s+/)[1] === PSEUDONYM);
}

/**
 * Adds to `kept` what is neither connection-specific nor otherwise among `dropped`. Framing is not the sender's to remove: a
 * Content-Length that Connection names stays.
 */
function endToEnd(raw: readonly string[], dropped: ByLength, kept: string[]): void {
  const named = members(raw, 'connection');
  const many = named.length > FEW ? new Set(named) : null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = raw[i] ?? '';
    const isGone = isAmong(dropped[field.length] ?? NONE, field) || isRemoved(field, named, many);
    if (!isGone) kept.push(field, raw[i + 1] ?? '');
  }
}

/** More names than these, which nobody sends in good faith, are not gone through for each field. */
const FEW = 8;

function isRemoved(field: string, named: readonly string[], many: ReadonlySet<string> | null): boolean {
  if (many === null && !hasLength(named, field.length)) return false;
  const name = field.toLowerCase();
  return name !== 'content-length' && (many === null ? named.includes(name) : many.has(name));
}

function hasLength(names: readonly string[], length: number): boolean {
  for (let i = 0; i < names.length; i++) if (names[i]?.length === length) return true;
  return false;
}

function isAmong(names: readonly string[], field: string): boolean {
  for (let i = 0; i < names.length; i++) if (isNamed(field, names[i] ?? '')) return true;
  return false;
}
