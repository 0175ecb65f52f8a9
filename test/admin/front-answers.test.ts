/** What every answer of the admin listener has, whoever makes it: the page's policy, and that nothing keeps it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openFront } from './front-server.js';

const AUTH = 'Authorization: Bearer 0123456789abcdef\r\n';
const HEAD = `Host: localhost\r\nConnection: close\r\n${AUTH}`;
const JSON_TYPE = 'Content-Type: application/json\r\n';

for (const [what, request, status] of [
  ['the page', `GET / HTTP/1.1\r\n${HEAD}\r\n`, 200],
  ['a URL that cannot be decoded', `GET /v1/%zz HTTP/1.1\r\n${HEAD}\r\n`, 400],
  ['a path that is not there', `GET /nowhere HTTP/1.1\r\n${HEAD}\r\n`, 404],
  ['a method that nothing has', `PROPFIND /v1/policy HTTP/1.1\r\n${HEAD}${JSON_TYPE}\r\n`, 404],
  ['too much content', `POST /v1/check HTTP/1.1\r\n${HEAD}${JSON_TYPE}Content-Length: 99999\r\n\r\n`, 413],
  [
    'another content type',
    `POST /v1/grants HTTP/1.1\r\n${HEAD}Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
    415,
  ],
  ['no Host field', `GET / HTTP/1.1\r\nConnection: close\r\n${AUTH}\r\n`, 400],
  ['no token', 'GET /v1/policy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 401],
  ['what is no HTTP', 'nonsense\r\n\r\n', 400],
  ['too many header octets', `GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(9000)}\r\n\r\n`, 431],
  ['an expectation that nobody knows', `GET / HTTP/1.1\r\n${HEAD}Expect: wonders\r\n\r\n`, 200],
] as const) {
  test(`the answer to ${what} carries the page's policy and is not kept`, { timeout: 240_000 }, async (t) => {
    const { port } = await openFront(t);
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.write(request);
    const [head = ''] = (await text(socket)).split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /\r\ncontent-security-policy: default-src 'none'/i);
    assert.match(head, /\r\ncache-control: no-store/i);
  });
}

test('a client that waits to be told to go on is told', { timeout: 240_000 }, async (t) => {
  const { port } = await openFront(t);
  const socket = net.connect({ host: '127.0.0.1', port });
  const content = '{"target":"127.0.0.1:80"}';
  const fields = `${HEAD}${JSON_TYPE}Expect: 100-continue\r\nContent-Length: ${content.length}\r\n`;
  socket.write(`POST /v1/check HTTP/1.1\r\n${fields}\r\n`);
  const [interim] = await once(socket, 'data');
  assert.equal(String(interim), 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write(content);
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /\r\ncontent-security-policy: default-src 'none'/i);
});

test('a reader that never reads its answer is cut', { timeout: 240_000 }, async (t) => {
  const load = async () => (_request: unknown, response: NodeJS.WritableStream) => {
    response.end(Buffer.alloc(64 << 20));
  };
  const { server, port } = await openFront(t, { load, stalledMs: 100 });
  const accepted = once(server, 'connection');
  const socket = net.connect({ host: '127.0.0.1', port }).on('error', () => undefined);
  t.after(() => socket.destroy());
  socket.pause().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [served] = await accepted;
  await once(served, 'close');
});

test('where the files of the program have gone, the answer says to start it again', async (t) => {
  const defects: unknown[] = [];
  const load = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ERR_MODULE_NOT_FOUND' }));
  const { url } = await openFront(t, { load, onDefect: (error) => defects.push(error) });
  const response = await fetch(url);
  assert.equal(response.status, 500);
  assert.match(await response.text(), /have been replaced since it started: restart it/);
  assert.equal(defects.length, 1);
});
