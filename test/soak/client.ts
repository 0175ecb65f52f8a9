/** Clients of the proxy under load: a tunnel, a request, and their like that behave badly. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

export interface Place {
  readonly proxyPort: number;
  /** `127.0.0.1:port` of the origin. */
  readonly origin: string;
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';

/** From one of 64 addresses of loopback: the ports of a single one would run out. */
export function open({ proxyPort }: Place): Socket {
  const localAddress = `127.0.1.${randomInt(1, 65)}`;
  const socket = net.connect({ host: '127.0.0.1', port: proxyPort, localAddress });
  socket.on('error', () => socket.destroy());
  return socket;
}

/** An open tunnel; rejects where the proxy says no. */
export async function openTunnel(place: Place, authority = place.origin): Promise<Socket> {
  const socket = open(place);
  socket.write(connectRequest(authority));
  const [answer] = await Promise.race([once(socket, 'data'), lost(socket)]);
  if (String(answer) !== ESTABLISHED) throw new Error(`no tunnel: ${String(answer).split('\r\n', 1)[0]}`);
  return socket;
}

/** Milliseconds of one request through the proxy; rejects where it is not answered with 200. */
export async function timedRequest(place: Place): Promise<number> {
  const started = performance.now();
  const socket = open(place);
  socket.write(`GET http://${place.origin}/ HTTP/1.1\r\nHost: ${place.origin}\r\nConnection: close\r\n\r\n`);
  const [answer] = await Promise.race([once(socket, 'data'), lost(socket)]);
  socket.destroy();
  if (!String(answer).startsWith('HTTP/1.1 200 ')) throw new Error(`no answer: ${String(answer).split('\r\n', 1)[0]}`);
  return performance.now() - started;
}

export function connectRequest(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

async function lost(socket: Socket): Promise<never> {
  await once(socket, 'close');
  throw new Error('the connection was lost');
}
