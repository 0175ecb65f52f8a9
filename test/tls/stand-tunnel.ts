/** A tunnel through the proxy's door to an origin that sends back what it gets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { openOrigin, type Stand } from '../door/stand.js';

export async function tunnel(stand: Stand, authority: string): Promise<Socket> {
  const socket = await stand.connect('proxy');
  socket.setNoDelay(true);
  socket.write(connectTo(authority));
  const [answer] = await once(socket, 'data');
  const head = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n');
  assert.ok(answer.subarray(0, head.length).equals(head), String(answer));
  if (answer.length > head.length) socket.unshift(answer.subarray(head.length));
  return socket;
}

export function connectTo(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

export async function echo(context: Parameters<typeof openOrigin>[0]): Promise<() => number> {
  const port = await openOrigin(context, (socket) => void socket.pipe(socket));
  return () => port;
}
