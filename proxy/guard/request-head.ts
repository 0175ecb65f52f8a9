/**
 * Our own strict parser (RFC 9112) for the head of a request on the guard's socket: whatever a lenient parser and the engine's
 * could read differently is refused. Nothing of it is passed on, since requests to the engine are written anew.
 */
import { refuse, type SpawnRefusal } from './refusal.js';

export interface RequestHead {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE' | 'PUT';
  /** As it came, octet for octet: no percent sign, no `//`, no `.` or `..` segment. */
  readonly path: string;
  /** Decoded; a key may occur only once. */
  readonly query: ReadonlyMap<string, string>;
  /** By name in lower case; a name may occur only once. */
  readonly fields: ReadonlyMap<string, string>;
  readonly contentLength: number;
  readonly isLast: boolean;
}

export type HeadResult =
  | { readonly ok: true; readonly head: RequestHead }
  | { readonly ok: false; readonly refusal: SpawnRefusal };

const REQUEST_LINE =
  /^(GET|HEAD|POST|DELETE|PUT) (\/[A-Za-z0-9._~@:/-]*)(?:\?([A-Za-z0-9._~%+*=&!@:/,-]+))? HTTP\/1\.1$/;
const FIELD = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}):[ \t]*([\x20-\x7e\t]*)$/;
const MOST_FIELDS = 64;

/** `text`: the head in Latin-1, without the empty line that ends it. */
export function parseHead(text: string): HeadResult {
  const [first = '', ...lines] = text.split('\r\n');
  const [, method, path = '', query] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined)
    return no('the request line is not "METHOD /path HTTP/1.1" without percent-encoding in the path');
  if (path.split('/').some((segment, i) => i > 0 && /^\.{0,2}$/.test(segment)))
    return no('the path has an empty segment, "." or ".."');
  const fields = readFields(lines);
  if (typeof fields === 'string') return no(fields);
  if (fields.get('host') === undefined) return no('the Host field is missing');
  if (fields.has('transfer-encoding')) return no('a transfer coding is not accepted: send Content-Length');
  if (fields.has('expect')) return no('an expectation is not accepted');
  const length = fields.get('content-length') ?? '0';
  if (!/^(0|[1-9]\d{0,9})$/.test(length)) return no('the Content-Length is not a number');
  const pairs = readQuery(query);
  if (typeof pairs === 'string') return { ok: false, refusal: refuse('query-refused', pairs) };
  const isLast = (fields.get('connection') ?? '').toLowerCase() === 'close';
  return {
    ok: true,
    head: {
      method: method as RequestHead['method'],
      path,
      query: pairs,
      fields,
      contentLength: Number(length),
      isLast,
    },
  };
}

/** The fields, or what is wrong with them. */
function readFields(lines: readonly string[]): ReadonlyMap<string, string> | string {
  if (lines.length > MOST_FIELDS) return `there are more than ${MOST_FIELDS} header fields`;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return 'a header field is malformed';
    if (fields.has(name.toLowerCase())) return `the header field ${name} is repeated`;
    fields.set(name.toLowerCase(), value.trim());
  }
  return fields;
}

/** The pairs, or what is wrong with them. */
function readQuery(query: string | undefined): ReadonlyMap<string, string> | string {
  const pairs = new Map<string, string>();
  if (query === undefined) return pairs;
  for (const pair of query.split('&')) {
    const [, key, written] = /^([A-Za-z-]{1,32})=([^=]*)$/.exec(pair) ?? [];
    if (key === undefined || written === undefined) return 'the query is not key=value pairs';
    const value = percentDecode(written);
    if (value === null) return `the value of ${key} in the query is not percent-encoded ASCII`;
    if (pairs.has(key)) return `the query has ${key} twice`;
    pairs.set(key, value);
  }
  return pairs;
}

/** The decoded text if it is visible ASCII; null for anything else. */
function percentDecode(text: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return null;
  const decoded = text
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return /^[\x21-\x7e]*$/.test(decoded) ? decoded : null;
}

function no(message: string): HeadResult {
  return { ok: false, refusal: refuse('malformed-request', message) };
}
