import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOPBACK_OPEN, startRawOrigin, untilEnd } from './raw-origin.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

/** What the client gets for `answer` (latin1) of the origin. */
async function through(answer: string, method = 'GET'): Promise<{ received: string; proxy: RunningProxy }> {
  const origin = await startRawOrigin((socket) => socket.write(answer, 'latin1'));
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const received = untilEnd(client);
  client.end(`${method} http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  const text = await received;
  await proxy.stop();
  await origin.close();
  return { received: text, proxy };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('no character of an interim phrase becomes a line end', async () => {
  // U+010D U+010A in UTF-8: their lower bytes are CR LF.
  const { received, proxy } = await through(`HTTP/1.1 103 x\xc4\x8d\xc4\x8aInjected: yes\r\n\r\n${OK}`);
  assert.doesNotMatch(received, /^Injected/m);
  assert.match(received, /HTTP\/1\.1 200 OK/);
  assert.deepEqual(proxy.defects, []);
});

for (const status of ['101', '000', '042', '099']) {
  test(`a ${status} that nobody asked for is no interim response`, async () => {
    const { received, proxy } = await through(`HTTP/1.1 ${status} x\r\n\r\n${OK}`);
    assert.match(received, /^HTTP\/1\.1 502 /);
    assert.equal(proxy.decisions[0]?.reason, 'upstream-protocol');
    assert.deepEqual(proxy.defects, []);
  });
}

test('a phrase in UTF-8 is passed on in its bytes', async () => {
  const { received } = await through('HTTP/1.1 200 \xe6\x88\x90\r\nContent-Length: 2\r\n\r\nok');
  assert.match(received, /^HTTP\/1\.1 200 \xe6\x88\x90\r\n/);
});

test('a 204 and an interim response lose their Content-Length', async () => {
  for (const head of ['103 x', '204 x']) {
    const { received } = await through(`HTTP/1.1 ${head}\r\nContent-Length: 40\r\nX-Kept: 1\r\n\r\n${OK}`);
    const [first = ''] = received.split('\r\n\r\n');
    assert.match(first, /X-Kept: 1/);
    assert.doesNotMatch(first, /Content-Length/);
  }
});

test('a length is passed on as one plain number, however it was written', async () => {
  for (const lines of ['Content-Length: 0002', 'Content-Length: 2, 02', 'Content-Length: 2\r\nContent-Length: 02']) {
    const { received } = await through(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\nok`);
    assert.deepEqual(received.match(/^content-length:.*$/gim), ['Content-Length: 2'], lines);
    assert.match(received, /\r\n\r\nok$/);
  }
  const { received } = await through('HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\n', 'HEAD');
  assert.match(received, /^Content-Length: 2\r$/m);
});

test('a 304 with the length of its 200 leaves the connection as it was', async () => {
  const origin = await startRawOrigin((socket) => socket.write('HTTP/1.1 304 x\r\nContent-Length: 40\r\n\r\n'));
  const proxy = await startProxy({ config: LOOPBACK_OPEN });
  const client = await proxy.connect();
  const received = untilEnd(client);
  client.end(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`.repeat(2));
  assert.equal((await received).match(/HTTP\/1\.1 304 x/g)?.length, 2);
  await proxy.stop();
  await origin.close();
});

test('a trailer that frames or authenticates is dropped, the others are passed on', async () => {
  const { received } = await through(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=b\r\nHost: x\r\nTest: 1\r\n\r\n',
  );
  assert.match(received, /2\r\nok\r\n0\r\nTest: 1\r\n\r\n$/);
});

test('the bytes of a field are those of the origin', async () => {
  const { received } = await through('HTTP/1.1 200 OK\r\nX-Name: \xe9\xff\r\nContent-Length: 2\r\n\r\nok');
  assert.match(received, /^X-Name: \xe9\xff\r$/m);
});

for (const connection of ['keep-alive', 'Date, keep-alive', 'update', 'date']) {
  test(`a response with one Date has one when it is passed on, whatever Connection names (${connection})`, async () => {
    const origins = 'Thu, 01 Jan 1970 00:00:00 GMT';
    const { received } = await through(
      `HTTP/1.1 200 OK\r\nDate: ${origins}\r\nConnection: ${connection}\r\nContent-Length: 2\r\n\r\nok`,
    );
    const dates = [...received.matchAll(/^Date: ([^\r]*)\r$/gim)].map(([, date]) => date);
    assert.equal(dates.length, 1);
    // A Date that Connection names goes no further, and the time of receipt takes its place.
    assert.equal(dates[0] === origins, !/\bdate\b/i.test(connection));
  });
}
