import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LOOPBACK_OPEN, type RawOrigin, startRawOrigin, untilEnd, untilText } from './raw-origin.js';
import { type RunningProxy, startProxy } from './start-proxy.js';

const LIMIT = { timeout: 240_000 };
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let proxy: RunningProxy;

before(async () => {
  proxy = await startProxy({ config: { ...LOOPBACK_OPEN, limits: { drainTimeout: '1s' } } });
});
after(() => proxy.stop());

/** Sends one request, and what its origin answers is `serve`'s; the close record that follows. */
async function afterRequest(
  serve: (socket: Socket, data: string) => void,
  act: (client: Socket, origin: RawOrigin) => Promise<unknown>,
): Promise<{
  readonly closes: typeof proxy.closes;
  readonly decisions: typeof proxy.decisions;
  readonly seen: string[];
}> {
  const [decisions, closes] = [proxy.decisions.length, proxy.closes.length];
  const seen: string[] = [];
  const origin = await startRawOrigin((socket, data) => {
    seen.push(data);
    serve(socket, data);
  });
  const client = await proxy.connect();
  client.on('error', () => undefined);
  await act(client, origin);
  client.resetAndDestroy();
  while (proxy.app.openConnections > 0) await setImmediate();
  // A tunnel's record comes when both of its sides are gone.
  while (proxy.app.openTunnels > 0) await setImmediate();
  await origin.close();
  return { closes: proxy.closes.slice(closes), decisions: proxy.decisions.slice(decisions), seen };
}

const get = ({ authority }: RawOrigin, path = '/'): string =>
  `GET http://${authority}${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;

test('a forwarded request has one close record, with what crossed to and from its origin', LIMIT, async () => {
  const { closes, decisions, seen } = await afterRequest(
    (socket) => socket.write(ANSWER),
    async (client, origin) => {
      client.write(get(origin, '/secret-path?token=secret-query'));
      await untilText(client, '\r\n\r\nok');
    },
  );
  const [closed] = closes;
  const [decision] = decisions;
  assert.equal(closes.length, 1);
  assert.deepEqual(
    [closed?.id, closed?.status, closed?.cause, closed?.reason, closed?.door],
    [decision?.id, 200, 'end', null, 'absolute'],
  );
  assert.deepEqual(
    [closed?.client, closed?.host, closed?.port, closed?.rule],
    [decision?.client, decision?.host, decision?.port, decision?.rule],
  );
  assert.deepEqual([closed?.bytesUp, closed?.bytesDown], [seen.join('').length, ANSWER.length]);
  assert.doesNotMatch(JSON.stringify(closed), /secret/);
});

test('each request of a connection has its own bytes', LIMIT, async () => {
  const { closes, seen } = await afterRequest(
    (socket, data) =>
      socket.write(
        data.includes('/long') ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'.padEnd(1041, 'x') : ANSWER,
      ),
    async (client, origin) => {
      for (const path of ['/a', '/long-path', '/b']) {
        client.write(get(origin, path));
        await untilText(client, path === '/long-path' ? 'xxx' : '\r\n\r\nok');
      }
    },
  );
  assert.deepEqual(
    closes.map(({ bytesUp }) => bytesUp),
    seen.map(({ length }) => length),
  );
  assert.equal(closes[0]?.bytesDown, ANSWER.length);
  assert.equal(closes[2]?.bytesDown, ANSWER.length);
});

test('a request with content counts it as it was framed', LIMIT, async () => {
  const { closes, seen } = await afterRequest(
    (socket, data) => data.endsWith('0\r\n\r\n') && socket.write(ANSWER),
    async (client, { authority }) => {
      client.write(
        `POST http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
      await untilText(client, '\r\n\r\nok');
    },
  );
  assert.deepEqual([closes.length, closes[0]?.bytesUp], [1, seen.join('').length]);
});

const ENDS: readonly (readonly [
  what: string,
  answer: string,
  then: 'reset' | 'fin' | 'nothing',
  cause: string,
  reason: string | null,
])[] = [
  [
    'an origin that breaks off in the midst',
    'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc',
    'reset',
    'upstream-reset',
    null,
  ],
  ['an origin that ends too early', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'fin', 'upstream-reset', null],
  [
    'an origin that breaks the framing',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
    'nothing',
    'upstream-reset',
    'upstream-protocol',
  ],
];
for (const [what, answer, then, cause, reason] of ENDS) {
  test(`${what} is the cause of the one close record`, LIMIT, async () => {
    const { closes, decisions } = await afterRequest(
      (socket) => {
        socket.write(answer, () => {
          if (then === 'reset') socket.resetAndDestroy();
          if (then === 'fin') socket.end();
        });
      },
      async (client, origin) => {
        client.write(get(origin));
        await untilEnd(client);
      },
    );
    assert.deepEqual(
      decisions.map(({ outcome }) => outcome),
      ['allow'],
    );
    assert.deepEqual(
      closes.map((closed) => [closed.cause, closed.reason, closed.status]),
      [[cause, reason, 200]],
    );
  });
}

test('a client that leaves in the midst of its answer is the cause', LIMIT, async () => {
  const { closes } = await afterRequest(
    (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'),
    async (client, origin) => {
      client.write(get(origin));
      await untilText(client, 'abc');
    },
  );
  assert.deepEqual(
    closes.map(({ cause, reason }) => [cause, reason]),
    [['client-reset', null]],
  );
});

test('what was refused or never answered has a decision record alone', LIMIT, async () => {
  const { closes, decisions } = await afterRequest(
    (socket) => socket.destroy(),
    async (client, origin) => {
      client.write(get(origin));
      await untilText(client, '}\n');
      client.write('GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n');
      await untilText(client, '}\n');
    },
  );
  assert.deepEqual(
    decisions.map(({ outcome }) => outcome),
    ['fail', 'deny'],
  );
  assert.deepEqual(closes, []);
});

test('a request that the proxy answers itself has crossed nothing', LIMIT, async () => {
  const { closes } = await afterRequest(
    (socket) => socket.destroy(),
    async (client, { authority }) => {
      client.write(`OPTIONS http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nMax-Forwards: 0\r\n\r\n`);
      await untilText(client, '\r\n\r\n');
    },
  );
  assert.deepEqual(
    closes.map(({ bytesUp, bytesDown, status, cause }) => [bytesUp, bytesDown, status, cause]),
    [[0, 0, 204, 'end']],
  );
});

test('an Upgrade that is answered otherwise has one, and one that is taken has one of its tunnel', LIMIT, async () => {
  for (const [answer, status] of [
    [ANSWER, 200],
    ['HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst', 101],
  ] as const) {
    const { closes } = await afterRequest(
      (socket) => socket.write(answer),
      async (client, { authority }) => {
        client.write(
          `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n`,
        );
        await untilText(client, status === 101 ? 'first' : '\r\n\r\nok');
      },
    );
    assert.deepEqual(
      closes.map((closed) => [closed.door, closed.status]),
      [['upgrade', status]],
    );
  }
});

test('a tunnel that the end of the process cuts has the cause drain', LIMIT, async () => {
  const own = await startProxy({ config: { ...LOOPBACK_OPEN, limits: { drainTimeout: '1ms' } } });
  const origin = await startRawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'));
  const client = await own.connect();
  client.on('error', () => undefined);
  client.write(get(origin));
  await untilText(client, 'abc');
  await own.stop();
  assert.deepEqual(
    own.closes.map(({ cause }) => cause),
    ['drain'],
  );
  client.destroy();
  await origin.close();
});
