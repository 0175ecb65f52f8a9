/** Measurements that need a process which has done nothing before. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Contender, cpuOf, type Field, type Standing } from './contenders.js';
import { GIB, load, loadArguments, type Sample, type Work } from './load.js';
import { firstLine, type Running, rssKiB, start, stop, threadsMs } from './process.js';
import { CLIENTS, ORIGIN_ADDRESS, REFUSED_ADDRESS } from './sandbox.js';

const RETRY_MS = 2;
const READY_TRIES = 5000;
const SETTLE_MS = 700;
/** For what a start does behind the first request. */
const IDLE_MS = 2500;
const NO_FIGURE: Sample = { value: null, note: 'no process', errors: 0 };

/** From the start of the process to the answer of the first tunnel, in ms. */
export async function coldStart(contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> {
  const from = performance.now();
  const standing = await contender.start(field);
  if (standing?.running == null) return NO_FIGURE;
  await firstTunnel(contender, standing, field);
  const value = performance.now() - from;
  await stop(standing.running);
  return { value, note: '', errors: 0 };
}

/** What that costs the process with all its threads, in ms of CPU: the time alone follows whatever else the machine does. */
export async function startCpu(contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> {
  const standing = await contender.start(field);
  if (standing?.running == null) return NO_FIGURE;
  await firstTunnel(contender, standing, field);
  const value = threadsMs(standing.running.pid);
  await stop(standing.running);
  return { value, note: '', errors: 0 };
}

/** What a process holds that has carried one tunnel and has nothing to do, in MiB. */
export async function idleRss(contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> {
  const standing = await contender.start(field);
  if (standing?.running == null) return NO_FIGURE;
  await firstTunnel(contender, standing, field);
  await wait(IDLE_MS);
  const value = rssKiB(standing.running.pid) / 1024;
  await stop(standing.running);
  return { value, note: '', errors: 0 };
}

/** What one of `tunnels` open and silent tunnels adds to the resident memory, in KiB, after a warm-up. */
export function idleMemory(tunnels: number) {
  return async (contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> => {
    const standing = await contender.start(field);
    if (standing?.running == null) return NO_FIGURE;
    await firstTunnel(contender, standing, field);
    const target = `${ORIGIN_ADDRESS}:${field.origin.stream}`;
    await load(contender, standing, field, { op: 'setup', target, count: 20, connections: 10 });
    await wait(SETTLE_MS);
    const before = rssKiB(standing.running.pid);
    const holder = await holdIdle(contender, standing, field, tunnels);
    const { units = 0, errors = 0 } = await firstLine(holder);
    await wait(SETTLE_MS);
    const value = units === 0 ? null : (rssKiB(standing.running.pid) - before) / units;
    await stop(holder);
    await stop(standing.running);
    return { value, note: `${(before / 1024).toFixed(0)} MiB before`, errors };
  };
}

const BUSY = 10;

/** CPU seconds per GiB of ten tunnels that download `bytes` each, beside `idle` open and silent ones, after a warm-up. */
export function busyBesideIdle(bytes: number, idle: number) {
  return async (contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> => {
    const standing = await contender.start(field);
    if (standing?.running == null) return NO_FIGURE;
    await firstTunnel(contender, standing, field);
    const work = { op: 'down', target: `${ORIGIN_ADDRESS}:${field.origin.stream}`, connections: BUSY };
    await load(contender, standing, field, { ...work, count: bytes });
    const holder = await holdIdle(contender, standing, field, idle);
    const { errors: unopened = 0 } = await firstLine(holder);
    await wait(SETTLE_MS);
    const before = cpuOf(standing);
    const { units, errors, seconds } = await load(contender, standing, field, { ...work, count: bytes });
    const gib = units / GIB;
    const value = gib === 0 ? null : (cpuOf(standing) - before) / 1000 / gib;
    await stop(holder);
    await stop(standing.running);
    return { value, note: `${(gib / seconds).toFixed(2)} GiB/s`, errors: errors + unopened };
  };
}

/** What a user feels beside busy neighbours: tunnels that each make a round trip a second, and refusals a second. */
interface Neighbours {
  readonly tunnels: number;
  readonly refusals: number;
  /** How many requests of each kind come before those that are measured. */
  readonly warmUp: number;
}

const WARMERS = 4;

/**
 * Microseconds of one new tunnel and its round trip at a time, 99 of 100 of them, beside `neighbours`, who are clients of
 * their own, as they are where each tool has its container.
 */
export function latencyBeside(neighbours: Neighbours, requests: number) {
  return async (contender: Contender, _standing: Standing | null, field: Field): Promise<Sample> => {
    const standing = await contender.start(field);
    if (standing?.running == null) return NO_FIGURE;
    await firstTunnel(contender, standing, field);
    const { tunnels, refusals, warmUp } = neighbours;
    const set = { op: 'setup', target: `${ORIGIN_ADDRESS}:${field.origin.stream}` };
    const own = { ...set, source: CLIENTS.own };
    await load(contender, standing, field, { ...own, count: warmUp / WARMERS, connections: WARMERS });
    const move = { ...set, op: 'move', source: CLIENTS.moving, count: tunnels / HOLDERS };
    const moving = await inBackground(contender, standing, field, move);
    const { errors: unopened = 0 } = await firstLine(moving);
    const refuse = { op: 'flood', target: `${REFUSED_ADDRESS}:9`, source: CLIENTS.refused, count: refusals / HOLDERS };
    const flood = await inBackground(contender, standing, field, refuse);
    await wait((warmUp / refusals) * 1000);
    const { p50, p99, errors } = await load(contender, standing, field, { ...own, count: requests, connections: 1 });
    for (const running of [flood, moving, standing.running]) await stop(running);
    return { value: p99, note: `p50 ${p50} us`, errors: errors + unopened };
  };
}

const HOLDERS = 5;

/** Opens `tunnels` (a multiple of five) and keeps them until it is stopped; its first line counts them. */
async function holdIdle(contender: Contender, standing: Standing, field: Field, tunnels: number): Promise<Running> {
  return inBackground(contender, standing, field, {
    op: 'idle',
    target: `${ORIGIN_ADDRESS}:${field.origin.stream}`,
    count: tunnels / HOLDERS,
  });
}

/** A load on five connections at a time that goes on until it is stopped. */
function inBackground(
  contender: Contender,
  standing: Standing,
  field: Field,
  work: Omit<Work, 'connections'>,
): Promise<Running> {
  return start(field.programs.load, loadArguments(contender, standing, field, { ...work, connections: HOLDERS }), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Waits until a contender relays: one tunnel and one round trip through it. */
export async function firstTunnel(contender: Contender, standing: Standing, field: Field): Promise<void> {
  const isRunning = (): boolean => standing.running === null || standing.running.child.exitCode === null;
  for (let tries = 0; tries < READY_TRIES && isRunning(); tries++) {
    if (await roundTrip(contender, standing, field)) return;
    await wait(RETRY_MS);
  }
  throw new Error(`${contender.name} does not relay`);
}

async function roundTrip(contender: Contender, standing: Standing, field: Field): Promise<boolean> {
  const target = `${ORIGIN_ADDRESS}:${field.origin.stream}`;
  const socket = connect(standing.port, standing.running === null ? ORIGIN_ADDRESS : '127.0.0.1');
  try {
    await once(socket, 'connect');
    if (contender.isProxy) {
      socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
      const [head] = await once(socket, 'data');
      if (!/^HTTP\/1\.[01] 200/.test(String(head))) return false;
    }
    socket.write('P\0\0\0\0\0\0\0\0', 'latin1');
    const [answer] = await once(socket, 'data');
    return String(answer) === 'K';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
