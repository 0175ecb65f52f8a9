/** How a tunnel ends that has a defect. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import type { Screen } from '../../proxy/net/first-bytes.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';
import type { Heir, Side } from '../../proxy/net/side.js';
import { plainSide } from './plain-side.js';
import { type RelayOwner, relay, relayOwner } from './relay-owner.js';
import { pair } from './socket-pair.js';

test('a tunnel whose screen throws at its end has ended all the same', async () => {
  const defect = new TypeError('a defect');
  const broken = (): never => {
    throw defect;
  };
  const screen: Screen = { up: broken, down: broken, ended: broken };
  const [client, upstream] = [await pair(), await pair()];
  const heirs: Heir[] = [];
  const side: Side = { socket: client.near, inherit: (heir) => heirs.push(heir) };
  const { owner, done } = relayOwner(createMemoryBudget({ settings: { limits: { memoryBytes: 1 << 20 } } }));
  relay(side, upstream.near, {
    idleTimeoutMs: 60_000,
    deadlines: new Deadlines(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(64 * 1024)),
    owner,
    head: Buffer.alloc(0),
    screen,
    screenTimeoutMs: 60_000,
  });
  const clientClosed = once(client.near, 'close');
  upstream.near.destroy();
  await clientClosed;
  assert.throws(() => heirs[0]?.closed(false), defect);
  assert.deepEqual(await done, { bytesUp: 0, bytesDown: 0, cause: 'end' });
  client.far.destroy();
  upstream.far.destroy();
});

test("a tunnel of sockets that are being closed ends once, and their errors are nobody's defect", async () => {
  const [client, upstream] = [await pair(), await pair()];
  const { owner, done } = relayOwner(createMemoryBudget({ settings: { limits: { memoryBytes: 1 << 20 } } }));
  let ends = 0;
  const counting: RelayOwner = {
    claim: (share, refuse) => owner.claim(share, refuse),
    ended(result) {
      ends += 1;
      owner.ended(result);
    },
  };
  const side = plainSide(client.near);
  const closed = [client, upstream].map(({ near }) => once(near, 'close'));
  upstream.near.destroy(new Error('lost'));
  client.near.destroy();
  relay(side, upstream.near, {
    idleTimeoutMs: 60_000,
    deadlines: new Deadlines(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(64 * 1024)),
    owner: counting,
    head: Buffer.alloc(0),
    screen: null,
    screenTimeoutMs: 60_000,
  });
  await Promise.all(closed.map((one) => one.catch(() => undefined)));
  assert.deepEqual(await done, { bytesUp: 0, bytesDown: 0, cause: 'client-reset' });
  assert.equal(ends, 1);
  client.far.destroy();
  upstream.far.destroy();
});
