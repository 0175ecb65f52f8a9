/** The app of the product in this process, on a free port of 127.0.0.1, with a configuration and a DNS of the test. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, type AppOptions, createApp } from '../../proxy/app.js';
import type { Config } from '../../proxy/config/config.js';
import { formatConfigErrors, loadConfig } from '../../proxy/config/load.js';
import type { CloseRecord, DecisionRecord } from '../../proxy/observe/record.js';
import { type FakeDns, type Script, startFakeDns, table } from './fake-dns.js';

export interface ProxyOptions {
  /** The keys of the configuration file; `listen.proxy` and `dns.servers` are filled in. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What DNS answers; without it, every name is unknown. */
  readonly dns?: Script;
  /** Long, where nothing is said: a test that waits for no time-out must not run into one on a slow machine. */
  readonly dnsTimeout?: string;
  readonly resolver?: AppOptions['resolver'];
  readonly dialer?: AppOptions['dialer'];
}

export interface RunningProxy {
  readonly app: App;
  readonly dns: FakeDns;
  readonly port: number;
  /** The port of another door, by its purpose in `App.start`. */
  portOf(door: string): number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly decisions: readonly DecisionRecord[];
  readonly closes: readonly CloseRecord[];
  /** What was thrown that no door expects: empty in every test. */
  readonly defects: readonly unknown[];
  /** The record number `index` (from 0), now or when it comes. */
  decision(index: number): Promise<DecisionRecord>;
  closed(index: number): Promise<CloseRecord>;
  /** A connection to the proxy port. */
  connect(options?: { readonly allowHalfOpen?: boolean }): Promise<net.Socket>;
  stop(): Promise<void>;
}

export async function startProxy(options: ProxyOptions = {}): Promise<RunningProxy> {
  const dns = await startFakeDns(options.dns ?? table({}));
  const records = { decisions: recorder<DecisionRecord>(), closes: recorder<CloseRecord>() };
  const defects: unknown[] = [];
  const config = await configOf({
    version: 1,
    listen: { proxy: '127.0.0.1:0' },
    dns: { servers: [dns.server], timeout: options.dnsTimeout ?? '60s' },
    policy: { default: 'public' },
    ...options.config,
  });
  const app = createApp({
    config,
    records: { sink: { decision: records.decisions.add, closed: records.closes.add } },
    onDefect: (error) => defects.push(error),
    ...(options.resolver === undefined ? {} : { resolver: options.resolver }),
    ...(options.dialer === undefined ? {} : { dialer: options.dialer }),
  });
  const bound = await app.start();
  const portOf = (door: string): number => bound.get(door)?.port ?? 0;
  const port = portOf('proxy');
  return {
    app,
    dns,
    port,
    portOf,
    url: `http://127.0.0.1:${port}`,
    decisions: records.decisions.all,
    closes: records.closes.all,
    defects,
    decision: records.decisions.at,
    closed: records.closes.at,
    async connect({ allowHalfOpen = true } = {}) {
      const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen });
      await once(socket, 'connect');
      return socket;
    },
    async stop() {
      await app.stop();
      await dns.close();
    },
  };
}

/** The loader of the product reads it, as it reads a file: YAML takes JSON. */
export async function configOf(document: Readonly<Record<string, unknown>>): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  try {
    const path = join(folder, 'policy.yaml');
    await writeFile(path, JSON.stringify(document));
    const loaded = loadConfig({ path, env: {} });
    if (!loaded.ok) throw new Error(formatConfigErrors(loaded.errors));
    return loaded.config;
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Recorder<T> {
  readonly all: readonly T[];
  readonly add: (record: T) => void;
  readonly at: (index: number) => Promise<T>;
}

function recorder<T>(): Recorder<T> {
  const all: T[] = [];
  const waiting = new Map<number, ((record: T) => void)[]>();
  return {
    all,
    add(record) {
      const index = all.push(record) - 1;
      for (const resolve of waiting.get(index) ?? []) resolve(record);
      waiting.delete(index);
    },
    at(index) {
      const known = all[index];
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => waiting.set(index, [...(waiting.get(index) ?? []), resolve]));
    },
  };
}
