/**
 * `node dist/test/bench/counts.js`: what one CONNECT, one refusal and one GET cost in things: bytes that the engine
 * allocates, calls, listeners, timers, promises and ticks, Node's own included. Figures of one build compare with those of another.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../net/free-port.js';
import { ourPolicy } from './configurations.js';
import { type Contender, contenders, type Field, type Standing } from './contenders.js';
import type { Counts } from './counted.js';
import { firstTunnel } from './fresh.js';
import { load } from './load.js';
import { firstLine, type Running, start, stop } from './process.js';
import { say } from './report.js';
import { ORIGIN_ADDRESS, REFUSED_ADDRESS } from './sandbox.js';
import { compile, type Programs, repository } from './toolchain.js';

const CONNECTIONS = 4;
const WARM_UP = 500;
const COUNTED = 500;

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
  const kinds: readonly (readonly [name: string, op: string, target: string])[] = [
    ['CONNECT', 'setup', `${ORIGIN_ADDRESS}:${stream}`],
    ['refusal', 'refused', `${REFUSED_ADDRESS}:9`],
    ['GET', 'get', `${ORIGIN_ADDRESS}:${http}`],
  ];
  for (const [name, op, target] of kinds) {
    const counts = await countsOf(ours, { ...standing, running: standing.running }, field, { op, target });
    const each = Object.entries(counts).map(([what, count]) => `${what} ${figure(what, Number(count))}`);
    say(`${name.padEnd(8)} ${each.join('  ')}`);
  }
  await stop(standing.running);
}

async function startCounted(field: Field): Promise<Standing> {
  const port = await freePort();
  const config = join(folder, 'policy.yaml');
  writeFileSync(config, ourPolicy({ port, adminPort: await freePort(), ...field.origin }));
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
  return { name: 'ours', port, running };
}

async function countsOf(
  ours: Contender,
  standing: Standing & { readonly running: Running },
  field: Field,
  work: { readonly op: string; readonly target: string },
): Promise<Counts> {
  const send = async (message: string): Promise<Counts> => {
    standing.running.child.send(message);
    const [answer] = await once(standing.running.child, 'message');
    return answer;
  };
  await load(ours, standing, field, { ...work, count: WARM_UP, connections: CONNECTIONS });
  await send('start');
  await load(ours, standing, field, { ...work, count: COUNTED, connections: CONNECTIONS });
  return send('counts');
}

/** For one request; of how many different functions, in all. */
function figure(what: string, count: number): string {
  if (what === 'functions') return String(count);
  const each = count / (COUNTED * CONNECTIONS);
  return each >= 100 ? each.toFixed(0) : each.toFixed(1);
}
