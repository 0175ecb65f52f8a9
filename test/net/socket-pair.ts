/** Two ends of one connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';

export interface Pair {
  /** Accepted, and not read yet. */
  readonly near: Socket;
  readonly far: Socket;
}

/** `path`: of a Unix socket; without it, TCP on loopback. */
export async function pair(path?: string): Promise<Pair> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  const at = server.address();
  assert.ok(at !== null);
  const accepted = once(server, 'connection');
  const far = net.connect({ ...(typeof at === 'string' ? { path: at } : { port: at.port }), allowHalfOpen: true });
  const [near] = await accepted;
  server.close();
  far.on('error', () => undefined);
  return { near, far };
}
