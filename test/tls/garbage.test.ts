import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { openOrigin, openStand, readAll } from '../door/stand.js';
import { handshake, helloBody, records, wireHello } from './hello-bytes.js';

const DOORS = ['steer.tls', 'steer.http', 'steer.dns', 'socks', 'proxy'] as const;

/** What each door takes, to be cut, mutated and mixed up. */
const SEEDS: readonly Buffer[] = [
  wireHello(),
  wireHello({ sni: 'private.test' }),
  records(handshake(helloBody()), 5),
  Buffer.from('GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'),
  Buffer.from('CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n'),
  Buffer.from([5, 1, 0, 5, 1, 0, 3, 9, ...Buffer.from('site.test'), 1, 187]),
  Buffer.from([5, 1, 2, 1, 1, 97, 1, 98]),
  Buffer.from([
    0,
    27,
    0,
    7,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    4,
    ...Buffer.from('site'),
    4,
    ...Buffer.from('test'),
    0,
    0,
    1,
    0,
    1,
  ]),
];

interface Visit {
  readonly door: (typeof DOORS)[number];
  readonly bytes: Buffer;
  readonly leaving: 'end' | 'reset' | 'destroy';
}

const visits: fc.Arbitrary<Visit> = fc.record({
  door: fc.constantFrom(...DOORS),
  bytes: fc
    .tuple(
      fc.constantFrom(...SEEDS),
      fc.constantFrom(...SEEDS),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }),
      fc.nat(400),
    )
    .map(([first, second, edits, length]) => {
      const both = Buffer.concat([first, second]);
      for (const [at, value] of edits) if (at < both.length) both[at] = value;
      return both.subarray(0, length);
    }),
  leaving: fc.constantFrom('end', 'reset', 'destroy'),
});

test('whatever is said at a door, and however its client leaves, the doors stay open and nothing is left behind', async (context) => {
  const port = await openOrigin(context, (socket) => void socket.pipe(socket));
  const stand = await openStand(context, () => port, { limits: { headerTimeoutMs: 1000, drainTimeoutMs: 60_000 } });
  const numRuns = Number(process.env.EGRESS_FUZZ_RUNS ?? 400);
  const run = fc.asyncProperty(visits, async ({ door, bytes, leaving }) => {
    const socket = await stand.connect(door);
    socket.resume();
    if (bytes.length > 0) socket.write(bytes);
    await leave(socket, leaving);
  });
  await fc.assert(run, { numRuns });
  await stand.reload({ limits: { headerTimeoutMs: 60_000, drainTimeoutMs: 60_000 } });
  const after = await stand.connect('steer.tls');
  after.end(wireHello());
  assert.ok((await readAll(after)).equals(wireHello()));
  // Resolves when every connection and tunnel is gone by itself.
  await stand.app.stop();
  assert.deepEqual([stand.app.openConnections, stand.app.openTunnels], [0, 0]);
});

async function leave(socket: Socket, leaving: Visit['leaving']): Promise<void> {
  if (leaving === 'destroy') socket.destroy();
  if (leaving === 'reset') socket.resetAndDestroy();
  if (leaving === 'end') socket.end();
  // A door that closes with octets unread resets the connection, which is no fault.
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
