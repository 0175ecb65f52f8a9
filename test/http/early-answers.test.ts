import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { originStand } from './origin-stand.js';

const TOO_LARGE = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const PIECE = Buffer.alloc(64 * 1024, 'x');
const PIECES = 160;

/** As requests and Go do: nothing is read before all is written. */
async function writeAll(socket: Socket, piece: Buffer): Promise<void> {
  for (let i = 0; i < PIECES; i++) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
}

const CHUNK = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')]);
const FRAMINGS = [
  ['a length', `Content-Length: ${PIECE.length * PIECES}\r\n`, PIECE, ''],
  ['chunks', 'Transfer-Encoding: chunked\r\n', CHUNK, '0\r\n\r\n'],
] as const;

for (const [framing, line, piece, end] of FRAMINGS) {
  test(`an origin that answers at the head and ends: a client that writes first gets the answer (${framing})`, async (t) => {
    const stand = await originStand(t, (socket) => {
      if (!socket.writableEnded) socket.end(TOO_LARGE);
    });
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('POST', '/', line));
    await writeAll(socket, piece);
    socket.write(end);
    await until(({ text, ended }) => text.endsWith('\r\n\r\nno') || ended);
    assert.match(heard.text, /^HTTP\/1\.1 413 Too Large\r\n[\s\S]*\r\n\r\nno$/);
  });

  test(`an origin that answers at the head and closes: the same (${framing})`, async (t) => {
    const stand = await originStand(t, (socket) => {
      socket.end(TOO_LARGE.replace('Content', 'Connection: close\r\nContent'), () => socket.destroy());
    });
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('POST', '/', line));
    await writeAll(socket, piece);
    socket.write(end);
    await until(({ text, ended }) => text.endsWith('\r\n\r\nno') || ended);
    assert.match(heard.text, /^HTTP\/1\.1 413 Too Large\r\n[\s\S]*\r\n\r\nno$/);
    assert.match(heard.text, /^Connection: close\r$/m);
  });

  test(`a refusal of the proxy reaches a client that writes first (${framing})`, async (t) => {
    const stand = await originStand(t, () => assert.fail('the origin was asked'));
    const { socket, heard, until } = await stand.client();
    socket.write(`POST http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n${line}\r\n`);
    await writeAll(socket, piece);
    socket.write(end);
    await until(({ ended }) => ended);
    assert.match(heard.text, /^HTTP\/1\.1 403 Egress denied: address-prohibited [\s\S]*\}\n$/);
  });

  test(`after an early answer of an origin that reads on, the next request is answered (${framing})`, async (t) => {
    const stand = await originStand(t, (socket, all) => {
      if (all.endsWith('hello') || (all.endsWith('0\r\n\r\n') && !all.includes('GET'))) return;
      socket.write(all.includes('GET') ? OK : TOO_LARGE);
    });
    const { socket, heard, until } = await stand.client();
    const [head, content] =
      end === '' ? ['Content-Length: 5\r\n', 'hello'] : ['Transfer-Encoding: chunked\r\n', `5\r\nhello\r\n${end}`];
    socket.write(stand.request('POST', '/', head));
    await until(({ text }) => text.endsWith('\r\n\r\nno'));
    socket.write(`${content}${stand.request('GET', '/')}`);
    await until(({ text }) => text.endsWith('\r\n\r\nok'));
    assert.match(heard.text, /^HTTP\/1\.1 413 /);
    assert.match(stand.got[0] ?? '', /hello/);
  });
}

test('content and answer flow at the same time', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if (all.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const [last = ''] = /echo\d$/.exec(all) ?? [];
    if (last !== '') socket.write(`${last.length}\r\n${last}\r\n${last === 'echo3' ? '0\r\n\r\n' : ''}`);
  });
  const { socket, until } = await stand.client();
  socket.write(stand.request('POST', '/', 'Content-Length: 15\r\n'));
  await until(({ text }) => text.includes('\r\n\r\n'));
  for (const word of ['echo1', 'echo2', 'echo3']) {
    socket.write(word);
    await until(({ text }) => text.includes(word));
  }
  await until(({ text }) => text.endsWith('0\r\n\r\n'));
});

test('bytes that follow an early answer make the connection unfit for another request', async (t) => {
  let surplus = (): void => undefined;
  const stand = await originStand(t, (socket, all) => {
    if (all.endsWith('1')) socket.write('HTTP/1.1 200 OK\r\n', surplus);
    else if (!all.endsWith('2')) socket.write(OK);
  });
  const { socket, until } = await stand.client();
  socket.write(stand.request('POST', '/first', 'Content-Length: 2\r\n'));
  await until(({ text }) => text.endsWith('ok'));
  const sent = new Promise<void>((resolve) => {
    surplus = resolve;
  });
  socket.write('1');
  await sent;
  socket.write('2');
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(stand.request('GET', '/second'));
  await until(({ text }) => text.split('\r\n\r\nok').length === 3 || text.includes('502'));
  assert.equal(stand.got.length, 2);
});
