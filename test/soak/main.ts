/**
 * `npm run soak`: thousands of idle tunnels, a flood of connections that end badly, and a DNS zone whose server is
 * dead, against the product in a process of its own. Loopback only, bounded in time; exits 1 where something leaks,
 * grows, or stops serving.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ProxyProcess, startProxyProcess } from '../e2e/clients/proxy-process.js';
import { startFakeDns } from '../http/fake-dns.js';
import { attack } from './attackers.js';
import { openTunnel, type Place, timedRequest } from './client.js';
import { openFiles, openFilesLimit, residentMemory, settledFiles } from './process-state.js';
import { revocation } from './revocation.js';
import { type SoakSettings, soakSettings } from './settings.js';
import { siege } from './siege/siege.js';

/** Log, event loop and idle upstream connections come and go by a few. */
const FILES_SLACK = 5;
/** MiB: what the allocator and a heap that nobody presses may keep. */
const MEMORY_SLACK = 48;

const settings = soakSettings(process.env, openFilesLimit(process.pid));
await main(settings);

async function main(settings: SoakSettings): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-soak-'));
  const dns = await startFakeDns(({ name, type }) => {
    if (name.endsWith('.dead.test')) return { silent: true };
    return { answers: type === 'A' ? [{ type, name, data: '127.0.0.1', ttl: 60 }] : [] };
  });
  const origin = await startOrigin();
  const proxy = await startProxyProcess(join(folder, 'policy.yaml'), {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: 'off' },
    dns: { servers: [dns.server], timeout: '3s' },
    policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
    limits: { connections: 60_000, connectionsPerClient: 60_000, headerTimeout: '5s' },
  });
  const place: Place = { proxyPort: proxy.port, origin: `127.0.0.1:${origin.port}` };
  try {
    await warmUp(place);
    const before = await settledFiles(proxy.pid, 0, 6);
    if (settings.limited !== null) say(settings.limited);
    say(`start: ${before} open files, ${mib(residentMemory(proxy.pid))}`);
    await idleTunnels(place, proxy, settings, before);
    await flood(place, proxy, settings, before);
    await deadZone(place, settings);
    await timedRequest(place);
    await revocation({ folder, tunnels: settings.tunnels, slowness: settings.slowness, say });
    await siege({ ...settings, seconds: 2 * settings.seconds, folder, origin: place.origin, say });
  } finally {
    await proxy.stop();
    origin.stop();
    await dns.close();
    await rm(folder, { recursive: true });
  }
  say('5 passed, 0 failed');
}

async function warmUp(place: Place): Promise<void> {
  for (let i = 0; i < 500; i++) await timedRequest(place);
  const tunnels = await openMany(place, 200);
  for (const socket of tunnels) socket.destroy();
}

async function idleTunnels(
  place: Place,
  proxy: ProxyProcess,
  { tunnels, slowness }: SoakSettings,
  before: number,
): Promise<void> {
  const memory = residentMemory(proxy.pid);
  const open = await openMany(place, tunnels);
  const held = residentMemory(proxy.pid);
  const files = openFiles(proxy.pid);
  assert.ok(files >= before + 2 * tunnels, 'every tunnel holds two sockets');
  const took = await timedRequest(place);
  const each = (((held - memory) * 1024) / tunnels).toFixed(1);
  say(`${tunnels} idle tunnels: ${files} open files, ${mib(held)} (${each} KiB each)`);
  say(`a request beside them took ${took.toFixed(1)} ms`);
  for (const socket of open) socket.destroy();
  const after = await settledFiles(proxy.pid, before + FILES_SLACK, 20 * slowness);
  say(`closed: ${after} open files, ${mib(residentMemory(proxy.pid))}`);
  assert.ok(after <= before + FILES_SLACK, `${after} files are open, ${before} were at the start`);
}

async function flood(
  place: Place,
  proxy: ProxyProcess,
  { seconds, rate, slowness }: SoakSettings,
  before: number,
): Promise<void> {
  const started = performance.now();
  const half = await floodFor(place, seconds / 2, rate);
  const between = residentMemory(proxy.pid);
  const rest = await floodFor(place, seconds / 2, rate);
  const took = (performance.now() - started) / 1000;
  const after = await settledFiles(proxy.pid, before + FILES_SLACK, 20 * slowness);
  const memory = residentMemory(proxy.pid);
  const sent = half.sent + rest.sent;
  const times = [...half.times, ...rest.times];
  say(
    `${sent} bad connections in ${took.toFixed(0)} s (${Math.round(sent / took)}/s): ${after} open files, ${mib(memory)}`,
  );
  say(
    `memory half-way ${mib(between)}; ${times.length} requests meanwhile, p50 ${at(times, 0.5)}, p99 ${at(times, 0.99)}`,
  );
  assert.ok(after <= before + FILES_SLACK, `${after} files are open, ${before} were at the start`);
  assert.ok(memory <= between + MEMORY_SLACK, `memory grows: ${mib(between)} half-way, ${mib(memory)} at the end`);
  assert.ok(sent >= seconds * rate * 0.9, `only ${sent} connections could be made`);
}

/** `rate` connections each second, and orderly requests beside them, one after the other: each must be answered. */
async function floodFor(place: Place, seconds: number, rate: number): Promise<{ sent: number; times: number[] }> {
  const times: number[] = [];
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = Math.min(elapsed(), seconds) * rate; sent < due; sent++) attack(place);
  }, 5);
  while (elapsed() < seconds) {
    times.push(await timedRequest(place));
    await setTimeout(20);
  }
  clearInterval(timer);
  return { sent, times };
}

/** Names of a zone whose server never answers, and beside them names of another zone: each one new to the cache. */
async function deadZone(place: Place, { deadQueries, slowness }: SoakSettings): Promise<void> {
  const port = place.origin.split(':')[1];
  const alive = async (round: string): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const started = performance.now();
      const socket = await openTunnel(place, `${round}${i}.alive.test:${port}`);
      times.push(performance.now() - started);
      socket.destroy();
    }
    return times;
  };
  const alone = await alive('a');
  const dead = Array.from({ length: deadQueries }, (_, i) => openTunnel(place, `n${i}.dead.test:443`));
  const failed = Promise.allSettled(dead);
  const beside = await alive('b');
  say(`DNS: p95 alone ${at(alone, 0.95)}, beside ${deadQueries} dead queries ${at(beside, 0.95)}`);
  assert.ok(quantile(beside, 0.95) <= quantile(alone, 0.95) + 100 * slowness, 'a dead zone slows other names down');
  assert.ok((await failed).every(({ status }) => status === 'rejected'));
}

async function openMany(place: Place, count: number): Promise<Socket[]> {
  const open: Socket[] = [];
  const worker = async (): Promise<void> => {
    for (let left = share(); left > 0; left--) open.push(await openTunnel(place));
  };
  const workers = 50;
  const share = (): number => Math.ceil(count / workers);
  await Promise.all(Array.from({ length: workers }, worker));
  return open;
}

async function startOrigin(): Promise<{ port: number; stop(): void }> {
  const child = fork(fileURLToPath(new URL('./origin.js', import.meta.url)));
  const [bound] = await once(child, 'message');
  return { port: bound.port, stop: () => child.disconnect() };
}

function quantile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}

function at(times: readonly number[], part: number): string {
  return `${quantile(times, part).toFixed(1)} ms`;
}

function mib(value: number): string {
  return `${value.toFixed(0)} MiB`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
