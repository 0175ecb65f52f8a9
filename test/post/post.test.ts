import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { NotifySettings } from '../../proxy/config/receivers.js';
import type { Posted } from '../../proxy/post/post.js';
import { table } from '../http/fake-dns.js';
import { type RawOrigin, startRawOrigin } from '../http/raw-origin.js';
import { configOf, type RunningProxy, startProxy } from '../http/start-proxy.js';
import { CLOSED_PORT } from '../net/closed-port.js';

const LIMIT = { timeout: 240_000 };
const OK = 'HTTP/1.1 204 No Content\r\n\r\n';

interface Stand {
  readonly proxy: RunningProxy;
  readonly receiver: RawOrigin;
  readonly seen: () => string;
  post(url: string, options?: { readonly timeoutMs?: number; readonly headers?: object }): Promise<Posted>;
}

/** A proxy with these rules beside an exception for the receiver, which is for the sender alone. */
async function stand(
  t: TestContext,
  answer: (socket: Socket, data: string) => void,
  policy: (port: number) => object = () => ({}),
): Promise<Stand> {
  let seen = '';
  const receiver = await startRawOrigin((socket, data) => {
    seen += data;
    answer(socket, data);
  });
  const internal = [{ address: '127.0.0.1/32', ports: [receiver.port, CLOSED_PORT], clients: ['notify'] }];
  const rules = { default: 'none', internal, ...policy(receiver.port) };
  const notify = { url: 'http://192.0.2.1/' };
  const dns = table({
    'lan.test': ['10.0.0.7'],
    'rebind.test': ['127.0.0.1'],
    'mixed.test': ['93.184.215.14', '127.0.0.1'],
  });
  const proxy = await startProxy({ config: { policy: rules, notify, clients: [{ name: 'nas', token: 'x' }] }, dns });
  t.after(async () => {
    await proxy.stop();
    await receiver.close();
    assert.deepEqual([proxy.decisions, proxy.closes, proxy.defects], [[], [], []]);
  });
  return {
    proxy,
    receiver,
    seen: () => seen,
    async post(url, { timeoutMs = 60_000, headers = {} } = {}) {
      const { notify: settings } = await configOf({ version: 1, notify: { url, headers } });
      const { to } = settings as NotifySettings;
      return proxy.app.post({
        sender: 'notify',
        to,
        contentType: 'application/json',
        body: Buffer.from('{"a":1}'),
        timeoutMs,
      });
    },
  };
}

test('a body is posted once, with its fields, and leaves no decision record', LIMIT, async (t) => {
  const there = await stand(t, (socket) => socket.write(OK));
  const { authority } = there.receiver;
  assert.deepEqual(await there.post(`http://${authority}/hook?key=1`, { headers: { Authorization: 'Bearer s' } }), {
    ok: true,
  });
  assert.match(there.seen(), /^POST \/hook\?key=1 HTTP\/1\.1\r\n/);
  for (const line of [
    `Host: ${authority}`,
    'Content-Type: application/json',
    'Content-Length: 7',
    'Authorization: Bearer s',
  ])
    assert.ok(there.seen().includes(`\r\n${line}\r\n`), line);
  assert.ok(there.seen().endsWith('\r\n\r\n{"a":1}'));
});

const REFUSED: readonly (readonly [what: string, url: string, why: string])[] = [
  ['a metadata address', 'http://169.254.169.254/', 'metadata-address'],
  ['a private address without an exception', 'http://10.0.0.7/', 'address-prohibited'],
  ['a name that resolves to one', 'http://lan.test/', 'address-prohibited'],
  ['a name that resolves to loopback', 'http://rebind.test/', 'address-prohibited'],
  ['a mixed answer', 'http://mixed.test/', 'mixed-answer'],
  ['a name that does not exist', 'http://nowhere.test/', 'name-not-found'],
];
for (const [what, url, why] of REFUSED) {
  test(`${what} is refused without a connection`, LIMIT, async (t) => {
    const there = await stand(t, (socket) => socket.write(OK));
    const posted = await there.post(url);
    assert.deepEqual([posted.ok, !posted.ok && posted.why], [false, why]);
    assert.equal(there.seen(), '');
  });
}

test('neither mode report nor an allow rule opens what is never, nor a private address', LIMIT, async (t) => {
  const there = await stand(
    t,
    (socket) => socket.write(OK),
    () => ({
      mode: 'report',
      default: 'public',
      allow: [{ address: '169.254.169.254/32' }, { address: '10.0.0.0/8' }],
    }),
  );
  assert.deepEqual(await there.post('http://169.254.169.254/'), { ok: false, why: 'metadata-address', mayWork: false });
  assert.deepEqual(await there.post('http://10.0.0.7/'), { ok: false, why: 'address-prohibited', mayWork: false });
});

test('a deny rule comes before what notify says', LIMIT, async (t) => {
  const there = await stand(
    t,
    (socket) => socket.write(OK),
    (port) => ({ deny: [{ ports: [port] }] }),
  );
  assert.deepEqual(await there.post(`http://${there.receiver.authority}/`), {
    ok: false,
    why: 'port-denied',
    mayWork: false,
  });
});

test('a receiver at a listener of the proxy itself is refused', LIMIT, async (t) => {
  const there = await stand(t, (socket) => socket.write(OK));
  assert.deepEqual(await there.post(`http://127.0.0.1:${there.proxy.port}/`), {
    ok: false,
    why: 'own-listener',
    mayWork: false,
  });
});

test('a redirect is a failure, and is not followed', LIMIT, async (t) => {
  const there = await stand(t, (socket) =>
    socket.write('HTTP/1.1 307 No\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n'),
  );
  assert.deepEqual(await there.post(`http://${there.receiver.authority}/`), {
    ok: false,
    why: 'status 307',
    mayWork: false,
  });
  assert.equal(there.seen().match(/POST /g)?.length, 1);
});

for (const [status, mayWork] of [
  [400, false],
  [401, false],
  [408, true],
  [429, true],
  [500, true],
  [503, true],
] as const) {
  test(`status ${status} ${mayWork ? 'asks for' : 'is worth no'} other attempt`, LIMIT, async (t) => {
    const there = await stand(t, (socket) => socket.write(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
    assert.deepEqual(await there.post(`http://${there.receiver.authority}/`), {
      ok: false,
      why: `status ${status}`,
      mayWork,
    });
  });
}

test('a receiver that never answers, or drips, is given up in time', LIMIT, async (t) => {
  const late = { ok: false, why: 'time-out', mayWork: true };
  for (const [piece, timeoutMs, expected] of [
    ['', 200, late],
    ['HTTP/1.1 2', 200, late],
    // Where the head has come, and it has to come in this time, the status is all that counts.
    ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na', 6000, { ok: true }],
  ] as const) {
    const there = await stand(t, (socket) => socket.write(piece));
    assert.deepEqual(await there.post(`http://${there.receiver.authority}/`, { timeoutMs }), expected);
    await there.receiver.close();
  }
});

test('of an answer without an end no more than a little is read', LIMIT, async (t) => {
  let sent = 0;
  const block = Buffer.alloc(64 * 1024);
  const there = await stand(t, (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(block)) sent += block.length;
    };
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${10 * 1024 ** 3}\r\n\r\n`);
    socket.on('drain', more);
    more();
  });
  assert.deepEqual(await there.post(`http://${there.receiver.authority}/`), { ok: true });
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`);
});

test('a receiver that closes, or is not there, may work later', LIMIT, async (t) => {
  const there = await stand(t, (socket) => socket.destroy());
  assert.deepEqual(await there.post(`http://${there.receiver.authority}/`), {
    ok: false,
    why: 'upstream-reset',
    mayWork: true,
  });
  assert.deepEqual(await there.post(`http://127.0.0.1:${CLOSED_PORT}/`), {
    ok: false,
    why: 'connect-refused',
    mayWork: true,
  });
});

test('https is never spoken in plain text', LIMIT, async (t) => {
  const there = await stand(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const posted = await there.post(`https://${there.receiver.authority}/`);
  assert.deepEqual(posted, { ok: false, why: 'upstream-tls', mayWork: true });
  assert.doesNotMatch(there.seen(), /POST|"a":1/);
});
