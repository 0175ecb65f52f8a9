import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originStand } from './origin-stand.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const EXPECT = 'Expect: 100-continue\r\nContent-Length: 5\r\n';

test('content that a client sends without waiting goes up to an origin that never says 100', async (t) => {
  const stand = await originStand(t, (socket, all) => all.endsWith('hello') && socket.write(OK));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('POST', '/', EXPECT));
  await stand.origin.asked();
  socket.write('hello');
  await until(({ text }) => text.includes('\r\n\r\nok'));
  assert.match(heard.text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(stand.got[0] ?? '', /^Expect: 100-continue\r$/m);
});

test('100 is passed on where the origin says it, before and after content', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if (all.endsWith('\r\n\r\n') || all.endsWith('hello')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    if (all.endsWith('hello')) socket.write(OK);
  });
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('POST', '/', EXPECT));
  await until(({ text }) => text.startsWith('HTTP/1.1 100 Continue\r\n'));
  socket.write('hello');
  await until(({ text }) => text.endsWith('ok'));
  assert.match(heard.text, /HTTP\/1\.1 200 OK\r\n/);
});

test('a refusal in place of 100 arrives, and the content that never came is not waited for', async (t) => {
  const stand = await originStand(t, (socket) => socket.end('HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n'));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('POST', '/', EXPECT));
  await until(({ text }) => text.includes('\r\n\r\n'));
  assert.match(heard.text, /^HTTP\/1\.1 417 No\r\n/);
});

test('an origin that is known to speak HTTP/1.0 gets no expectation, and its client gets a 100', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if (/\r\n\r\n(?:hello)?$/.test(all) && !(all.includes('POST') && !all.endsWith('hello')))
      socket.end('HTTP/1.0 200 OK\r\n\r\nok');
  });
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/'));
  await until(({ text }) => text.endsWith('0\r\n\r\n'));
  socket.write(stand.request('POST', '/', EXPECT));
  await until(({ text }) => text.includes('HTTP/1.1 100 Continue\r\n\r\n'));
  socket.write('hello');
  await until(({ text }) => (text.match(/HTTP\/1\.1 200 OK/g)?.length ?? 0) === 2);
  assert.doesNotMatch(stand.got[1] ?? '', /Expect/i);
  assert.match(heard.text, /^Via: 1\.0 mcp-egress-proxy\r$/m);
});

test('a 100 that nobody asked for is passed on, and the answer after it', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(`HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n${OK}`));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/').repeat(2));
  await until(({ text }) => (text.match(/\r\n\r\nok/g)?.length ?? 0) === 2);
  assert.match(heard.text, /^HTTP\/1\.1 100 Continue\r\nX: 1\r\nVia: [^\r]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.equal(stand.proxy.decisions[0]?.status, 200);
});

test('a client of HTTP/1.0 gets no interim response', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(`HTTP/1.1 103 Early\r\n\r\n${OK}`));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/').replace('HTTP/1.1', 'HTTP/1.0'));
  await until(({ ended }) => ended);
  assert.match(heard.text, /^HTTP\/1\.1 200 OK\r\n/);
});
