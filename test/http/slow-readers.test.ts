/** A reader that does not read: what the proxy holds for it, and what it costs the others. */
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cpuMs, rssKiB } from '../bench/process.js';
import { LISTEN, startInstance } from '../cli/instance.js';
import type { Place } from '../soak/client.js';
import { answerOf, ask, readPattern, type Sender, sendEndlessly, startEndlessOrigin, type Way } from './endless.js';

const READERS = 40;
const MOST_KIB_EACH = 1024;
const POLL_MS = 50;
/** So many looks in a row that find no progress mean that nothing moves. */
const STILL_LOOKS = 6;
const WATCHED_MS = 1000;
const MOST_CPU_SHARE = 0.1;
const BESIDE_BYTES = 8 * 2 ** 20;
/** As the image has it: with Node's own young generation, garbage that waits for its collector hides what is held. */
const ENVIRONMENT = { NODE_OPTIONS: '--max-semi-space-size=1', MALLOC_ARENA_MAX: '1' };
/** Streams that stand still at the end of a failed test would be waited for. */
const POLICY = `${LISTEN}limits: { drainTimeout: 1s }
policy: { default: public, internal: [{ address: 127.0.0.1/32, ports: ["1-65535"] }] }
`;

/** The streams of a test, in no order: who writes them, and who does not read. */
interface Streams {
  readonly senders: readonly Sender[];
  readonly readers: readonly Readable[];
}

interface Stand extends Place {
  readonly pid: number;
  /** The origin's side. */
  readonly there: Streams;
}

const SLOW: readonly (readonly [who: string, way: Way, open: (stand: Stand, way: Way) => Promise<Streams>])[] = [
  ['a client that does not read its tunnel', 'tunnel', unreadByClients],
  ['an origin that does not read its tunnel', 'tunnel', unreadByOrigin],
  ['a client that does not read its response', 'absolute-form', unreadByClients],
  ['an origin that does not read its content', 'absolute-form', unreadByOrigin],
];

for (const [who, way, open] of SLOW)
  test(`${who} holds less than 1 MiB and costs nothing`, { timeout: 90_000, skip: noProc() }, async (t) => {
    const stand = await startStand(t);
    await servesOthers(stand, BESIDE_BYTES);
    const before = rssKiB(stand.pid);
    const held = (): number => (rssKiB(stand.pid) - before) / READERS;
    const streams = await open(stand, way);
    await untilStill(streams, held);
    t.diagnostic(`${held().toFixed(0)} KiB each`);

    const share = await cpuShare(stand.pid);
    t.diagnostic(`${(share * 100).toFixed(1)} % of a core`);
    assert.ok(share < MOST_CPU_SHARE, `streams that stand still take ${share} of a core`);
    await servesOthers(stand, BESIDE_BYTES);
    assert.ok(held() < MOST_KIB_EACH, `${held()} KiB for each`);

    for (const sender of streams.senders) sender.finish();
    const arrived = await Promise.all(streams.readers.map(readPattern));
    const sent = streams.senders.map((sender) => sender.sent);
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
  return { proxyPort: Number(new URL(proxy).port), origin: origin.authority, pid: child.pid, there: origin };
}

async function unreadByClients(stand: Stand, way: Way): Promise<Streams> {
  const requests = await Promise.all(many(() => ask(stand, way, 'GET', '/endless')));
  const readers = await Promise.all(requests.map(answerOf));
  return { senders: stand.there.senders, readers };
}

async function unreadByOrigin(stand: Stand, way: Way): Promise<Streams> {
  const requests = await Promise.all(many(() => ask(stand, way, 'POST', '/')));
  return { senders: requests.map(sendEndlessly), readers: stand.there.readers };
}

/** Fails as soon as too much is held: streams that never stand still would fill the machine. */
async function untilStill({ senders, readers }: Streams, held: () => number): Promise<void> {
  let moved = -1;
  for (let still = 0; still < STILL_LOOKS || readers.length < READERS; still++) {
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

function many<T>(make: () => Promise<T>): Promise<T>[] {
  return Array.from({ length: READERS }, make);
}

function ascending(a: number, b: number): number {
  return a - b;
}
