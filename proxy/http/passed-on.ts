/**
 * What an intermediary passes on (RFC 9110 section 7.6): the request as it goes to the origin, in origin-form, and the fields
 * and trailers of both messages.
 */
import { type AbsoluteTarget, hostPortText, hostText, type Target } from '../core/target.js';
import type { ClientRequest } from './client-request.js';
import { fieldLines } from './client-response.js';
import type { ExchangeRequest } from './exchanged.js';
import { hasField, isNamed, listMembers, values } from './fields.js';
import type { RequestHead } from './request-head.js';
import { type Framing, lengthOf, type ReceivedHead } from './response-head.js';

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

export function outgoingRequest(
  request: ClientRequest,
  { target, path, isBare }: AbsoluteTarget,
  { upgrades }: { readonly upgrades: boolean },
): ExchangeRequest {
  const fields = requestFields(request, hostField(target));
  const hops = request.noted['max-forwards'] === null ? null : hopsLeft(request);
  if (hops !== null) setField(fields, 'max-forwards', String(hops - 1));
  const { method } = request;
  return {
    method,
    path: isBare && method === 'OPTIONS' ? '*' : path,
    fields,
    content: request.content,
    upgrade: upgrades ? values(request.rawHeaders, 'upgrade').join(', ') : null,
    // Without content there is nothing to hold back.
    expectsContinue: request.content !== null && expectsContinue(request),
  };
}

/** RFC 9110 section 10.1.1: in an HTTP/1.0 request it is ignored. */
function expectsContinue({ httpVersion, noted }: RequestHead): boolean {
  return httpVersion === '1.1' && listMembers(noted.expect ?? '').includes('100-continue');
}

/** RFC 9110 section 7.2: the target's authority, without the default port of its scheme. */
function hostField(target: Target): string {
  const text = hostPortText(hostText(target.host), target.port);
  const isDefault = target.port === (target.scheme === 'https' ? 443 : 80);
  return isDefault ? text.slice(0, text.lastIndexOf(':')) : text;
}

/** RFC 9110 section 7.6.2: applies to TRACE and OPTIONS only. Null if there is no limit. */
export function hopsLeft(request: RequestHead): number | null {
  if (request.method !== 'TRACE' && request.method !== 'OPTIONS') return null;
  const [value = ''] = values(request.rawHeaders, 'max-forwards');
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

function setField(fields: string[], name: string, value: string): void {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]?.toLowerCase() === name) fields[i + 1] = value;
}

/** The head, with the empty line that ends it. */
export function requestText({ method, path, fields, content, upgrade, expectsContinue }: ExchangeRequest): string {
  let text = `${method} ${path} HTTP/1.1\r\n${fieldLines(fields)}`;
  if (content !== null && content.length === null) text += 'Transfer-Encoding: chunked\r\n';
  if (expectsContinue) text += 'Expect: 100-continue\r\n';
  // HTTP/1.0 servers keep a connection only if asked to.
  text += upgrade === null ? 'Connection: keep-alive\r\n' : `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${text}\r\n`;
}

/** RFC 9110 section 9.2.1: what an origin that is merely slow may safely get twice. A second DELETE would be answered 404. */
export const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** RFC 9110 section 9.2.2. */
export const IDEMPOTENT: ReadonlySet<string> = new Set([...SAFE, 'PUT', 'DELETE']);

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

const PLAIN_LENGTH = /^(?:0|[1-9]\d{0,14})$/;
/** In a Connection field that may name Date, which then has gone no further. */
const DATE = /date/i;

/** The fields of a final response as they go to the client. */
export function finalFields(head: ReceivedHead, framing: Framing): string[] {
  const { date, trailer, connection, 'content-length': length } = head.noted;
  let raw: readonly string[] = head.fields;
  if (length !== null && !PLAIN_LENGTH.test(length)) raw = withOneLength(raw, length);
  if (trailer !== null && framing.kind !== 'chunked') raw = without('trailer', raw);
  const passed = responseFields(raw, head);
  // RFC 9110 section 6.6.1: a recipient that passes on a response without Date adds the time of receipt.
  const isDated = date !== null && (connection === null || !DATE.test(connection) || hasField(passed, 'date'));
  if (!isDated) passed.push('Date', new Date().toUTCString());
  return passed;
}

/** RFC 9110 section 8.6: a repeated length is passed on once, in plain digits, so that everybody reads the same number. */
function withOneLength(fields: readonly string[], given: string): readonly string[] {
  return [...without('content-length', fields), 'Content-Length', String(lengthOf(given))];
}

function without(name: string, fields: readonly string[]): readonly string[] {
  return fields.filter((_, i) => !isNamed(fields[i - (i % 2)] ?? '', name));
}
