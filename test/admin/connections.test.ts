/** The admin listener against those who only connect to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openFront } from './front-server.js';

const LIMIT = { timeout: 240_000 };
/** The bound of those who have not said a whole request: see connections.ts. */
const SILENT = 32;

async function listen(context: TestContext): Promise<number> {
  return (await openFront(context)).port;
}

async function connect(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test(
  'half requests make room for each other, and a whole one is answered beside thousands of them',
  LIMIT,
  async (context) => {
    const port = await listen(context);
    const half: Socket[] = [];
    for (let i = 0; i < 2000; i++) {
      const socket = await connect(port, `127.0.1.${1 + (i % 9)}`);
      socket.resume().write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: a');
      half.push(socket);
    }
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    assert.equal(response.status, 200);
    while (half.filter(({ closed }) => !closed).length > SILENT) await setImmediate();
    for (const socket of half) socket.destroy();
  },
);

test('a request head to the admin API is bounded in octets', LIMIT, async (context) => {
  const port = await listen(context);
  const socket = await connect(port);
  socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(9000)}`);
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 431 /);
  socket.destroy();
});
