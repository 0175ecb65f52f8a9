/**
 * `node dist/test/bench/counts.js`: what one request of each kind costs in things: the files and functions of this package
 * that it runs through, bytes that the engine allocates, listeners, timers, promises and ticks, Node's own included. Figures of
 * one build compare with those of another. With a kind (`counts.js GET`), only that one, and each of its functions.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../net/free-port.js';
import { ourPolicy } from './configurations.js';
import { contenders, type Field, type Standing } from './contenders.js';
import type { Counts } from './counted.js';
import { echoOrigin, socksTalk, steeredTalk, talk } from './door-clients.js';
import { firstTunnel } from './fresh.js';
import { load } from './load.js';
import { firstLine, type Running, start, stop } from './process.js';
import { say } from './report.js';
import { ORIGIN_ADDRESS, REFUSED_ADDRESS } from './sandbox.js';
import { compile, type Programs, repository } from './toolchain.js';

const CONNECTIONS = 4;
const WARM_UP = 500;
const COUNTED = 500;
/** Null: all kinds. */
const only = process.argv[2] ?? null;

const folder = mkdtempSync(join(tmpdir(), 'egress-counts-'));
const programs = await compile(folder);
const origin = await start(programs.origin, [ORIGIN_ADDRESS], { stdio: ['pipe', 'pipe', 'inherit'] });
try {
  await print(programs, await firstLine(origin));
} finally {
  await stop(origin);
  rmSync(folder, { recursive: true, force: true });
}

async function print(built: Programs, { stream = 0, http = 0, dns = 0 }: Record<string, number>): Promise<void> {
  const field: Field = { folder, programs: built, node: process.execPath, origin: { stream, http, dns }, logPipe: 2 };
  const [ours] = contenders().filter(({ name }) => name === 'ours');
  if (ours === undefined) throw new Error('nobody to count');
  const standing = await startCounted(field);
  if (standing.running === null) throw new Error('no process');
  await firstTunnel(ours, standing, field);
  const loaded = (op: string, target: string): Work => {
    return (count) => load(ours, standing, field, { op, target, count, connections: CONNECTIONS });
  };
  const origin443 = await echoOrigin();
  const kinds: readonly (readonly [name: string, work: Work])[] = [
    ['CONNECT', loaded('setup', `${ORIGIN_ADDRESS}:${stream}`)],
    ['refusal', loaded('refused', `${REFUSED_ADDRESS}:9`)],
    ['GET', loaded('get', `${ORIGIN_ADDRESS}:${http}`)],
    ['SOCKS', (count) => talk(standing.socks, socksTalk(stream), count, CONNECTIONS)],
    ['steered', (count) => talk(standing.tls, steeredTalk(), count, CONNECTIONS)],
  ];
  for (const [name, work] of kinds.filter(([kind]) => only === null || kind === only)) {
    if (name === 'steered' && origin443 === null) say('steered  not counted: its destination needs port 443');
    else report(name, await countsOf(standing.running, work));
  }
  origin443?.close();
  await stop(standing.running);
}

/** Makes so many requests on each connection. */
type Work = (count: number) => Promise<unknown>;

interface Counted extends Standing {
  /** The ports of the other doors. */
  readonly socks: number;
  readonly tls: number;
}

async function startCounted(field: Field): Promise<Counted> {
  const port = await freePort();
  const config = join(folder, 'policy.yaml');
  const [socks, tls] = [await freePort(), await freePort()];
  const adminPort = await freePort();
  writeFileSync(config, ourPolicy({ port, adminPort, ...field.origin, others: { socks, tls } }));
  const dist = join(repository, 'dist');
  const args = [
    '--import',
    join(dist, 'test/bench/counted.js'),
    join(dist, 'proxy/main.js'),
    'serve',
    '--config',
    config,
  ];
  const running = await start(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return { name: 'ours', port, running, socks, tls };
}

async function countsOf({ child }: Running, work: Work): Promise<Counts> {
  const send = async (message: string): Promise<Counts> => {
    child.send(message);
    const [answer] = await once(child, 'message');
    return answer;
  };
  await work(WARM_UP);
  await send('start');
  await work(COUNTED);
  return send('counts');
}

function report(name: string, counts: Counts): void {
  if (only !== null) for (const line of listed(counts)) say(line);
  say(`${name.padEnd(8)} ${shown(counts)}`);
}

/** A line for each function that one request in ten calls, or more: calls for each request, place and name. */
function listed({ called }: Counts): string[] {
  const requests = COUNTED * CONNECTIONS;
  return called
    .filter(({ calls }) => calls > requests / 10)
    .toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
    .map(({ file, line, name, calls }) => `${(calls / requests).toFixed(1).padStart(6)}  ${file}:${line} ${name}`);
}

/** For one request: what most requests of the kind run through, and the rest divided by their number. */
function shown({ called, ...rest }: Counts): string {
  const requests = COUNTED * CONNECTIONS;
  const most = called.filter(({ calls }) => calls > requests / 2);
  const files = new Set(most.map(({ file }) => file)).size;
  const calls = called.reduce((sum, one) => sum + one.calls, 0);
  const each = Object.entries({ ...rest, calls }).map(([what, count]) => `${what} ${figure(count / requests)}`);
  return [`files ${files}`, `functions ${most.length}`, ...each].join('  ');
}

function figure(each: number): string {
  return each >= 100 ? each.toFixed(0) : each.toFixed(1);
}
