import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originStand } from './origin-stand.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function count(text: string): number {
  return text.match(/\r\n\r\nok/g)?.length ?? 0;
}

for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE'] as const) {
  test(`${method} on a connection that its origin is just closing is sent once more on a fresh one`, async (t) => {
    const stand = await originStand(t, (socket, all, connection) => {
      if (connection === 0 && all.includes('/second')) socket.destroy();
      else socket.write(all.includes('HEAD') && all.includes('/second') ? OK.slice(0, -2) : OK);
    });
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('GET', '/first'));
    await until(({ text }) => count(text) === 1);
    socket.write(stand.request(method, '/second'));
    await until(({ text }) => (text.match(/HTTP\/1\.1 200 OK/g)?.length ?? 0) === 2);
    assert.equal(stand.got.length, 2);
    assert.match(heard.text, /200 OK[\s\S]*200 OK/);
    assert.deepEqual(
      stand.proxy.decisions.map(({ status }) => status),
      [200, 200],
    );
  });
}

test('POST and content are never sent a second time', async (t) => {
  for (const [method, lines, content] of [
    ['POST', '', ''],
    ['PUT', 'Content-Length: 2\r\n', 'hi'],
  ] as const) {
    const stand = await originStand(t, (socket, all) => {
      if (all.includes('/second')) socket.destroy();
      else socket.write(OK);
    });
    const { socket, heard, until } = await stand.client();
    socket.write(stand.request('GET', '/first'));
    await until(({ text }) => count(text) === 1);
    socket.write(stand.request(method, '/second', lines) + content);
    await until(({ text }) => text.includes('upstream-reset'));
    assert.match(heard.text, /HTTP\/1\.1 502 Egress failed: upstream-reset/);
    assert.equal(stand.got.join('').match(/\/second/g)?.length, 1);
  }
});

test('what has begun to be answered is never sent a second time', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    if (all.includes('/second')) socket.end('HTTP/1.1 200 O');
    else socket.write(OK);
  });
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/first'));
  await until(({ text }) => count(text) === 1);
  socket.write(stand.request('GET', '/second'));
  await until(({ text }) => text.includes('502 Egress failed: upstream-reset'));
  assert.equal(stand.got.length, 1);
});

test('connections are not shared between two connections of one address', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(OK));
  for (const _ of [1, 2]) {
    const { socket, until } = await stand.client();
    socket.write(stand.request('GET', '/'));
    await until(({ text }) => count(text) === 1);
    socket.write(stand.request('GET', '/'));
    await until(({ text }) => count(text) === 2);
  }
  assert.deepEqual(
    stand.got.map((all) => all.match(/GET/g)?.length),
    [2, 2],
  );
});

const TOKEN = { clients: [{ name: 'carl', token: 'a-token-of-carls' }] };
const AUTHORIZED = `Proxy-Authorization: Basic ${Buffer.from('carl:a-token-of-carls').toString('base64')}\r\n`;

test('a client with a token shares its connections, but none that an authentication is bound to', async (t) => {
  const stand = await originStand(
    t,
    (socket, all) => {
      const isBound = all.includes('NTLM');
      socket.write(isBound ? OK.replace('200 OK', '401 No\r\nWWW-Authenticate: NTLM abc') : OK);
    },
    TOKEN,
  );
  const ask = async (lines: string): Promise<void> => {
    const { socket, until } = await stand.client();
    socket.write(stand.request('GET', '/', AUTHORIZED + lines));
    await until(({ text }) => count(text) === 1);
    socket.destroy();
  };
  await ask('');
  await ask('');
  assert.equal(stand.got.length, 1);
  await ask('Authorization: NTLM abc\r\n');
  await ask('');
  assert.deepEqual(
    stand.got.map((all) => /NTLM/.test(all)),
    [true, false],
  );
});

test('a connection-bound authentication stays on one connection to the origin, with content too', async (t) => {
  const stand = await originStand(t, (socket, all) => {
    const step = all.match(/NTLM/g)?.length ?? 0;
    if (step === 1) socket.write('HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM bbbb\r\nContent-Length: 0\r\n\r\n');
    else if (step === 0 || all.endsWith('hello')) socket.write(OK);
  });
  const { socket, until } = await stand.client();
  socket.write(stand.request('POST', '/', 'Authorization: NTLM aaaa\r\nContent-Length: 0\r\n'));
  await until(({ text }) => text.includes('NTLM bbbb'));
  socket.write(stand.request('POST', '/', 'Authorization: NTLM cccc\r\nExpect: 100-continue\r\nContent-Length: 5\r\n'));
  socket.write('hello');
  await until(({ text }) => text.endsWith('ok'));
  socket.write(stand.request('POST', '/', 'Content-Length: 5\r\n'));
  socket.write('hello');
  await until(({ text }) => count(text) === 2);
  assert.equal(stand.got.length, 1);
  const other = await stand.client();
  other.socket.write(stand.request('GET', '/'));
  await other.until(({ text }) => text.endsWith('ok'));
  assert.equal(stand.got.length, 2);
});

test('a connection whose origin is silently gone is found, and the request sent once more', async (t) => {
  const stand = await originStand(
    t,
    (socket, all, connection) => void ((connection > 0 || !all.includes('/second')) && socket.write(OK)),
    // It is asked again after half of this.
    { limits: { idleTimeout: '8s' } },
  );
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/first'));
  await until(({ text }) => count(text) === 1);
  socket.write(stand.request('GET', '/second'));
  await until(({ text }) => count(text) === 2);
  assert.equal(stand.got.length, 2);
});

test('a client that is named by its address shares no connection, whatever credentials without a password it sends', async (t) => {
  const stand = await originStand(t, (socket) => socket.write(OK), {
    clients: [{ name: 'lan', address: '127.0.0.0/8' }],
  });
  const nothing = `Proxy-Authorization: Basic ${Buffer.from('root:').toString('base64')}\r\n`;
  for (const _ of [1, 2]) {
    const { socket, until } = await stand.client();
    socket.write(stand.request('GET', '/', nothing));
    await until(({ text }) => count(text) === 1);
  }
  assert.equal(stand.got.length, 2);
});

test('a DELETE that takes its time on a used connection is sent once, and its answer waited for', async (t) => {
  const stand = await originStand(
    t,
    (socket, all) => {
      if (!all.includes('/second')) socket.write(OK);
      else setTimeout(() => socket.write(OK), 5000);
    },
    // A request that may be sent again would be, after half of this.
    { limits: { idleTimeout: '9s' } },
  );
  const { socket, until } = await stand.client();
  socket.write(stand.request('GET', '/first'));
  await until(({ text }) => count(text) === 1);
  socket.write(stand.request('DELETE', '/second'));
  await until(({ text }) => count(text) === 2);
  assert.equal(stand.got.length, 1);
});
