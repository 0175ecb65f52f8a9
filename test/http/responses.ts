/** Responses out of raw bytes: strict about framing, so that what a test calls an answer is one. */

export interface RawResponse {
  readonly status: number;
  readonly phrase: string;
  readonly fields: string;
  readonly content: string;
}

export interface Parsed {
  /** Final responses that are whole. */
  readonly responses: readonly RawResponse[];
  /** What is after them: the start of a response, or bytes that are none. */
  readonly rest: string;
}

/** `text`: all that a connection gave, as latin1. `ended`: no more will come. */
export function parseResponses(text: string, ended: boolean): Parsed {
  const responses: RawResponse[] = [];
  let rest = text;
  for (let next = first(rest, ended); next !== null; next = first(rest, ended)) {
    if (next.response.status >= 200) responses.push(next.response);
    rest = next.rest;
  }
  return { responses, rest };
}

function first(text: string, ended: boolean): { response: RawResponse; rest: string } | null {
  const match = /^HTTP\/1\.1 (\d{3}) ([^\r\n]*)\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(text);
  if (match === null) return null;
  const [head, statusText = '', phrase = '', fields = ''] = match;
  const status = Number(statusText);
  const body = text.slice(head.length);
  const content = contentOf(status, phrase, fields, body, ended);
  if (content === null) return null;
  return { response: { status, phrase, fields, content: content.content }, rest: body.slice(content.length) };
}

/** Null where it is not whole. `length`: of what it takes of `body`. */
function contentOf(status: number, phrase: string, fields: string, body: string, ended: boolean) {
  const isTunnel = status === 200 && phrase === 'Connection established';
  if (status < 200 || status === 204 || status === 304 || isTunnel) return { content: '', length: 0 };
  if (/^transfer-encoding: chunked\r$/im.test(fields)) return chunks(body);
  const length = /^content-length: (\d+)\r$/im.exec(fields)?.[1];
  if (length === undefined) return ended ? { content: body, length: body.length } : null;
  const size = Number(length);
  return body.length < size ? null : { content: body.slice(0, size), length: size };
}

function chunks(body: string): { content: string; length: number } | null {
  let at = 0;
  let content = '';
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(body.slice(at));
    if (size?.[1] === undefined) return null;
    at += size[0].length;
    const length = Number.parseInt(size[1], 16);
    if (length === 0) {
      const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(body.slice(at));
      return trailers === null ? null : { content, length: at + trailers[0].length };
    }
    if (body.length < at + length + 2) return null;
    content += body.slice(at, at + length);
    at += length + 2;
  }
}
