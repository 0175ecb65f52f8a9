/** A port of loopback that nobody listens at, for a program that can't choose one by itself. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ranges from which kernels take the ports of outgoing connections and of listeners at port 0 (Linux: from
 * 32768): one of those could be somebody else's before the program listens there.
 */
const [FIRST, END] = [20_000, 32_000];
const TRIES = 100;

export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${END}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
