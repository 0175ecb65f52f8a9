/** What a tunnel holds whose reader does not read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';
import { relay } from '../../proxy/net/relay.js';
import { pair } from './socket-pair.js';

const LIMIT = { timeout: 20_000 };
const PIECE = Buffer.alloc(1 << 20);

async function stall(totalBytes: number) {
  const memory = createMemoryBudget(() => totalBytes);
  const [client, upstream] = [await pair(), await pair()];
  const running = relay(client.near, upstream.near, {
    idleTimeoutMs: 60_000,
    reads: new DirectReads(Buffer.allocUnsafeSlow(512 * 1024)),
    claim: (refuse) => memory.claim('relays', 'tool', refuse),
    head: Buffer.alloc(0),
    screen: null,
  });
  client.far.pause();
  const fill = (): void => {
    while (upstream.far.writable && upstream.far.write(PIECE));
  };
  upstream.far.on('drain', fill);
  fill();
  return { memory, running, client, upstream };
}

test('a reader that stops holds at most 64 KiB, and nothing once it has read on', LIMIT, async () => {
  const { memory, running, client, upstream } = await stall(1 << 30);
  while (memory.used('relays') === 0) await setImmediate();
  assert.ok(memory.used('relays') <= 64 * 1024, `${memory.used('relays')} bytes are held`);
  upstream.far.removeAllListeners('drain');
  upstream.far.end();
  client.far.on('data', () => undefined).on('end', () => client.far.end());
  client.far.resume();
  assert.equal((await running.done).cause, 'end');
  assert.equal(memory.used('relays'), 0);
});

test('over the budget the tunnel is cut, and its claim is gone', LIMIT, async () => {
  // What is left of the last piece may be small.
  const { memory, running } = await stall(1);
  assert.equal((await running.done).cause, 'busy');
  assert.equal(memory.used('relays'), 0);
  assert.equal(memory.refused('relays'), 1);
});
