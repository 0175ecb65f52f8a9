import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OriginStand, originStand } from './origin-stand.js';
import { LOOPBACK_OPEN } from './raw-origin.js';
import { configOf } from './start-proxy.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/**
 * A client that has had one answer. From then on limits.headerTimeout is a second: the head of its next request comes whole, and is
 * not measured by it.
 */
async function clientInHurry(stand: OriginStand): ReturnType<OriginStand['client']> {
  const client = await stand.client();
  client.socket.write(stand.request('GET', '/first'));
  await client.until(({ text }) => text.endsWith('ok'));
  await stand.proxy.app.reload(await configOf({ version: 1, ...LOOPBACK_OPEN, limits: { headerTimeout: '1s' } }));
  return client;
}

test('the head of a response has a deadline of its own', async (t) => {
  const stand = await originStand(t, (socket, all) =>
    socket.write(all.includes('/late') ? 'HTTP/1.1 200 OK\r\nX: ' : OK),
  );
  const { socket, heard, until } = await clientInHurry(stand);
  socket.write(stand.request('GET', '/late'));
  await until(({ text }) => text.includes('}\n'));
  assert.match(heard.text, /okHTTP\/1\.1 504 Egress failed: upstream-timeout/);
});

test('an origin may take longer than that for the first byte, and from one interim response to the next', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    const parts = all.includes('/late') ? ['HTTP/1.1 102 Processing\r\n\r\n', OK] : [OK];
    for (const [i, part] of parts.entries())
      setTimeout(() => socket.write(part), 1500 * (parts.length === 1 ? 0 : i + 1));
  });
  const { socket, heard, until } = await clientInHurry(stand);
  socket.write(stand.request('GET', '/late'));
  await until(({ text }) => /102 [\s\S]*ok$|\}\n$/.test(text));
  assert.match(heard.text, /HTTP\/1\.1 102 [\s\S]*HTTP\/1\.1 200 OK\r\n/);
});

test('heads with fields without number are refused, and cost no more than what was read', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(10_000)}\r\n`));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/'));
  await until(({ text }) => text.includes('}\n'));
  assert.match(heard.text, /^HTTP\/1\.1 502 Egress failed: upstream-protocol/);
});

test('a client that has ended its side gets an answer that takes longer than limits.headerTimeout', async (t) => {
  const stand = await originStand(
    t,
    (socket, all) => void setTimeout(() => socket.write(OK), all.includes('/late') ? 1500 : 0),
  );
  const { socket, heard, until } = await clientInHurry(stand);
  socket.end(stand.request('GET', '/late'));
  await until(({ ended }) => ended);
  assert.match(heard.text, /okHTTP\/1\.1 200 OK\r\n[\s\S]*ok$/);
});

test('OPTIONS for a whole server goes out as such, and for a path with its path', async (t) => {
  const stand = await originStand(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const { socket, until } = await stand.client();
  for (const [i, path] of ['', '/', '?q', '/a'].entries()) {
    socket.write(stand.request('OPTIONS', path));
    await until(({ text }) => text.match(/\r\n\r\nok/g)?.length === i + 1);
  }
  socket.write(stand.request('GET', ''));
  await until(({ text }) => text.match(/\r\n\r\nok/g)?.length === 5);
  assert.deepEqual(stand.got.join('').match(/^(?:OPTIONS|GET) \S+/gm), [
    'OPTIONS *',
    'OPTIONS /',
    'OPTIONS /?q',
    'OPTIONS /a',
    'GET /',
  ]);
});

test('a response without Date gets one, and so does a refusal; one with Date keeps it', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    const date = all.includes('/dated') ? 'Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n' : '';
    socket.write(`HTTP/1.1 200 OK\r\n${date}Content-Length: 2\r\n\r\nok`);
  });
  const dates = async (request: string): Promise<readonly string[]> => {
    const { socket, heard, until } = await stand.client();
    socket.write(request);
    await until(({ text }) => /ok$|\}\n$/.test(text));
    return [...heard.text.matchAll(/^Date: ([^\r]*)\r$/gim)].map(([, date = '']) => date);
  };
  assert.deepEqual(await dates(stand.request('GET', '/dated')), ['Thu, 01 Jan 1970 00:00:00 GMT']);
  for (const request of [
    stand.request('GET', '/'),
    'GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n',
    'CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: 10.0.0.1:443\r\n\r\n',
  ]) {
    const [date = '', ...more] = await dates(request);
    assert.ok(Date.parse(date) > Date.parse('2020-01-01'), request);
    assert.deepEqual(more, []);
  }
});

test('raw UTF-8 in a path passes as it is, and ws is read as http', async (t) => {
  const stand = await originStand(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/\u00c3\u00a9?\u00e6'), 'latin1');
  await until(({ text }) => text.endsWith('ok'));
  socket.write(stand.request('GET', '/ws').replace('http://', 'WS://'));
  await until(({ text }) => text.match(/\r\n\r\nok/g)?.length === 2);
  assert.match(stand.got[0] ?? '', /^GET \/\u00c3\u00a9\?\u00e6 HTTP/);
  assert.match(stand.got[0] ?? '', /^GET \/ws HTTP/m);
});

test('heads that never end take from one budget, and over it the newest are given up', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(60_000)}`), {
    limits: { memory: '16MiB' },
  });
  const clients = await Promise.all(Array.from({ length: 80 }, () => stand.client()));
  for (const { socket } of clients) socket.write(stand.request('GET', '/'));
  await Promise.any(clients.map(({ until }) => until(({ text }) => text.includes('}\n'))));
  const answered = clients.map(({ heard }) => heard.text).filter((text) => text !== '');
  assert.match(answered[0] ?? '', /^HTTP\/1\.1 503 Egress failed: busy/);
});
