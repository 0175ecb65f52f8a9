/**
 * Open tunnels that are judged again: what that costs the proxy's process, that what is blocked is closed, and that what
 * stays allowed loses no byte meanwhile.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { startProxyProcess } from '../e2e/clients/proxy-process.js';
import { openTunnel, type Place } from './client.js';
import { processorTime } from './process-state.js';

export interface RevocationOptions {
  readonly folder: string;
  readonly tunnels: number;
  /** See SoakSettings. */
  readonly slowness: number;
  say(line: string): void;
}

const TOKEN = 'soak-0123456789abcdef';
const MOST_TUNNELS = 5000;
/** Of the process, for so many tunnels or fewer. The first time it compiles what the others run. */
const MOST_CPU_MS = 200;
const WORKERS = 50;
/** Tunnels that carry bytes while all are judged, and how many. */
const BUSY = 50;
const BUSY_BYTES = 2 * 1024 * 1024;

export async function revocation({ folder, tunnels, slowness, say }: RevocationOptions): Promise<void> {
  const [kept, blocked] = [await echo(), await echo()];
  const proxy = await startProxyProcess(join(folder, 'revocation.yaml'), {
    version: 1,
    listen: { proxy: '127.0.0.1:0', admin: '127.0.0.1:0' },
    admin: { token: TOKEN },
    state: { path: 'off' },
    policy: { default: 'none', sni: 'off', internal: [{ address: '127.0.0.1/32', ports: ['1-65535'] }] },
    limits: { connections: 60_000, connectionsPerClient: 60_000 },
  });
  const grant = (body: object): Promise<number> => closedBy(proxy.adminPort, body);
  try {
    const count = Math.min(tunnels, MOST_TUNNELS);
    const place: Place = { proxyPort: proxy.port, origin: `127.0.0.1:${kept.port}` };
    const staying = await openMany(place, count - 100);
    const ending = await openMany({ ...place, origin: `127.0.0.1:${blocked.port}` }, 100);
    const costs: number[] = [];
    for (const host of ['one.test', 'two.test', 'three.test']) {
      const before = processorTime(proxy.pid);
      assert.equal(await grant({ effect: 'block', host }), 0, 'a block of something else closes nothing');
      costs.push(processorTime(proxy.pid) - before);
    }
    say(`${count} tunnels judged again: ${costs.map((ms) => ms.toFixed(0)).join(', ')} ms of CPU`);
    const carried = Promise.all(staying.slice(0, BUSY).map(carriesExactly));
    const ends = Promise.all(ending.map((socket) => once(socket.resume(), 'close')));
    assert.equal(await grant({ effect: 'block', host: '127.0.0.1', ports: [blocked.port] }), 100);
    await ends;
    await carried;
    await Promise.all(staying.slice(BUSY).map(answers));
    say(`100 of them closed by a block, ${staying.length} unharmed, ${BUSY} of these with 2 MiB on their way`);
    const most = MOST_CPU_MS * slowness;
    assert.ok(Math.max(...costs) < most, `${costs.join(', ')} ms of CPU, and ${most} are the most`);
    for (const socket of staying) socket.destroy();
  } finally {
    await proxy.stop();
    for (const { stop } of [kept, blocked]) stop();
  }
}

/** Says everything back. */
async function echo(): Promise<{ readonly port: number; stop(): void }> {
  const server = net.createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

/** How many connections the grant has closed. */
async function closedBy(port: number, body: object): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const text = JSON.stringify({ ...body, for: '1h' });
  const response = await fetch(`http://127.0.0.1:${port}/v1/grants`, { method: 'POST', headers, body: text });
  const { closed } = (await response.json()) as { readonly closed: number };
  return closed;
}

async function openMany(place: Place, count: number): Promise<Socket[]> {
  const open: Socket[] = [];
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) open.push(await openTunnel(place));
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return open;
}

async function carriesExactly(socket: Socket): Promise<void> {
  const sent = randomBytes(BUSY_BYTES);
  const heard = createHash('sha256');
  let length = 0;
  const whole = new Promise<void>((resolve, reject) => {
    socket.on('close', () => reject(new Error(`closed after ${length} of ${BUSY_BYTES} bytes`)));
    socket.on('data', (bytes: Buffer) => {
      heard.update(bytes);
      length += bytes.length;
      if (length >= BUSY_BYTES) resolve();
    });
  });
  socket.write(sent);
  await whole;
  assert.equal(heard.digest('hex'), createHash('sha256').update(sent).digest('hex'));
}

async function answers(socket: Socket): Promise<void> {
  const answer = once(socket, 'data');
  socket.write('are you there?');
  assert.equal(String((await answer)[0]), 'are you there?');
}
