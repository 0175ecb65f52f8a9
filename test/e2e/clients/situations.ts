/** What clients and origins do that no single case of raw bytes shows. */
import { atMost, PATIENCE_MS, PIECES, reads, type Situation, situation, writeAll } from './situation.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const TOO_LARGE = 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno';
const PIECE = Buffer.alloc(64 * 1024, 'x');
const CHUNK = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')]);
const CREDENTIALS = `Proxy-Authorization: Basic ${Buffer.from('tool:0123456789abcdef').toString('base64')}\r\n`;

export const SITUATIONS: readonly Situation[] = [
  situation(
    'content after an expectation that the origin never meets',
    (socket, all) => void (all.endsWith('hello') && socket.write(OK)),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('POST', '/', 'Expect: 100-continue\r\nContent-Length: 5\r\n'));
      await atMost(
        300,
        until(({ text }) => text.includes('100')),
      );
      socket.write('hello');
      return reads(heard, until, /200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'an origin of HTTP/1.0 that never heard of expectations',
    (socket, all) => void (all.endsWith('hello') && socket.end('HTTP/1.0 200 OK\r\n\r\nok')),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('POST', '/', 'Expect: 100-continue\r\nContent-Length: 5\r\n'));
      await atMost(
        300,
        until(({ text }) => text.includes('100')),
      );
      socket.write('hello');
      return reads(heard, until, /200 OK[\s\S]*ok/);
    },
  ),
  situation(
    'an interim response that nobody asked for',
    (socket) => void socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('GET', '/'));
      return reads(heard, until, /HTTP\/1\.1 200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'an origin that answers 413 at the head and ends its side, and a client that writes first (a length)',
    (socket) => void (socket.writableEnded || socket.end(TOO_LARGE)),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('POST', '/', `Content-Length: ${PIECE.length * PIECES}\r\n`));
      await writeAll(socket, PIECE);
      return reads(heard, until, /^HTTP\/1\.1 413 [\s\S]*no$/);
    },
  ),
  situation(
    'the same with chunks',
    (socket) => void (socket.writableEnded || socket.end(TOO_LARGE)),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('POST', '/', 'Transfer-Encoding: chunked\r\n'));
      await writeAll(socket, CHUNK);
      socket.write('0\r\n\r\n');
      return reads(heard, until, /^HTTP\/1\.1 413 [\s\S]*\r\nno/);
    },
  ),
  situation(
    'a GET on a connection that its origin closes at that moment',
    (socket, all, connection) =>
      void (connection === 0 && all.includes('/second') ? socket.destroy() : socket.write(OK)),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('GET', '/first'));
      await atMost(
        PATIENCE_MS,
        until(({ text }) => text.endsWith('ok')),
      );
      socket.write(request('GET', '/second'));
      return reads(heard, until, /200 OK[\s\S]*ok[\s\S]*200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'a plain client of the same address after an authentication by NTLM',
    (socket, all) => {
      const step = all.match(/NTLM/g)?.length ?? 0;
      const challenge = 'HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM abc\r\nContent-Length: 0\r\n\r\n';
      socket.write(step === 1 ? challenge : OK.replace('ok', step === 0 ? 'no' : 'me'));
    },
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('GET', '/', 'Authorization: NTLM aaa\r\n'));
      await atMost(
        PATIENCE_MS,
        until(({ text }) => text.includes('NTLM abc')),
      );
      socket.write(request('GET', '/', 'Authorization: NTLM bbb\r\n'));
      const own = await reads(heard, until, /me$/);
      const other = await client();
      other.socket.write(request('GET', '/'));
      const others = await reads(other.heard, other.until, /no$/);
      return own.isGood ? others : own;
    },
  ),
  situation(
    'a client that ends its side and reads on',
    (socket) => void setTimeout(() => socket.write(OK), 500),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.end(request('GET', '/'));
      return reads(heard, until, /200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'an answer without Date',
    (socket) => void socket.write(OK),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('GET', '/'));
      return reads(heard, until, /^Date: [\s\S]*ok$/m);
    },
  ),
  situation(
    'raw UTF-8 in a path',
    (socket, all) => void socket.write(/^GET \/(?:\xc3\xa9|%C3%A9) /i.test(all) ? OK : TOO_LARGE),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(Buffer.from(request('GET', '/\xc3\xa9'), 'latin1'));
      return reads(heard, until, /200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'an empty port in Host',
    (socket) => void socket.write(OK),
    async ({ client, request }) => {
      const { socket, heard, until } = await client();
      socket.write(request('GET', '/').replace(/Host: ([^\r]*)/, 'Host: o.test:'));
      return reads(heard, until, /200 OK[\s\S]*ok$/);
    },
  ),
  situation(
    'a Host in CONNECT that names the proxy',
    (socket) => void socket.write(OK),
    async ({ authority, client }) => {
      const { socket, heard, until } = await client();
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: 127.0.0.1:${socket.remotePort}\r\n\r\n`);
      await atMost(
        PATIENCE_MS,
        until(({ text }) => text.includes('\r\n\r\n')),
      );
      socket.write('hello');
      return reads(heard, until, /^HTTP\/1\.1 200 [\s\S]*ok$/);
    },
  ),
  situation(
    'a chunked upload that is refused, and a client that writes first',
    () => undefined,
    async ({ client }) => {
      const { socket, heard, until } = await client();
      socket.write('POST http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n');
      await writeAll(socket, CHUNK);
      socket.write('0\r\n\r\n');
      return reads(heard, until, /^HTTP\/1\.1 403 /);
    },
  ),
  situation(
    'a client that waits to be asked who it is',
    (socket) => void socket.write(OK),
    async ({ client, request }) => {
      const [first, second] = [await client('asked'), await client('asked')];
      first.socket.write(request('GET', '/'));
      const asked = await reads(first.heard, first.until, /^HTTP\/1\.1 407 [\s\S]*^Proxy-Authenticate: Basic/m);
      second.socket.write(request('GET', '/', CREDENTIALS));
      const known = await reads(second.heard, second.until, /200 OK[\s\S]*ok$/);
      return asked.isGood ? known : asked;
    },
  ),
  situation(
    'the same with CONNECT',
    (socket) => void socket.write(OK),
    async ({ authority, client }) => {
      const [first, second] = [await client('asked'), await client('asked')];
      const connect = (lines: string) => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${lines}\r\n`;
      first.socket.write(connect(''));
      const asked = await reads(first.heard, first.until, /^HTTP\/1\.1 407 [\s\S]*^Proxy-Authenticate: Basic/m);
      second.socket.write(connect(CREDENTIALS));
      const known = await reads(second.heard, second.until, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n/);
      return asked.isGood ? known : asked;
    },
  ),
  ...[1500, 2900].map((ms) =>
    situation(
      `a name that takes ${ms} ms to resolve`,
      (socket) => void socket.write(OK),
      async ({ port, client }) => {
        const { socket, heard, until } = await client();
        const host = `slow-${ms}.test:${port}`;
        socket.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        return reads(heard, until, /200 OK[\s\S]*ok$/);
      },
    ),
  ),
];
