/** How transfers share a turn of the event loop, with sockets whose reads the test makes itself. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { DirectReads, type ReadSize } from '../../proxy/net/direct-io.js';
import { findSlots } from '../../proxy/net/read-slots.js';

const PIECE = 16 * 1024;
/** libuv reads a socket so often before it looks at the next one. */
const READS_OF_LIBUV = 32;

test('beside others, a turn has 32 large reads, and one of each connection that is stopped only then', async (t) => {
  const { take, transfers, turns } = scene(t, 40);
  const asker = take('large');
  for (let turn = 0; turn < 20; turn += 1) {
    asker.brings(1);
    const bulk = transfers.map(({ bringsAll }) => bringsAll()).reduce((sum, pieces) => sum + pieces, 0);
    assert.ok(bulk <= READS_OF_LIBUV + transfers.length, String(bulk));
    assert.ok(transfers.some(({ isStopped }) => isStopped()));
    await turns();
  }
});

test('once nobody has asked for eight turns, no transfer is stopped for the number of its reads', async (t) => {
  const { take, transfers, turns } = scene(t, 12);
  const asker = take('large');
  for (let turn = 0; turn < 8; turn += 1) {
    for (const { bringsAll } of transfers) bringsAll();
    assert.ok(transfers.some(({ isStopped }) => isStopped()));
    await turns();
  }
  for (const { bringsAll } of transfers) bringsAll();
  assert.ok(!transfers.some(({ isStopped }) => isStopped()));
  await turns();
  asker.brings(1);
  for (const { bringsAll } of transfers) bringsAll();
  assert.ok(transfers.some(({ isStopped }) => isStopped()));
});

test('a newcomer counts as somebody who asks, and a small piece of a fast transfer does not', async (t) => {
  const { take, transfers, turns } = scene(t, 12);
  for (let turn = 0; turn < 8; turn += 1) {
    for (const { bringsAll } of transfers) bringsAll();
    await turns();
  }
  transfers[0]?.brings(100);
  for (const { bringsAll } of transfers) bringsAll();
  assert.ok(!transfers.some(({ isStopped }) => isStopped()));
  await turns();
  take('small');
  for (const { bringsAll } of transfers) bringsAll();
  assert.ok(transfers.some(({ isStopped }) => isStopped()));
});

test('a turn ends after 5 ms of large reads beside others, and after 16 ms alone', async (t) => {
  const { transfers, turns } = scene(t, 1, 1);
  for (let turn = 0; turn < 8; turn += 1) {
    assert.equal(transfers[0]?.bringsAll(), 6);
    await turns();
  }
  assert.equal(transfers[0]?.bringsAll(), 17);
});

test('of stopped transfers, at most 32 go on in one turn, also where nobody else asks', async (t) => {
  const { transfers, turns } = scene(t, 200);
  for (const { bringsAll } of transfers) bringsAll();
  for (let turn = 0; turn < 12; turn += 1) {
    const before = transfers.filter(({ isStopped }) => isStopped()).length;
    await turns();
    const resumed = before - transfers.filter(({ isStopped }) => isStopped()).length;
    assert.ok(resumed <= 32, String(resumed));
    // So that another turn follows.
    transfers.find(({ isStopped }) => !isStopped())?.brings(PIECE);
  }
  assert.ok(!transfers.some(({ isStopped }) => isStopped()));
});

/** `cost`: milliseconds of each large read. */
function scene(t: TestContext, count: number, cost = 0) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  const reads = new DirectReads(buffer);
  const take = (most: ReadSize) => {
    const socket = new Socket();
    Reflect.set(socket, '_handle', new TCP());
    let isStopped = false;
    t.mock.method(socket, 'resume', () => {
      isStopped = false;
      return socket;
    });
    const taken = (piece: Buffer): boolean => {
      if (piece.length === PIECE) now += cost;
      return true;
    };
    reads.readInto(socket, { take: taken, most });
    const slots = findSlots(socket);
    assert.ok(slots !== null);
    /** One read of so many octets; false if it is not to go on. */
    const brings = (length: number): boolean => {
      isStopped = !Reflect.apply(Reflect.get(socket, slots.callback), socket, [length, buffer]);
      return !isStopped;
    };
    /** As much as libuv reads in a turn, or none while it is stopped; the number of pieces. */
    const bringsAll = (): number => {
      let pieces = 0;
      while (!isStopped && pieces < READS_OF_LIBUV) {
        brings(PIECE);
        pieces += 1;
      }
      return pieces;
    };
    return { brings, bringsAll, isStopped: () => isStopped };
  };
  const transfers = Array.from({ length: count }, () => take('whole'));
  return { take, transfers, turns: setImmediate };
}

/** What DirectReads needs of a handle, and the real `resume` that comes back when a test has ended. */
class TCP {
  useUserBuffer(): void {}

  readStart(): number {
    return 0;
  }
}
