/** Writes an origin's response to the client, whichever way it came: heads, content, trailers. Fields are flat lists. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { members, responseFields } from './fields.js';

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
}

/** RFC 9110 section 15.2: passed on to a client of HTTP/1.1 that reads them, unless its turn in a pipeline has not come. */
export function writeInterim(response: ServerResponse, { status, statusText, fields }: ResponseHead): void {
  const { socket, req } = response;
  if (socket === null || req.httpVersion !== '1.1' || socket.writableNeedDrain) return;
  const lines = [`HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}`];
  const kept = responseFields(fields, '1.1');
  for (let i = 0; i + 1 < kept.length; i += 2) lines.push(`${kept[i]}: ${kept[i + 1]}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * False, and nothing written, where the head cannot be passed on: a transfer coding beside one `chunked` would be left
 * on the content by the parser, and nothing would say so to the client. `onFinal`: right before the head leaves.
 */
export function writeHead(response: ServerResponse, head: ResponseHead, onFinal: (status: number) => void): boolean {
  const { status, statusText, fields } = head;
  const codings = members(fields, 'transfer-encoding');
  if (codings.length > 1 || codings.some((coding) => coding !== 'chunked')) return false;
  response.sendDate = false;
  try {
    response.writeHead(status, statusText, responseFields(fields, '1.1'));
  } catch {
    return false;
  }
  onFinal(status);
  // The head leaves now, not with the first piece of the content: an event stream may be silent for long. What came in
  // one piece with it leaves in one write with it, which for a small answer is a quarter of all that it costs.
  const { socket } = response;
  socket?.cork();
  response.flushHeaders();
  process.nextTick(() => socket?.uncork());
  return true;
}

export function writeEnd(response: ServerResponse, trailers: readonly string[]): void {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < trailers.length; i += 2) pairs.push([trailers[i] ?? '', trailers[i + 1] ?? '']);
  if (pairs.length > 0) response.addTrailers(pairs);
  response.end();
}
