/** A reader that does not read: what the proxy holds for it, and what it costs the others. */
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cpuMs, rssKiB } from '../../bench/process.js';
import { LISTEN, startInstance } from '../../cli/instance.js';
import type { Place } from '../../soak/client.js';
import { answerOf, ask, readPattern, type Sender, sendEndlessly, startEndlessOrigin, type Way } from './endless.js';

/**
 * V8 lets up to 64 MiB of buffers that nobody holds any more wait for its collector, however many streams they were of.
 * The first readers bring the process there; the others are so many that what comes and goes of it is little for each.
 */
const FIRST = 20;
const READERS = 100;
const MOST_KIB_EACH = 1024;
const POLL_MS = 50;
/** So many looks in a row that find no progress mean that nothing moves. */
const STILL_LOOKS = 6;
const WATCHED_MS = 1000;
const MOST_CPU_SHARE = 0.25;
const BESIDE_BYTES = 8 * 2 ** 20;
/** As `npm start` runs it. */
const ENVIRONMENT = { NODE_OPTIONS: '--max-semi-space-size=8' };
/** Streams that stand still at the end of a failed test would be waited for. */
const POLICY = `${LISTEN}limits: { drainTimeout: 1s }
policy: { default: public, internal: [{ address: 127.0.0.1/32, ports: ["1-65535"] }] }
`;

/** The streams of a test, in no order: who writes them, and who does not read. */
interface Streams {
  readonly senders: Sender[];
  readonly readers: Readable[];
}

interface Stand extends Place {
  readonly pid: number;
  readonly streams: Streams;
}

const SLOW: readonly (readonly [who: string, way: Way, by: 'clients' | 'origin'])[] = [
  ['a client that does not read its tunnel', 'tunnel', 'clients'],
  ['an origin that does not read its tunnel', 'tunnel', 'origin'],
  ['a client that does not read its response', 'absolute-form', 'clients'],
  ['an origin that does not read its content', 'absolute-form', 'origin'],
];

for (const [who, way, by] of SLOW)
  test(`${who} holds less than 1 MiB and costs nothing`, { timeout: 240_000, skip: noProc() }, async (t) => {
    const stand = await startStand(t);
    const open = by === 'clients' ? unreadByClients : unreadByOrigin;
    await servesOthers(stand, BESIDE_BYTES);
    await open(stand, way, FIRST);
    await untilStill(stand.streams, FIRST, () => 0);
    const before = rssKiB(stand.pid);
    const held = (): number => (rssKiB(stand.pid) - before) / READERS;
    await open(stand, way, READERS);
    await untilStill(stand.streams, FIRST + READERS, held);
    t.diagnostic(`${held().toFixed(0)} KiB each`);

    const share = await cpuShare(stand.pid);
    t.diagnostic(`${(share * 100).toFixed(1)} % of a core`);
    assert.ok(share < MOST_CPU_SHARE, `streams that stand still take ${share} of a core`);
    await servesOthers(stand, BESIDE_BYTES);
    assert.ok(held() < MOST_KIB_EACH, `${held()} KiB for each`);

    const { senders, readers } = stand.streams;
    for (const sender of senders) sender.finish();
    const arrived = await Promise.all(readers.map(readPattern));
    const sent = senders.map((sender) => sender.sent);
    assert.deepEqual(arrived.toSorted(ascending), sent.toSorted(ascending));
  });

function noProc(): string | false {
  return process.platform === 'linux' ? false : 'there is no /proc';
}

async function startStand(t: TestContext): Promise<Stand> {
  const origin = await startEndlessOrigin();
  t.after(() => origin.close());
  const { proxy, child } = await startInstance(t, POLICY, ENVIRONMENT);
  assert.ok(child.pid);
  return { proxyPort: Number(new URL(proxy).port), origin: origin.authority, pid: child.pid, streams: origin };
}

async function unreadByClients(stand: Stand, way: Way, count: number): Promise<void> {
  const requests = await Promise.all(many(count, () => ask(stand, way, 'GET', '/endless')));
  stand.streams.readers.push(...(await Promise.all(requests.map(answerOf))));
}

async function unreadByOrigin(stand: Stand, way: Way, count: number): Promise<void> {
  const requests = await Promise.all(many(count, () => ask(stand, way, 'POST', '/')));
  stand.streams.senders.push(...requests.map(sendEndlessly));
}

/** Fails as soon as too much is held: streams that never stand still would fill the machine. */
async function untilStill({ senders, readers }: Streams, count: number, held: () => number): Promise<void> {
  let moved = -1;
  for (let still = 0; still < STILL_LOOKS || readers.length < count; still++) {
    const now = senders.reduce((sum, { sent }) => sum + sent, 0);
    if (now !== moved) still = 0;
    moved = now;
    assert.ok(held() < MOST_KIB_EACH, `${held()} KiB for each, ${moved} bytes sent`);
    await setTimeout(POLL_MS);
  }
}

async function cpuShare(pid: number): Promise<number> {
  const [from, before] = [performance.now(), cpuMs(pid)];
  await setTimeout(WATCHED_MS);
  return (cpuMs(pid) - before) / (performance.now() - from);
}

/** A tunnel and a response that move bytes. */
async function servesOthers(stand: Stand, bytes: number): Promise<void> {
  for (const way of ['tunnel', 'absolute-form'] as const) {
    const response = await answerOf(await ask(stand, way, 'GET', `/${bytes}`));
    assert.equal(response.statusCode, 200);
    assert.equal(await readPattern(response), bytes);
  }
}

function many<T>(length: number, make: () => Promise<T>): Promise<T>[] {
  return Array.from({ length }, make);
}

function ascending(a: number, b: number): number {
  return a - b;
}
