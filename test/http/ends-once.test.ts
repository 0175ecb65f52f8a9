/** A request ends once, wherever its end comes from: the calls that say so may come back before they were stored. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { originStand } from './origin-stand.js';
import { configOf } from './start-proxy.js';

const LIMIT = { timeout: 240_000 };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('who sends on after a fault in the content is read for a while, so that the 400 is not lost', LIMIT, async (t) => {
  const stand = await originStand(t, () => undefined);
  const { socket, heard, until } = await stand.client();
  const errors: unknown[] = [];
  socket.on('error', (error) => errors.push(error));
  socket.write(stand.request('POST', '/', 'Transfer-Encoding: chunked\r\n'));
  await stand.origin.asked();
  socket.write(`zz\r\n`);
  await until(({ ended }) => ended);
  for (let i = 0; i < 20 && !socket.destroyed; i++)
    await new Promise((resolve) => socket.write(Buffer.alloc(64 * 1024, 'x'), resolve));
  assert.match(heard.text, /^HTTP\/1\.1 400 [\s\S]*\}\n$/);
  socket.end();
  await once(socket, 'close');
  assert.deepEqual(errors, []);
});

test(
  'a request that is answered and still sends content ends at once where the policy forbids it',
  LIMIT,
  async (t) => {
    const stand = await originStand(t, (socket, all) => void (all.endsWith('\r\n\r\n') && socket.write(OK)));
    const { socket, until } = await stand.client();
    socket.write(stand.request('POST', '/', 'Content-Length: 100\r\n'));
    await until(({ text }) => text.endsWith('ok'));
    const [up] = stand.origin.open;
    assert.ok(up);
    const upLost = new Promise((resolve) => up.on('end', resolve).on('close', resolve));
    assert.equal(await stand.proxy.app.reload(await configOf({ version: 1, policy: { default: 'public' } })), 1);
    assert.equal((await stand.proxy.closed(0)).cause, 'policy');
    await upLost;
  },
);

test(
  'what follows the content of a request whose answer came early, and is its last, starts nothing',
  LIMIT,
  async (t) => {
    const stand = await originStand(t, (socket, all) => void (all.endsWith('\r\n\r\n') && socket.write(OK)));
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('POST', '/', 'Content-Length: 5\r\nConnection: close\r\n'));
    await until(({ text }) => text.endsWith('ok'));
    socket.write(`hello${stand.request('GET', '/second')}`);
    await until(({ ended }) => ended);
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    for (let i = 0; i < 20 && !socket.destroyed; i++)
      await new Promise((resolve) => socket.write(Buffer.alloc(64 * 1024, 'x'), resolve));
    socket.end();
    await once(socket, 'close');
    assert.deepEqual(errors, []);
    assert.equal(heard.text.match(/HTTP/g)?.length, 1);
  },
);

test('a large request behind the content of one whose answer came early is read to its end', LIMIT, async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if ((all.endsWith('\r\n\r\n') && !all.includes('PUT')) || all.endsWith('!')) socket.write(OK);
  });
  const { socket, until } = await stand.client();
  socket.write(stand.request('POST', '/', 'Content-Length: 5\r\n'));
  await until(({ text }) => text.endsWith('ok'));
  const content = Buffer.alloc(400_000, 'x');
  socket.write(
    Buffer.concat([
      Buffer.from(`hello${stand.request('PUT', '/second', `Content-Length: ${content.length + 1}\r\n`)}`),
      content,
      Buffer.from('!'),
    ]),
  );
  await until(({ text }) => text.match(/\r\n\r\nok/g)?.length === 2);
  assert.equal(stand.got.length, 1);
});

for (const [what, cut] of [
  ['the content', 'POST http://127.0.0.1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe'],
  ['the head', 'POST http://127.0.0.1/ HT'],
] as const) {
  test(
    `a client that ended its side in the midst of ${what} of a later request is not waited for`,
    LIMIT,
    async (t) => {
      const asked = new EventEmitter();
      const stand = await originStand(t, (origin, all) => {
        if (all.includes('/first')) asked.emit('first', origin);
      });
      const { socket, heard, until } = await stand.client();
      const first = once(asked, 'first');
      socket.end(stand.request('GET', '/first') + cut.replace('127.0.0.1', stand.origin.authority));
      const [origin] = await first;
      origin.write(OK);
      await until(({ ended }) => ended);
      assert.match(heard.text, /^HTTP\/1\.1 200 /);
      const { reason } = await stand.proxy.decision(1);
      assert.equal(reason, what === 'the head' ? 'malformed-request' : 'client-closed');
    },
  );
}

test('a connection that waits for its next request holds nothing of the last one', LIMIT, async (t) => {
  const stand = await originStand(t, (socket) => socket.write(OK));
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/', `X: ${'x'.repeat(15_000)}\r\n`));
  await until(({ text }) => text.endsWith('ok'));
  await stand.proxy.closed(0);
  assert.equal(stand.proxy.app.memory.used('requests'), 0);
});
