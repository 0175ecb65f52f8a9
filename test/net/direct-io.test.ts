/**
 * Reads and writes past Node's streams rest on what `net.Socket` keeps to itself. A release that renames it costs speed and
 * nothing else, but it must not do so unseen: the first two tests fail on it, the others show that bytes still arrive.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { Deadlines } from '../../proxy/net/deadlines.js';
import { DirectReads, send, writeNow } from '../../proxy/net/direct-io.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';
import { plainSide } from './plain-side.js';
import { relay, relayOwner } from './relay-owner.js';
import { socketFolder } from './socket-folder.js';
import { type Pair, pair } from './socket-pair.js';

const LIMIT = { timeout: 240_000 };
const INTERNALS: readonly unknown[] = ['kBuffer', 'kBufferCb', 'kBufferGen'];

test('on this release of Node, accepted and dialled connections are read into the buffer of the process', async (t) => {
  const { near, far } = await tcp(t);
  for (const [reader, writer] of [
    [near, far],
    [far, near],
  ] as const) {
    const whole = Buffer.allocUnsafeSlow(256 * 1024);
    const seen = new Promise<Buffer>((resolve) => {
      const take = (bytes: Buffer): boolean => {
        resolve(bytes);
        return true;
      };
      new DirectReads(whole).readInto(reader, { take, most: 'whole' });
    });
    writer.write('hello');
    assert.equal((await seen).buffer, whole.buffer);
  }
});

test('on this release of Node, the kernel is given bytes at once, and nothing is queued', async (t) => {
  const { near, far } = await tcp(t);
  assert.equal(writeNow(near, Buffer.from('hello')), 5);
  assert.equal(send(near, Buffer.from(', world')), true);
  assert.equal(near.writableLength, 0);
  near.end();
  assert.equal(await text(far), 'hello, world');
});

test('a text is written as latin1', async (t) => {
  const { near, far } = await tcp(t);
  assert.equal(writeNow(near, 'caf\xe9'), 4);
  near.end();
  assert.deepEqual(await buffer(far), Buffer.from('caf\xe9', 'latin1'));
});

for (const [name, hide] of [
  ['read directly', (socket: Socket) => socket],
  ['of a release of Node that has no such internals', withoutInternals],
] as const) {
  test(`a connection ${name}: what was buffered comes first, and a reader that says stop is left alone`, async (t) => {
    const { near, far } = await tcp(t);
    near.unshift(Buffer.from('early '));
    const pieces: string[] = [];
    let goesOn = false;
    const stopped = new Promise<void>((resolve) => {
      const take = (bytes: Buffer): boolean => {
        pieces.push(bytes.toString());
        resolve();
        return goesOn;
      };
      new DirectReads(Buffer.allocUnsafeSlow(1024)).readInto(hide(near), { take, most: 'whole' });
    });
    far.end('late');
    await stopped;
    await setImmediate();
    assert.deepEqual([pieces, near.isPaused()], [['early '], true]);
    goesOn = true;
    near.resume();
    await once(near, 'end');
    assert.deepEqual(pieces, ['early ', 'late']);
  });

  test(`a connection ${name}: another reader takes the place of the one before`, async (t) => {
    const { near, far } = await tcp(t);
    const reads = new DirectReads(Buffer.allocUnsafeSlow(1024));
    const [first, second]: [string[], string[]] = [[], []];
    const read = hide(near);
    const take = (bytes: Buffer): boolean => {
      first.push(bytes.toString());
      reads.readInto(read, { take: (more) => second.push(more.toString()) > 0, most: 'whole' });
      far.end('two');
      return true;
    };
    reads.readInto(read, { take, most: 'whole' });
    far.write('one');
    await once(near, 'end');
    assert.deepEqual([first, second], [['one'], ['two']]);
  });
}

test('a closed socket that is forgotten keeps nobody who has read it or listened to it', LIMIT, async (t) => {
  const { near, far } = await tcp(t);
  const reads = new DirectReads(Buffer.allocUnsafeSlow(64 * 1024));
  reads.readInto(near, { take: () => true, most: 'whole' });
  near.on('end', () => near.destroy());
  far.end();
  await once(near, 'close');
  const kept = (): unknown[] => {
    const slots = Object.getOwnPropertySymbols(near).filter(({ description }) => INTERNALS.includes(description));
    return [...slots.map((slot) => Reflect.get(near, slot)), ...near.listeners('end'), ...near.listeners('close')];
  };
  assert.ok(kept().some((one) => typeof one === 'function'));
  reads.forget(near);
  assert.deepEqual(kept(), [null, null, null]);
  // A late error is nobody's, and still ends nothing.
  near.emit('error', new Error('late'));
});

test('where no descriptor is to be had, bytes are queued, and whoever waits hears when they are gone', async (t) => {
  const { near, far } = await tcp(t);
  const bytes = Buffer.from('queued');
  const hidden = withoutInternals(near);
  assert.equal(writeNow(hidden, bytes), 0);
  const gone = new Promise<void>((resolve) => assert.equal(send(hidden, bytes, { onGone: resolve }), false));
  bytes.fill('x');
  await gone;
  near.end();
  assert.equal(await text(far), 'queued');
});

test('under TLS nothing is written to the descriptor, where it would go out in plain text', async (t) => {
  const { near } = await tcp(t);
  const socket = new TLSSocket(near, { isServer: true });
  socket.on('error', () => undefined);
  assert.equal(writeNow(socket, Buffer.from('secret')), 0);
  socket.destroy();
});

test('a tunnel whose sockets have neither way carries the same bytes, and half-closes', LIMIT, async (t) => {
  const folder = socketFolder('direct-io-');
  t.after(() => rmSync(folder, { recursive: true }));
  const [client, upstream] = [await pair(join(folder, 'client')), await pair(join(folder, 'upstream'))];
  const [request, response] = [randomBytes(3 << 20), randomBytes(5 << 20)];
  const { owner, done } = relayOwner(createMemoryBudget({ settings: { limits: { memoryBytes: 1 << 30 } } }));
  relay(plainSide(client.near), upstream.near, {
    idleTimeoutMs: 60_000,
    deadlines: new Deadlines(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(512 * 1024)),
    owner,
    head: Buffer.alloc(0),
    screen: null,
    screenTimeoutMs: 60_000,
  });
  client.far.end(request);
  assert.equal(Buffer.compare(await content(upstream.far), request), 0);
  upstream.far.end(response);
  assert.equal(Buffer.compare(await content(client.far), response), 0);
  assert.deepEqual(await done, { bytesUp: request.length, bytesDown: response.length, cause: 'end' });
});

test('a client that is lost as its tunnel opens is still heard of by all who count it', LIMIT, async (t) => {
  const [client, upstream] = [await tcp(t), await tcp(t)];
  const closed = once(client.near, 'close');
  // It is closed from here on, and says so in a later turn.
  client.near.destroy();
  const { owner, done } = relayOwner(createMemoryBudget({ settings: { limits: { memoryBytes: 1 << 30 } } }));
  relay(plainSide(client.near), upstream.near, {
    idleTimeoutMs: 60_000,
    deadlines: new Deadlines(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(64 * 1024)),
    owner,
    head: Buffer.alloc(0),
    screen: null,
    screenTimeoutMs: 60_000,
  });
  await closed;
  assert.equal((await done).cause, 'client-reset');
});

async function tcp(t: TestContext): Promise<Pair> {
  const both = await pair();
  t.after(() => {
    both.near.destroy();
    both.far.destroy();
  });
  return both;
}

/** The same socket as a release of Node would show it in which the internals have other names. */
function withoutInternals(socket: Socket): Socket {
  return new Proxy(socket, {
    get(target, name) {
      const value: unknown = name === '_handle' ? undefined : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    ownKeys: (target) =>
      Reflect.ownKeys(target).filter((key) => typeof key !== 'symbol' || !INTERNALS.includes(key.description)),
  });
}

/** Not by iteration, at whose end Node would destroy the other direction, too. */
async function content(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'end');
  return Buffer.concat(pieces);
}

async function text(socket: Socket): Promise<string> {
  return (await content(socket)).toString();
}

test(
  'pieces that cost long to read are few in one turn of the loop, however many connections bring them',
  LIMIT,
  async (t) => {
    const reads = new DirectReads(Buffer.allocUnsafeSlow(64 * 1024));
    const other = await tcp(t);
    reads.readInto(other.near, { take: () => true, most: 'large' });
    const connections = await Promise.all(Array.from({ length: 12 }, () => tcp(t)));
    // The first piece of each is read when it comes, and what is small is no part of a transfer.
    const begun = new Set<Socket>();
    let inTurn = 0;
    let all = 0;
    for (const { near, far } of connections) {
      far.write(Buffer.alloc(1 << 20));
      const take = ({ length }: Buffer): boolean => {
        if (begun.has(near) && length >= 16 * 1024) inTurn += 1;
        begun.add(near);
        all += length;
        for (const until = performance.now() + 10; performance.now() < until; );
        return true;
      };
      reads.readInto(near, { take, most: 'whole' });
    }
    const turns: number[] = [];
    while (all < 4 << 20) {
      other.far.write('?');
      await setImmediate();
      turns.push(inTurn);
      inTurn = 0;
    }
    assert.ok(Math.max(...turns) <= 2, turns.join(' '));
  },
);
