import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createTunnelDoor } from '../../proxy/door/tunnel-door.js';
import { lineDoor } from './line-door.js';
import { doorParts } from './parts.js';
import { openOrigin, readAll } from './stand.js';

test('a door is one object: it hears, and the rest is there', async (t) => {
  const echo = await openOrigin(t, (socket) => void socket.pipe(socket));
  const { port, records } = await listening(t, echo);
  assert.equal(await say(port, 'site.test:22\nhello'), 'OPEN\nhello');
  const [record] = records;
  assert.deepEqual(
    [record?.outcome, record?.host, record?.port, record?.dialed],
    ['allow', 'site.test', 22, '93.184.215.14'],
  );
});

test('what it refuses, and what is refused after it, gets its own words and one record', async (t) => {
  const { port, records } = await listening(t, 1);
  for (const [line, reason] of [
    ['nonsense', 'malformed-target'],
    ['10.0.0.1:80', 'address-prohibited'],
    ['site.test:22', 'connect-refused'],
  ] as const) {
    assert.equal(await say(port, `${line}\n`), `NO ${reason}\n`);
    assert.equal(records.at(-1)?.reason, reason);
  }
  assert.equal(records.length, 3);
});

test('a client that ends within its handshake has a record, and one that says nothing has none', async (t) => {
  const { port, records } = await listening(t, 1);
  assert.equal(await say(port, ''), '');
  assert.equal(await say(port, 'site'), 'NO client-closed\n');
  assert.deepEqual(
    records.map(({ reason }) => reason),
    ['client-closed'],
  );
});

test('what a refused client has sent is read to its end, and none of it is held any more', async (t) => {
  const { port, records, arrivals } = await listening(t, 1);
  // More than the kernel takes without a reader.
  const more = 'x'.repeat(16 * 1024 * 1024);
  for (const [line, answer] of [
    ['nonsense', 'malformed-target'],
    ['10.0.0.1:80', 'address-prohibited'],
    ['site.test:22', 'connect-refused'],
  ] as const) {
    assert.equal(await say(port, `${line}\n${more}`), `NO ${answer}\n`);
    assert.equal(arrivals.memory.used('early'), 0);
  }
  assert.equal(records.length, 3);
});

async function listening(t: TestContext, origin: number) {
  const { arrivals, connectionLimits, records } = await doorParts(origin);
  const server = createTunnelDoor(arrivals, connectionLimits, lineDoor).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, records, arrivals };
}

async function say(port: number, text: string): Promise<string> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const sent = new Promise((resolve, reject) => socket.on('finish', resolve).on('error', reject));
  socket.end(text);
  const [answer] = await Promise.all([readAll(socket), sent]);
  return answer.toString('latin1');
}
