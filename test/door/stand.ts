/**
 * The whole app with every door open, on loopback, with no network behind it: names come from a table, and a permit is
 * dialled as the local origin that stands in for its port. What was resolved, dialled and recorded is there to assert.
 */
import { EventEmitter, once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type App, type AppOptions, createApp } from '../../proxy/app.js';
import type { Config, Limits } from '../../proxy/config/config.js';
import type { Environment } from '../../proxy/config/interpolate.js';
import { parseAddress } from '../../proxy/core/address.js';
import type { Permit } from '../../proxy/core/policy.js';
import { EgressError } from '../../proxy/core/reasons.js';
import type { Resolver } from '../../proxy/net/resolver.js';
import type { CloseRecord, DecisionRecord } from '../../proxy/observe/record.js';
import { configOf } from '../config/fixture.js';
import { promisedDialer } from '../net/promised-dialer.js';

/** Public addresses, so that the policy lets them through. */
export const NAMES: Readonly<Record<string, readonly string[]>> = {
  'site.test': ['93.184.215.14'],
  'other.test': ['93.184.215.15'],
  intranet: ['93.184.215.16'],
  'a_b.test': ['93.184.215.17'],
  'private.test': ['10.0.0.7'],
  'both.test': ['93.184.215.14', '10.0.0.7'],
  'mixed.test': ['93.184.215.14', '127.0.0.1'],
  'isatap.test': ['2606:4700:1:2:0:5efe:a00:1'],
  'metadata.test': ['169.254.169.254'],
  'self.test': ['127.0.0.1'],
};

const doors = (dns: string, steer: string): string => `
version: 1
listen: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0", socks: "127.0.0.1:0" }
steer: { dns: "${dns}", http: "127.0.0.1:0", tls: "127.0.0.1:0"${steer} }
`;

export interface Stand {
  readonly app: App;
  readonly decisions: DecisionRecord[];
  readonly queries: string[];
  readonly dials: Permit[];
  /** What steered clients have asked for and led here. */
  readonly asked: string[];
  /** As the file would be with these options. */
  reload(options: StandOptions): Promise<number>;
  /** The port of a door, by its purpose in `App.start`. */
  port(door: string): number;
  connect(door: string): Promise<Socket>;
  /** The next decision that nobody has waited for. */
  decision(): Promise<DecisionRecord>;
  closed(): Promise<CloseRecord>;
}

export interface StandOptions {
  /** Members of a YAML mapping in flow style. */
  readonly policy?: string;
  /** More sections of the file. */
  readonly more?: string;
  readonly limits?: Partial<Limits>;
  /** More members of the section `steer`. */
  readonly steer?: string;
  readonly env?: Environment;
  /** Where the DNS door listens. */
  readonly dnsDoor?: string;
  /** What is decided while it runs. */
  readonly runTime?: (config: Config, app: () => App) => AppOptions['runTime'];
  /** `address:port` of a DNS server: it is asked by the real resolver, and the table of names is not. */
  readonly dns?: string;
}

/** `origin`: the local port that a permit is dialled as. */
export async function openStand(
  context: TestContext,
  origin: (permit: Permit) => number,
  options: StandOptions = {},
): Promise<Stand> {
  const queries: string[] = [];
  const dials: Permit[] = [];
  const records = { decision: new Inbox<DecisionRecord>(), closed: new Inbox<CloseRecord>() };
  const asked: string[] = [];
  const load = (options: StandOptions): Config => {
    const loaded = configOf(
      context,
      `${doors(options.dnsDoor ?? '127.0.0.1:0', options.steer === undefined ? '' : `, ${options.steer}`)}${options.more ?? ''}\npolicy: { ${options.policy ?? 'default: public'} }\n`,
      options.env,
    );
    // Its deadline is not what any test waits for.
    const dns = { servers: options.dns === undefined ? [] : [options.dns], timeoutMs: 60_000 };
    return { ...loaded, dns, limits: { ...loaded.limits, ...options.limits } };
  };
  const config = load(options);
  const runTime = options.runTime?.(config, () => app);
  const app: App = createApp({
    config,
    ...(runTime === undefined ? {} : { runTime }),
    records: {
      sink: { decision: (record) => records.decision.put(record), closed: (record) => records.closed.put(record) },
    },
    onDefect: (error) => {
      throw error;
    },
    onAsked: ({ host }) => asked.push(host),
    ...(options.dns === undefined ? { resolver: tableOfNames(queries) } : {}),
    dialer: promisedDialer(async (permit) => {
      dials.push(permit);
      const socket = net.connect({ host: '127.0.0.1', port: origin(permit), allowHalfOpen: true });
      await once(socket, 'connect').catch(() => {
        throw new EgressError('connect-refused');
      });
      return { socket, address: permit.addresses[0] };
    }),
  });
  const bound = await app.start();
  context.after(() => {
    void app.reload({ ...config, limits: { ...config.limits, drainTimeoutMs: 1 } });
    return app.stop();
  });
  const port = (door: string): number => bound.get(door)?.port ?? 0;
  return {
    app,
    decisions: records.decision.all,
    queries,
    dials,
    asked,
    reload: (changed) => app.reload(load(changed)),
    port,
    connect: (door) => connectTo(context, port(door)),
    decision: () => records.decision.take(),
    closed: () => records.closed.take(),
  };
}

/** A TCP server that lasts as long as the test; its port. */
export async function openOrigin(context: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Everything that arrives until the other side ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  // Not by once(), which takes a reset for an error: who closes with octets unread sends one after the answer.
  if (!socket.readableEnded && !socket.destroyed)
    await new Promise<void>((resolve) => {
      const over = (): void => resolve();
      socket.once('end', over).once('close', over);
    });
  return Buffer.concat(pieces);
}

function tableOfNames(queries: string[]): Resolver {
  return {
    async resolve(name) {
      queries.push(name);
      const addresses = (NAMES[name] ?? []).flatMap((text) => parseAddress(text) ?? []);
      if (addresses.length === 0) throw new EgressError('name-not-found');
      return addresses;
    },
    reverse: async () => null,
  };
}

async function connectTo(context: TestContext, port: number): Promise<Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  context.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

class Inbox<T> {
  readonly all: T[] = [];
  readonly #arrivals = new EventEmitter();
  #taken = 0;

  put(item: T): void {
    this.all.push(item);
    this.#arrivals.emit('item');
  }

  async take(): Promise<T> {
    for (;;) {
      const item = this.all[this.#taken];
      if (item !== undefined) {
        this.#taken += 1;
        return item;
      }
      await once(this.#arrivals, 'item');
    }
  }
}
