/** One raw protocol case as data: what a client sends, and everything that may come of it. */

export interface RawCase {
  /** Unique, in words. */
  readonly rule: string;
  /** The section that rules it: `9112 6.1`. */
  readonly rfc: string;
  /** Bytes as latin1; `{o}` stands for the origin's authority, `{p}` for the port of the proxy. */
  readonly send: string;
  /** The sequences of final statuses that are right; `[]` is a closed connection without an answer. */
  readonly statuses: readonly (readonly number[])[];
  /** What the origin got, whole requests only: `METHOD path content`. Anything else has been smuggled. */
  readonly forwarded: readonly string[];
  /** True where the proxy has to close the connection after its last answer. */
  readonly closes: boolean;
  /** What a raw origin answers, in place of the well-behaved one; it closes after it where the text ends in `{end}`. */
  readonly reply?: string;
  /** What the client must be able to read, and must not, in all that it got. */
  readonly reads?: RegExp;
  readonly readsNot?: RegExp;
}

type Options = Pick<RawCase, 'reply' | 'reads' | 'readsNot'>;

/** Refused with this status, and nothing of it reaches the origin. */
export function refused(rule: string, rfc: string, status: number, send: string, options: Options = {}): RawCase {
  return { rule, rfc, send, statuses: [[status]], forwarded: [], closes: true, ...options };
}

/** Refused, or the connection cut without an answer, because the head was out before the fault was there to see. */
export function cut(rule: string, rfc: string, send: string, options: Options = {}): RawCase {
  return { rule, rfc, send, statuses: [[], [400], [502]], forwarded: [], closes: true, ...options };
}

/** Goes through, and the connection stays open. */
export function passes(
  rule: string,
  rfc: string,
  send: string,
  forwarded: readonly string[],
  options: Options = {},
): RawCase {
  return { rule, rfc, send, statuses: [forwarded.map(() => 200)], forwarded, closes: false, ...options };
}

/** What a client gets of an origin that answers so. */
export function answered(rule: string, rfc: string, reply: string, status: number, options: Options = {}): RawCase {
  const send = get('/r');
  return { rule, rfc, send, statuses: [[status]], forwarded: ['GET /r'], closes: false, reply, ...options };
}

/** A GET in absolute-form to the origin; `lines` are more field lines, each with its CRLF. */
export function get(path: string, lines = ''): string {
  return `GET http://{o}${path} HTTP/1.1\r\nHost: {o}\r\n${lines}\r\n`;
}

/** A POST with the framing and the content as they are given. */
export function post(path: string, framing: string, content: string): string {
  return `POST http://{o}${path} HTTP/1.1\r\nHost: {o}\r\n${framing}\r\n${content}`;
}
