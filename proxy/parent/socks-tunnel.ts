/** A tunnel through a parent that speaks SOCKS 5 (RFC 1928), with username and password (RFC 1929) where there are any. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Parent } from '../core/parent.js';
import { EgressError, type Reason } from '../core/reasons.js';
import { Inbox } from './inbox.js';

const VERSION = 5;
const CONNECT = 1;
const METHOD = { none: 0, password: 2 } as const;
const TYPE = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** To a vetted address, or to a name for the parent to resolve. Rejects if the parent opens no tunnel. */
export async function openSocksTunnel(
  socket: Socket,
  to: { readonly host: Address | string; readonly port: number },
  parent: Parent,
): Promise<void> {
  const inbox = new Inbox(socket);
  const methods = parent.credentials === null ? [METHOD.none] : [METHOD.none, METHOD.password];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await inbox.take(2);
  if (version !== VERSION) throw new EgressError('parent-unreachable');
  if (method === METHOD.password && parent.credentials !== null) await authenticate(socket, inbox, parent.credentials);
  else if (method !== METHOD.none) throw new EgressError('parent-credentials');
  socket.write(Buffer.from([VERSION, CONNECT, 0, ...hostOctets(to.host), to.port >> 8, to.port & 0xff]));
  const [, reply = 1, , type = 0] = await inbox.take(4);
  if (reply !== 0) throw new EgressError(reasonOfReply(reply));
  await inbox.take((await boundLength(inbox, type)) + 2);
  inbox.release(Buffer.alloc(0));
}

async function authenticate(
  socket: Socket,
  inbox: Inbox,
  { user, password }: NonNullable<Parent['credentials']>,
): Promise<void> {
  const [name, secret] = [Buffer.from(user), Buffer.from(password)];
  socket.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([secret.length]), secret]));
  const [, status] = await inbox.take(2);
  if (status !== 0) throw new EgressError('parent-credentials');
}

function hostOctets(host: Address | string): number[] {
  if (typeof host === 'string') return [TYPE.name, host.length, ...Buffer.from(host, 'latin1')];
  return [host.family === 4 ? TYPE.ipv4 : TYPE.ipv6, ...host.bytes];
}

/** The length of the bound address in the reply, which nobody needs. */
async function boundLength(inbox: Inbox, type: number): Promise<number> {
  if (type === TYPE.ipv4) return 4;
  if (type === TYPE.ipv6) return 16;
  if (type !== TYPE.name) throw new EgressError('parent-unreachable');
  const [length = 0] = await inbox.take(1);
  return length;
}

/** RFC 1928 section 6. */
function reasonOfReply(reply: number): Reason {
  if (reply === 3 || reply === 4) return 'unroutable';
  if (reply === 5) return 'connect-refused';
  return reply === 6 ? 'connect-timeout' : 'parent-refused';
}
