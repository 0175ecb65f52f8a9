import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { originStand } from './origin-stand.js';

const BYTES = 16 * 1024 * 1024;
const IDLE_MS = 2000;

for (const way of ['a tunnel', 'a response'] as const) {
  test(`${way} whose reader pauses for longer than limits.idleTimeout is not ended`, async (t) => {
    const stand = await originStand(
      t,
      (socket) => {
        const head = way === 'a response' ? `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n` : '';
        socket.end(Buffer.concat([Buffer.from(head), Buffer.alloc(BYTES, 'x')]));
      },
      { limits: { idleTimeout: `${IDLE_MS}ms` } },
    );
    const socket = await stand.proxy.connect();
    t.after(() => socket.destroy());
    socket.write(
      way === 'a response'
        ? stand.request('GET', '/')
        : `CONNECT ${stand.origin.authority} HTTP/1.1\r\nHost: ${stand.origin.authority}\r\n\r\nhello`,
    );
    await once(socket, 'readable');
    await setTimeout(2 * IDLE_MS);
    let got = 0;
    socket.on('data', (bytes) => {
      got += bytes.length;
    });
    socket.on('error', () => undefined);
    // Closed in time where it is a tunnel; a connection that is kept says no more after the last byte.
    await new Promise<void>((resolve) => {
      socket.on('data', () => got >= BYTES && resolve()).on('close', () => resolve());
      if (socket.destroyed) resolve();
    });
    assert.ok(got >= BYTES, `${got} of ${BYTES}`);
  });
}
