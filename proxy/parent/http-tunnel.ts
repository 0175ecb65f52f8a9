/** A tunnel through a parent that speaks HTTP: CONNECT (RFC 9110 section 9.3.6). */
import type { Socket } from 'node:net';
import type { Parent } from '../core/parent.js';
import { EgressError } from '../core/reasons.js';
import { ResponseHeadReader } from '../http/response-head.js';
import { Inbox } from './inbox.js';

/** `authority`: `address:port` with brackets around IPv6, or `name:port`. Rejects if the parent opens no tunnel. */
export async function openHttpTunnel(socket: Socket, authority: string, parent: Parent): Promise<void> {
  const inbox = new Inbox(socket);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (parent.credentials !== null) {
    const { user, password } = parent.credentials;
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const heads = new ResponseHeadReader();
  for (;;) {
    const bytes = await inbox.some();
    const status = statusIn(heads, bytes);
    if (status === null) continue;
    if (status.code === 407) throw new EgressError('parent-credentials');
    if (status.code === 504) throw new EgressError('connect-timeout');
    if (status.code < 200 || status.code >= 300) throw new EgressError('parent-refused');
    inbox.release(status.rest);
    return;
  }
}

/** The status of the final response, and what followed it; null if that is still to come. */
function statusIn(heads: ResponseHeadReader, bytes: Buffer): { code: number; rest: Buffer } | null {
  let rest = bytes;
  while (rest.length > 0) {
    const reading = heads.push(rest);
    if (reading.kind === 'fault') throw new EgressError('parent-unreachable');
    if (reading.kind === 'need-more') return null;
    rest = rest.subarray(reading.length);
    const { status } = reading.head;
    if (status >= 200 || status === 101) return { code: status, rest };
  }
  return null;
}
