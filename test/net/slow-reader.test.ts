/** What a tunnel holds whose reader does not read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import type { Screen } from '../../proxy/net/first-bytes.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';
import { loneScreen } from '../tls/lone-screen.js';
import { plainSide } from './plain-side.js';
import { relay, relayOwner } from './relay-owner.js';
import { pair } from './socket-pair.js';

const LIMIT = { timeout: 240_000 };
const PIECE = Buffer.alloc(1 << 20);

async function tunnel(totalBytes: number, screen: Screen | null) {
  const memory = createMemoryBudget({ settings: { limits: { memoryBytes: totalBytes } } });
  const [client, upstream] = [await pair(), await pair()];
  const { owner, done } = relayOwner(memory);
  relay(plainSide(client.near), upstream.near, {
    idleTimeoutMs: 60_000,
    deadlines: new Deadlines(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(512 * 1024)),
    owner,
    head: Buffer.alloc(0),
    screen,
    screenTimeoutMs: 60_000,
  });
  return { memory, done, client, upstream };
}

async function stall(totalBytes: number) {
  const stalled = await tunnel(totalBytes, null);
  const { client, upstream } = stalled;
  client.far.pause();
  const fill = (): void => {
    while (upstream.far.writable && upstream.far.write(PIECE));
  };
  upstream.far.on('drain', fill);
  fill();
  return stalled;
}

test('a reader that stops holds at most 64 KiB, and nothing once it has read on', LIMIT, async () => {
  const { memory, done, client, upstream } = await stall(1 << 30);
  while (memory.used('relays') === 0) await setImmediate();
  assert.ok(memory.used('relays') <= 64 * 1024, `${memory.used('relays')} bytes are held`);
  upstream.far.removeAllListeners('drain');
  upstream.far.end();
  client.far.on('data', () => undefined).on('end', () => client.far.end());
  client.far.resume();
  assert.equal((await done).cause, 'end');
  assert.equal(memory.used('relays'), 0);
});

test('over the budget the tunnel is cut, and its claim is gone', LIMIT, async () => {
  // What is left of the last piece may be small.
  const { memory, done } = await stall(1);
  assert.equal((await done).cause, 'busy');
  assert.equal(memory.used('relays'), 0);
  assert.equal(memory.refused('relays'), 1);
});

/** A hello that announces 16,000 octets, and comes short of them. */
const HALF_A_HELLO = Buffer.concat([Buffer.from([22, 3, 1, 0x3e, 0x80, 1, 0, 0x3e, 0x7c]), Buffer.alloc(9000)]);

async function hold(totalBytes: number) {
  const held = await tunnel(totalBytes, loneScreen(new Deadlines()));
  held.client.far.on('error', () => undefined).write(HALF_A_HELLO);
  return held;
}

test('what is held of a tunnel that is not judged yet is claimed, with the room to read it', LIMIT, async () => {
  const { memory, done, client } = await hold(1 << 30);
  while (memory.used('early') < HALF_A_HELLO.length + 16_000) await setImmediate();
  client.far.resetAndDestroy();
  await done;
  assert.equal(memory.used('early'), 0);
});

test('over the budget such a tunnel is cut', LIMIT, async () => {
  const { memory, done } = await hold(1);
  assert.equal((await done).cause, 'busy');
  assert.deepEqual([memory.used('early'), memory.refused('early')], [0, 1]);
});
