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

/** What is dropped, with what the proxy makes anew; the same where a length would be false, or where there are no trailers to announce. */
const NOT_PASSED_ON = dropped([...CONNECTION_SPECIFIC, 'host', 'expect']);
const NOT_PASSED_ON_UNCHUNKED = dropped([...CONNECTION_SPECIFIC, 'host', 'expect', 'trailer']);
const NOT_ANSWERED = dropped(CONNECTION_SPECIFIC);
const NOT_ANSWERED_UNFRAMED = dropped([...CONNECTION_SPECIFIC, 'content-length']);

interface Dropped {
  readonly names: ReadonlySet<string>;
  /** True at the lengths that they have: most names have another one, and need not be looked up. */
  readonly lengths: readonly boolean[];
}

function dropped(names: readonly string[]): Dropped {
  const lengths: boolean[] = [];
  for (const { length } of names) lengths[length] = true;
  return { names: new Set(names), lengths: Array.from(lengths, (isTaken) => isTaken === true) };
}

/** The part of a request's head, or of a response's, that says how far its fields go. */
interface Noted {
  readonly connection: string | null;
  readonly 'transfer-encoding': string | null;
}

/** The fields of a request as they go to the origin: Host made from the target, Via appended. Only chunked content has trailers. */
export function requestFields(
  head: { readonly rawHeaders: readonly string[]; readonly httpVersion: string; readonly noted: Noted },
  host: string,
): string[] {
  const { rawHeaders, httpVersion, noted } = head;
  const fields = ['Host', host];
  const isChunked = noted['transfer-encoding'] !== null;
  endToEnd(rawHeaders, noted, isChunked ? NOT_PASSED_ON : NOT_PASSED_ON_UNCHUNKED, fields);
  fields.push('Via', `${httpVersion} ${PSEUDONYM}`);
  return fields;
}

/**
 * The fields of a response as they go to the client. With a transfer coding a Content-Length is false, and if the
 * status allows no content it is forbidden (RFC 9110 section 8.6): dropped. `raw`: those of the head, or what is left of them.
 */
export function responseFields(
  raw: readonly string[],
  { minor, status, noted }: { readonly minor: 0 | 1; readonly status: number; readonly noted: Noted },
): string[] {
  const unframed = status < 200 || status === 204 || noted['transfer-encoding'] !== null;
  const kept: string[] = [];
  endToEnd(raw, noted, unframed ? NOT_ANSWERED_UNFRAMED : NOT_ANSWERED, kept);
  kept.push('Via', `1.${minor} ${PSEUDONYM}`);
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

/** The members of a list field (RFC 9110 section 5.6.1), in lower case. `value`: its value, or several joined by commas. */
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

/** Of the trailers of a response, those that may be passed on. */
export function finalTrailers(trailers: readonly string[]): readonly string[] {
  return trailers.filter((_, i) => mayBeTrailer(trailers[i - (i % 2)] ?? ''));
}

/** RFC 9110 section 6.5.1: false for fields that frame, route or authenticate, or say how to read the content. */
export function mayBeTrailer(name: string): boolean {
  return !NO_TRAILER.test(name);
}

const NO_TRAILER =
  /^(?:content-.*|transfer-encoding|trailer|te|host|connection|keep-alive|upgrade|proxy-.*|authorization|www-authenticate|cookie|set-cookie|expect|max-forwards|cache-control|range|if-.*|location|vary|via)$/i;

/** True if a request with this Via has been through this proxy before (RFC 9110 section 7.6.3). */
export function isOwnVia(via: string): boolean {
  return listMembers(via).some((hop) => hop.split(/\s+/)[1] === PSEUDONYM);
}

/**
 * Adds to `kept` what is neither connection-specific nor otherwise to be dropped. Framing is not the sender's to remove: a
 * Content-Length that Connection names stays.
 */
function endToEnd(raw: readonly string[], { connection }: Noted, { names, lengths }: Dropped, kept: string[]): void {
  // What nearly every Connection names is dropped anyway.
  const isUsual = connection === null || connection.toLowerCase() === 'keep-alive';
  const named = isUsual ? null : new Set(listMembers(connection));
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const field = raw[i] ?? '';
    if (named !== null || lengths[field.length] === true) {
      const name = field.toLowerCase();
      if (names.has(name) || (name !== 'content-length' && named?.has(name) === true)) continue;
    }
    kept.push(field, raw[i + 1] ?? '');
  }
}
