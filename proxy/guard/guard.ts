/** The guard: a listener on a Unix socket, its connections, and the watch over what was started through it. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { GuardConfig } from '../config/guard-config.js';
import type { SpawnRecord } from '../observe/record.js';
import { Allowance, ClientConnection } from './client-connection.js';
import { Custody } from './custody.js';
import type { Engine } from './engine.js';
import { type EngineWatch, watchEngine } from './engine-watch.js';
import { Exchange, type GuardExchangeOptions } from './exchange.js';
import type { LeaseFile } from './lease-file.js';
import { Refused, refuse } from './refusal.js';
import type { Tool } from './roster.js';

export interface GuardOptions {
  readonly config: () => GuardConfig;
  readonly engine: Engine;
  readonly leaseFile: LeaseFile;
  /** Six random hex digits. */
  readonly random: () => string;
  readonly record: (record: Omit<SpawnRecord, 'event' | 'id' | 'time'>) => void;
  readonly onDefect: (error: unknown) => void;
  /** Gets what happens with the engine but is no decision, for the log. */
  readonly onNotice: (text: string) => void;
  readonly now?: () => number;
}

export interface Guard {
  readonly custody: Custody;
  /** Rejects where the socket cannot be made. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Thirty-two tools take about a hundred. */
const MOST_CONNECTIONS = 512;
/** For bodies that are being read or worked on. Thirty-two usual ones take a tenth of it. */
const MOST_BODY_OCTETS = 4 * 1024 * 1024;
const SWEEP_MS = 1_000;

export function createGuard(options: GuardOptions): Guard {
  const { engine, onDefect, record } = options;
  const custody = new Custody({
    config: options.config,
    engine,
    leaseFile: options.leaseFile,
    now: options.now ?? (() => performance.now()),
    onOrphan: (tool) => record(orphanRecord(tool)),
  });
  let watch: EngineWatch | null = null;
  const exchange: GuardExchangeOptions = { ...options, custody, engineMinor: () => watch?.minor() ?? null };
  const connections = new Set<Socket>();
  const bodies = new Allowance(MOST_BODY_OCTETS);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    converse(new ClientConnection(socket, bodies), exchange, connections.size > MOST_CONNECTIONS).catch((error) => {
      onDefect(error);
      socket.destroy();
    });
  });
  const sweep = sweepEach(SWEEP_MS, custody);
  return {
    custody,
    async start() {
      watch = watchEngine({ engine, custody, network: () => options.config().network, onNotice: options.onNotice });
      await listen(server, options.config().listen);
    },
    async stop() {
      clearInterval(sweep);
      watch?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** Never two at once, or an engine that hangs would be asked again each second. */
function sweepEach(ms: number, custody: Custody): NodeJS.Timeout {
  let isSweeping = false;
  const timer = setInterval(async () => {
    if (isSweeping) return;
    isSweeping = true;
    await custody.sweep().catch(() => {});
    isSweeping = false;
  }, ms);
  timer.unref();
  return timer;
}

/** Handles the requests of one connection, one after the other. */
async function converse(connection: ClientConnection, options: GuardExchangeOptions, isOver: boolean): Promise<void> {
  for (;;) {
    const exchange = new Exchange(options, connection);
    let head: string | null;
    try {
      if (isOver)
        throw new Refused(refuse('too-many-connections', `there are ${MOST_CONNECTIONS} connections already`));
      head = await connection.readHead();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await exchange.refuseUnread(error.refusal);
      // A connection over the limit is not kept open for its client to read slowly.
      if (isOver) connection.socket.destroySoon();
      return;
    }
    if (head === null) return connection.close();
    if (!(await exchange.run(head))) return;
  }
}

/** Whoever sees the folder may connect, so where it is mounted decides who may. */
async function listen(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) throw new Error(`cannot listen on ${path}: it is a folder`);
  if (there !== undefined) unlinkSync(path);
  // The mode is set by umask and not by chmod, before which a client could put a link in place of the socket.
  const umask = process.umask(0o111);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(new Error(`cannot listen on ${path}: ${error.message}`, { cause: error })),
      );
      server.listen({ path, backlog: 511 }, () => resolve());
    });
  } finally {
    process.umask(umask);
  }
}

function orphanRecord({ server, name, lease }: Tool): Omit<SpawnRecord, 'event' | 'id' | 'time'> {
  return {
    outcome: 'fail',
    reason: 'orphan-removed',
    operation: 'remove',
    server,
    image: null,
    field: null,
    container: name,
    address: lease?.address ?? null,
    status: 200,
    explanation: 'nobody used this tool any more, so it was removed',
  };
}
