/** Writes an origin's response to the client, whichever way it came: heads, content, trailers. Fields are flat lists. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { mayBeTrailer, members, responseFields } from './fields.js';

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
}

/**
 * RFC 9110 section 15.2: passed on to a client of HTTP/1.1 that reads them, unless its turn in a pipeline has not come.
 * False where the head is none of an interim response: a 101 that nobody asked for, a character that could end a line.
 */
export function writeInterim(response: ServerResponse, { status, statusText, fields }: ResponseHead): boolean {
  const { socket, req } = response;
  const kept = responseFields(fields, '1.1', status);
  if (status < 100 || status === 101 || ![statusText, ...kept].every(isLineText)) return false;
  if (socket === null || req.httpVersion !== '1.1' || socket.writableNeedDrain) return true;
  const lines = [`HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}`];
  for (let i = 0; i + 1 < kept.length; i += 2) lines.push(`${kept[i]}: ${kept[i + 1]}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return true;
}

/**
 * False, and nothing written, where the head cannot be passed on: a transfer coding beside one `chunked` would be left
 * on the content by the parser, and nothing would say so to the client. `onFinal`: right before the head leaves.
 */
export function writeHead(response: ServerResponse, head: ResponseHead, onFinal: (status: number) => void): boolean {
  const { status, statusText, fields } = head;
  const codings = members(fields, 'transfer-encoding');
  if (status < 200 || codings.length > 1 || codings.some((coding) => coding !== 'chunked')) return false;
  response.sendDate = false;
  try {
    response.writeHead(status, statusText, responseFields(fields, '1.1', status));
  } catch {
    return false;
  }
  onFinal(status);
  // The head leaves now, not with the first piece of the content: an event stream may be silent for long. What came in
  // one piece with it leaves in one write with it, which for a small answer is a quarter of all that it costs. Not by
  // flushHeaders, which writes it in UTF-8: bytes from 0x80 up would not be those of the origin.
  const { socket } = response;
  socket?.cork();
  response.write(NOTHING);
  process.nextTick(() => socket?.uncork());
  return true;
}

export function writeEnd(response: ServerResponse, trailers: readonly string[]): void {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    const name = trailers[i] ?? '';
    if (mayBeTrailer(name)) pairs.push([name, trailers[i + 1] ?? '']);
  }
  if (pairs.length > 0) response.addTrailers(pairs);
  response.end();
}

const NOTHING = Buffer.alloc(0);

/** Characters beyond latin1 lose their upper byte on the way out: U+010A would leave as a line end. */
function isLineText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
