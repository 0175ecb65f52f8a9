/** A guard before a fake engine, and a client that writes octets. */
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { GuardConfig } from '../../proxy/config/guard-config.js';
import { Engine } from '../../proxy/guard/engine.js';
import { createGuard, type Guard } from '../../proxy/guard/guard.js';
import { createLeaseFile } from '../../proxy/guard/lease-file.js';
import type { SpawnRecord } from '../../proxy/observe/record.js';
import { configOf } from '../config/fixture.js';
import { socketFolder } from '../net/socket-folder.js';
import { type FakeEngine, startFakeEngine } from './fake-engine.js';

export type Noted = Omit<SpawnRecord, 'event' | 'id' | 'time'>;

export interface Stand {
  readonly folder: string;
  readonly leases: string;
  readonly listen: string;
  readonly engine: FakeEngine;
  readonly guard: Guard;
  readonly config: GuardConfig;
  readonly records: Noted[];
  readonly defects: unknown[];
  /** What has been answered when the guard closes, or when there is one whole response and `count` is 1. */
  send(octets: string | Buffer): Promise<string>;
  /** A connection that stays open. */
  open(): Socket;
}

/** Two listed images, one of them bound to a server; a tools' network with two servers of their own addresses. */
export const CONFIG = `
guard:
  network: tools
  dns: 172.31.250.250
  images: ["docker.io/mcp/*"]
  limits: { containers: 4 }
  defaults: { addresses: 172.31.250.128/26 }
  servers:
    github: { image: docker.io/mcp/github-mcp-server, addresses: 172.31.250.192/29 }
    filesystem: { image: docker.io/mcp/filesystem, network: none, binds: [{ source: /srv/project }] }
    memory: { volumes: [{ name: claude-memory, target: /app/dist }] }
    pinned: { image: "docker.io/pin/pinned@sha256:${'a'.repeat(64)}" }
`;

export async function stand(
  context: TestContext,
  { config = CONFIG, now, distinct = false }: { config?: string; now?: () => number; distinct?: boolean } = {},
): Promise<Stand> {
  const folder = socketFolder('egress-guard-');
  const [leases, listen] = [join(folder, 'leases'), join(folder, 'guard.sock')];
  const compiled = configOf(context, `version: 1\n${config}`).guard;
  if (compiled === null) throw new Error('the configuration has no section guard');
  const engine = await startFakeEngine(join(folder, 'engine.sock'));
  const records: Noted[] = [];
  const defects: unknown[] = [];
  const own: GuardConfig = { ...compiled, listen, engine: engine.path, leases };
  let count = 0x3f9a1c;
  const guard = createGuard({
    config: () => own,
    engine: new Engine(() => engine.path),
    leaseFile: createLeaseFile(leases),
    random() {
      count += distinct ? 1 : 0;
      return count.toString(16);
    },
    record: (record) => records.push(record),
    onDefect: (error) => defects.push(error),
    onNotice: () => {},
    ...(now === undefined ? {} : { now }),
  });
  await guard.start();
  context.after(async () => {
    await guard.stop();
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const open = (): Socket => connect({ path: listen, allowHalfOpen: true }).on('error', () => {});
  return {
    folder,
    leases,
    listen,
    engine,
    guard,
    config: own,
    records,
    defects,
    open,
    send: (octets) => exchange(open(), octets),
  };
}

/** Sends all at once and gives what came back until a whole response was there, or the end. */
function exchange(socket: Socket, octets: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (isWhole(answer)) done();
    });
    socket.on('end', done);
    socket.on('close', done);
    socket.write(octets);
  });
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? [];
  if (end === -1) return false;
  if (/^HTTP\/1\.1 204 /.test(text)) return true;
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length);
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
}

/** A request as the Docker CLI writes it. */
export function request(line: string, { body = '', fields = [] as readonly string[] } = {}): string {
  const type = body === '' ? [] : ['Content-Type: application/json'];
  const head = [
    `${line} HTTP/1.1`,
    'Host: api.moby.localhost',
    'User-Agent: Docker-Client/28.2.2 (linux)',
    ...type,
    ...fields,
  ];
  return `${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export function create(body: string, line = 'POST /v1.45/containers/create'): string {
  return request(line, { body });
}

/** A create request with `extra`, over the least that starts a listed image. */
export function tool(extra: Record<string, unknown> = {}): string {
  return JSON.stringify({ Image: 'mcp/fetch', Cmd: ['true'], ...extra });
}

/** The id of the container that a plain create request made. */
export async function created(stand: Stand, extra: Record<string, unknown> = {}): Promise<string> {
  const answer = await stand.send(create(tool(extra)));
  const id = /"Id":"([0-9a-f]{64})"/.exec(answer)?.[1];
  if (id === undefined) throw new Error(`nothing was created: ${answer}`);
  return id;
}

/** Asks again until it is so. */
export async function until(isSo: () => boolean, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
