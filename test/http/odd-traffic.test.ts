/** What clients and origins send within the protocol, and seldom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { originStand } from './origin-stand.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const count = (text: string): number => text.match(/\r\n\r\nok/g)?.length ?? 0;

test('a GET is sent a second time, and never a third', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if (all.includes('/second')) socket.destroy();
    else socket.write(OK);
  });
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/first'));
  await until(({ text }) => count(text) === 1);
  socket.write(stand.request('GET', '/second'));
  await until(({ text }) => text.includes('502 Egress failed: upstream-reset'));
  assert.equal(stand.got.length, 2);
  assert.match(heard.text, /upstream-reset/);
});

test('a GET on a fresh connection that is lost is not sent again', async (t) => {
  const stand = await originStand(t, (socket) => void socket.destroy());
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/'));
  await until(({ text }) => text.includes('502 Egress failed: upstream-reset'));
  assert.equal(stand.got.length, 1);
});

for (const [name, interim] of [
  ['102 and 103', 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
  ['a 199', 'HTTP/1.1 199 Odd\r\n\r\n'],
  ['a 100 of HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\n'],
  ['hundreds of 103', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(900)],
] as const) {
  test(`${name} before the answer: the answer arrives`, async (t) => {
    const stand = await originStand(t, (socket) => void socket.write(interim + OK));
    const { socket, until } = await stand.client();
    socket.write(stand.request('POST', '/', 'Content-Length: 2\r\n'));
    socket.write('hi');
    await until(({ text }) => /HTTP\/1\.1 200 OK[\s\S]*ok$/.test(text));
  });
}

test('a flood of interim responses ends with 502', async (t) => {
  const stand = await originStand(
    t,
    (socket) => void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(5000) + OK),
  );
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/'));
  await until(({ text }) => text.includes('HTTP/1.1 502 Egress failed: upstream-protocol'));
});

test('an expectation in other spellings, twice, or without content is met', async (t) => {
  for (const lines of [
    'Expect: 100-CONTINUE\r\nContent-Length: 2\r\n',
    'Expect: 100-continue, 100-continue\r\nContent-Length: 2\r\n',
    'Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 2\r\n',
    'Expect:\r\nContent-Length: 2\r\n',
  ]) {
    const stand = await originStand(t, (socket, all) => void (all.endsWith('hi') && socket.write(OK)));
    const { socket, until } = await stand.client();
    socket.write(`${stand.request('POST', '/', lines)}hi`);
    await until(({ text }) => text.endsWith('ok'));
  }
  const stand = await originStand(t, (socket) => void socket.write(OK));
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/', 'Expect: 100-continue\r\n'));
  await until(({ text }) => text.endsWith('ok'));
  assert.doesNotMatch(stand.got[0] ?? '', /expect/i);
});

test('an Upgrade that the origin refuses is answered as it is, and with content', async (t) => {
  const stand = await originStand(t, (socket) => void socket.write(OK.replace('200 OK', '426 Upgrade Required')));
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  await until(({ text }) => text.endsWith('ok'));
  assert.match(heard.text, /^HTTP\/1\.1 426 Upgrade Required/);
});

test('a client of HTTP/1.0 gets chunks as plain content', async (t) => {
  const stand = await originStand(
    t,
    (socket) => void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  );
  const { socket, heard, until } = await stand.client();
  socket.write(stand.request('GET', '/').replace('HTTP/1.1', 'HTTP/1.0'));
  await until(({ ended }) => ended);
  assert.match(heard.text, /\r\n\r\nok$/);
  assert.doesNotMatch(heard.text, /chunked/i);
});

test('two requests and the end of the client in one write get two answers', async (t) => {
  const stand = await originStand(
    t,
    (socket, all) => void (all.endsWith('\r\n\r\n') && setTimeout(() => socket.write(OK), 50)),
  );
  const { socket, heard, until } = await stand.client();
  socket.end(stand.request('GET', '/1') + stand.request('GET', '/2'));
  await until(({ ended }) => ended);
  assert.equal(count(heard.text), 2);
});

test('spellings of the Host field and of the target that clients send reach the origin', async (t) => {
  const stand = await originStand(t, (socket) => void socket.write(OK));
  const port = stand.origin.authority.split(':')[1];
  for (const host of [
    'O.TEST',
    'o.test.',
    'my_service',
    'o.test:',
    `[::1]:${port}`,
    '127.0.0.1',
    'xn--mnchen-3ya.test',
    '-a-.test',
  ]) {
    const { socket, heard, until } = await stand.client();
    socket.write(`GET http://127.0.0.1:${port}?q=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await until(({ text, ended }) => ended || text.endsWith('ok') || text.endsWith('}\n'));
    assert.match(heard.text, /^HTTP\/1\.1 200 /, host);
  }
  assert.match(stand.got[0] ?? '', /^GET \/\?q=1 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:/);
});

test('Basic in any case names a client', async (t) => {
  const token = Buffer.from('carl:a-token-of-carls').toString('base64');
  const stand = await originStand(t, (socket) => void socket.write(OK), {
    clients: [{ name: 'carl', token: 'a-token-of-carls' }],
  });
  for (const value of [`basic ${token}`, `BASIC  ${token}`, `Basic ${token} `]) {
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('GET', '/', `proxy-authorization: ${value}\r\n`));
    await until(({ text, ended }) => ended || text.endsWith('ok') || text.endsWith('}\n'));
    assert.match(heard.text, /^HTTP\/1\.1 200 /, value);
    assert.equal(stand.proxy.decisions.at(-1)?.client.name, 'carl');
  }
  for (const value of ['Bearer abc', 'Negotiate abc', 'Digest a="b"', 'NTLM abc', 'Basic', 'Basic !!!']) {
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('GET', '/', `Proxy-Authorization: ${value}\r\n`));
    await until(({ text, ended }) => ended || text.endsWith('ok') || text.endsWith('}\n'));
    assert.match(heard.text, /^HTTP\/1\.1 407 [\s\S]*^Proxy-Authenticate: Basic/m, value);
  }
});

test('Negotiate stays on its connection, however it is spelt', async (t) => {
  for (const line of [
    'WWW-Authenticate: negotiate',
    'WWW-Authenticate: Basic realm="a", NTLM',
    'www-authenticate: Basic realm="a"\r\nWWW-Authenticate: Negotiate abc',
  ]) {
    const stand = await originStand(
      t,
      (socket) => void socket.write(OK.replace('200 OK\r\n', `401 No\r\n${line}\r\n`)),
      {
        clients: [{ name: 'carl', token: 'a-token-of-carls' }],
      },
    );
    const token = `Proxy-Authorization: Basic ${Buffer.from('carl:a-token-of-carls').toString('base64')}\r\n`;
    for (const _ of [1, 2]) {
      const { socket, until } = await stand.client();
      socket.write(stand.request('GET', '/', token));
      await until(({ text }) => count(text) === 1);
    }
    assert.equal(stand.got.length, 2, line);
  }
});

test('an origin that answers while it closes its side, and one that closes after each answer', async (t) => {
  const stand = await originStand(t, (socket, all) => void (all.endsWith('hi') && socket.end(OK)));
  const { socket, heard, until } = await stand.client();
  for (const i of [1, 2, 3]) {
    socket.write(stand.request('POST', '/', 'Content-Length: 2\r\n'));
    socket.write('hi');
    await until(({ text, ended }) => ended || count(text) === i);
    // A POST is not sent a second time: the proxy has to have heard that the origin is gone.
    while (stand.origin.open.size > 0) await setImmediate();
  }
  assert.equal(count(heard.text), 3);
});

test('a long target passes up to limits.headerBytes', async (t) => {
  const stand = await originStand(t, (socket) => void socket.write(OK));
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', `/${'a'.repeat(15_000)}`));
  await until(({ text }) => text.endsWith('ok'));
});

test('a POST that is refused while the client waits for 100', async (t) => {
  const stand = await originStand(t, () => undefined);
  const { socket, heard, until } = await stand.client();
  socket.write('POST http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  await until(({ text, ended }) => ended || text.endsWith('}\n'));
  assert.match(heard.text, /^HTTP\/1\.1 403 /);
});
