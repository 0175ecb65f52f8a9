/**
 * Three hostile tools at once against a proxy within the limits of its container: it lives, somebody else is served,
 * memory and files come back, and the record of the one request that matters is still there.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProxyProcess } from '../../e2e/clients/proxy-process.js';
import { startFakeDns } from '../../http/fake-dns.js';
import { timedRequest } from '../client.js';
import { residentMemory, settledFiles } from '../process-state.js';

/** What a tool has to know. */
export interface Siege {
  readonly proxyPort: number;
  readonly adminPort: number;
  /** `127.0.0.1:port` */
  readonly accomplice: string;
  /** From which it connects. */
  readonly address: string;
}

export interface SiegeSettings {
  readonly seconds: number;
  readonly slowness: number;
  readonly folder: string;
  /** `127.0.0.1:port` of an honest origin. */
  readonly origin: string;
  say(line: string): void;
}

/** As the image has them: docs/limits.md. Half of the container's memory is what Node makes the heap's limit. */
const CONTAINER = { mib: 512, node: '--max-old-space-size=256 --max-semi-space-size=1' };
const TOOLS = 3;
const TOKEN = '0123456789abcdef';
const FILES_SLACK = 16;
/** MiB over the start: what the heap and the allocator keep after three minutes' worth of garbage. */
const MEMORY_SLACK = 160;
const MOST_P99_MS = 1000;

export async function siege(settings: SiegeSettings): Promise<void> {
  const { folder, origin, say, seconds, slowness } = settings;
  const dns = await startFakeDns(({ name, type }) => ({ answers: type === 'A' ? manyAddresses(name) : [] }));
  const log = join(folder, 'decisions.log');
  const proxy = await startProxyProcess(join(folder, 'siege.yaml'), configuration(dns.server, log), {
    NODE_OPTIONS: CONTAINER.node,
    MALLOC_ARENA_MAX: '1',
  });
  const { adminPort } = proxy;
  const accomplice = fork(fileURLToPath(new URL('./accomplice.js', import.meta.url)));
  const [{ port }] = await once(accomplice, 'message');
  const place = { proxyPort: proxy.port, origin };
  const tools: ChildProcess[] = [];
  try {
    for (let i = 0; i < 200; i++) await timedRequest(place);
    await metadataRequest(proxy.port);
    const before = await settledFiles(proxy.pid, 0, 6);
    const memory = residentMemory(proxy.pid);
    for (let i = 0; i < TOOLS; i++) {
      const tool = fork(fileURLToPath(new URL('./tool.js', import.meta.url)));
      tool.send({
        ...{ proxyPort: proxy.port, adminPort },
        accomplice: `127.0.0.1:${port}`,
        address: `127.0.2.${i + 1}`,
      });
      tools.push(tool);
    }
    const { times, most } = await watch(proxy.pid, place, seconds);
    for (const tool of tools) tool.disconnect();
    const after = await settledFiles(proxy.pid, before + FILES_SLACK, 30 * slowness);
    const settled = await settledMemory(proxy.pid, memory + MEMORY_SLACK, 20 * slowness);
    const p99 = quantile(times, 0.99);
    say(
      `siege: ${TOOLS} tools for ${seconds} s: at most ${most.toFixed(0)} of ${CONTAINER.mib} MiB, ${settled.toFixed(0)} after it`,
    );
    say(
      `siege: ${times.length} requests of another tool, p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
    assert.ok(most < CONTAINER.mib, `${most.toFixed(0)} MiB: the container would have been ended`);
    assert.ok(p99 < MOST_P99_MS * slowness, `p99 of another tool: ${p99.toFixed(0)} ms`);
    assert.ok(after <= before + FILES_SLACK, `${after} files are open, ${before} were at the start`);
    assert.ok(
      settled <= memory + MEMORY_SLACK,
      `${settled.toFixed(0)} MiB are held, ${memory.toFixed(0)} were at the start`,
    );
    await assertRecorded(adminPort, folder);
  } finally {
    for (const tool of tools) if (tool.connected) tool.disconnect();
    await proxy.stop();
    accomplice.disconnect();
    await dns.close();
  }
}

function configuration(dnsServer: string, log: string) {
  return {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: '127.0.0.1:0' },
    admin: { token: TOKEN },
    dns: { servers: [dnsServer], timeout: '3s' },
    policy: { default: 'public', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
    log: { file: { path: log } },
  };
}

/** Each answer as large as a name's may be; none of its addresses is one that the policy lets anybody reach. */
function manyAddresses(name: string) {
  return Array.from({ length: 128 }, (_, i) => ({ type: 'A' as const, name, data: `127.9.9.${i + 1}`, ttl: 300 }));
}

/** The times of an honest client's requests, one after the other, and the most memory that was seen. */
async function watch(pid: number, place: { proxyPort: number; origin: string }, seconds: number) {
  const times: number[] = [];
  let most = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    times.push(await timedRequest(place));
    most = Math.max(most, residentMemory(pid));
    await setTimeout(50);
  }
  return { times, most };
}

async function metadataRequest(port: number): Promise<void> {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress: '127.0.3.1' });
  socket.end('GET http://169.254.169.254/ HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket.resume(), 'close');
}

/** In the files as the log's sink names them, those that are kept apart among them: the link alone is the newest. */
async function assertRecorded(adminPort: number, folder: string): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const url = `http://127.0.0.1:${adminPort}/v1/decisions?reason=metadata-address`;
  const page = await (await fetch(url, { headers })).text();
  assert.match(page, /169\.254\.169\.254/, 'the page still has the record of the metadata request');
  const names = (await readdir(folder)).filter((name) => /^decisions\..*log$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  assert.match(texts.join(''), /169\.254\.169\.254/, 'the log file still has the record of the metadata request');
}

async function settledMemory(pid: number, most: number, seconds: number): Promise<number> {
  const end = Date.now() + seconds * 1000;
  while (residentMemory(pid) > most && Date.now() < end) await setTimeout(200);
  return residentMemory(pid);
}

export function quantile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}
