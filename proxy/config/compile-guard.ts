/** The checked section `guard` -> GuardConfig, with every default filled in for each server. */
import { hostPortText } from '../core/target.js';
import type { ClientEntry } from './config.js';
import { type GuardConfig, type GuardLimits, type GuardServer, UNKNOWN_SERVER } from './guard-config.js';
import type { GuardDocument } from './guard-schema.js';

type ServerDocument = GuardDocument['servers'][string];

const NANO = 1e9;

/** A server that only an entry of `clients` names is known as well: its label is enough, as it has no image of its own. */
export function compileGuard(document: GuardDocument, clients: readonly ClientEntry[]): GuardConfig {
  const { limits: counts, defaults, servers } = document;
  const limits = {
    containers: counts.containers,
    memoryBytes: counts.memory,
    nanoCpus: Math.round(counts.cpus * NANO),
    pids: counts.pids,
    shmBytes: counts.shm,
  };
  const named = clients.flatMap(({ server }) => server ?? []);
  const bare = (name: string) => compileServer(name, null, { limits, capabilities: defaults.capabilities });
  const written = Object.entries(servers).map(([name, server]) =>
    compileServer(name, server, { limits, capabilities: defaults.capabilities }),
  );
  const implied = named.filter((name) => !Object.hasOwn(servers, name) && name !== UNKNOWN_SERVER).map(bare);
  return {
    listen: document.listen,
    engine: document.engine,
    leases: document.leases,
    network: document.network,
    dns: document.dns,
    proxy: document.proxy && hostPortText(document.proxy.host, document.proxy.port),
    socks: document.socks && hostPortText(document.socks.host, document.socks.port),
    images: document.images,
    pull: document.pull,
    limits,
    defaults: {
      addresses: defaults.addresses ?? null,
      logs: defaults.logs,
      unknownServers: defaults.unknownServers,
    },
    unknown: bare(UNKNOWN_SERVER),
    servers: [...written, ...implied],
  };
}

function compileServer(
  name: string,
  server: ServerDocument | null,
  fallback: { readonly limits: GuardLimits; readonly capabilities: readonly string[] },
): GuardServer {
  const { limits } = fallback;
  const own = server?.limits;
  return {
    name,
    image: server?.image ?? null,
    client: server?.client ?? null,
    addresses: server?.addresses ?? null,
    network: server?.network ?? 'tools',
    binds: (server?.binds ?? []).map(({ target, ...bind }) => ({ ...bind, target: target ?? null })),
    volumes: (server?.volumes ?? []).map(({ target, ...volume }) => ({ ...volume, target: target ?? null })),
    user: server?.user ?? null,
    capabilities: server?.capabilities ?? fallback.capabilities,
    readOnly: server?.readOnly ?? false,
    limits: {
      memoryBytes: own?.memory ?? limits.memoryBytes,
      nanoCpus: own?.cpus === undefined ? limits.nanoCpus : Math.round(own.cpus * NANO),
      pids: own?.pids ?? limits.pids,
      shmBytes: own?.shm ?? limits.shmBytes,
    },
  };
}
