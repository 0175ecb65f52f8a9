/**
 * Looks after tools from their creation to their end: which address each has, which of them nobody follows any more, and
 * which are left from an earlier run of the guard. What counts is what the engine says: its events, and its list after
 * each gap in them.
 */
import { setTimeout } from 'node:timers/promises';
import { type GuardConfig, type GuardServer, UNKNOWN_SERVER } from '../config/guard-config.js';
import { type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import type { Lease } from '../core/lease.js';
import { AddressPool } from './address-pool.js';
import { type Engine, EngineError, jsonOf } from './engine.js';
import { OWN_LABELS } from './identity.js';
import type { LeaseFile } from './lease-file.js';
import { Refused, refuse } from './refusal.js';
import { isContainerId, Roster, type Tool } from './roster.js';

export interface CustodyOptions {
  readonly config: () => GuardConfig;
  readonly engine: Engine;
  readonly leaseFile: LeaseFile;
  readonly now: () => number;
  /** A tool was ended because nobody followed it. */
  readonly onOrphan: (tool: Tool) => void;
}

/** The range from which addresses are taken, and which of them are not free. */
export interface Space {
  readonly range: Prefix;
  readonly taken: readonly Prefix[];
}

/** Enough for a client to come back with its next request. */
const ALONE_MS = 5_000;
/** The most time from create to start: a client may wait for its own attach first. */
const UNSTARTED_MS = 30_000;
/** How often the list is asked for again: an answer may have been lost without a gap in the events. */
const RESYNC_MS = 30_000;
/** How long a request waits for the first list. */
const SYNC_MS = 10_000;

export class Custody {
  readonly roster = new Roster();
  readonly #options: CustodyOptions;
  readonly #pool: AddressPool;
  readonly #aloneSince = new Map<string, number>();
  /** Leases whose containers may or may not exist. They stay in force until the engine's next list. */
  readonly #doubtful = new Set<Lease>();
  #syncedAt: number | null = null;
  #onSync: () => void = () => {};
  readonly #firstSync = new Promise<void>((resolve) => {
    this.#onSync = resolve;
  });

  constructor(options: CustodyOptions) {
    this.#options = options;
    this.#pool = new AddressPool(options.now);
    // Tools of an earlier run may still run, and none may be without its name for a moment.
    for (const lease of options.leaseFile.read()) {
      this.#pool.restore(lease);
      this.#doubtful.add(lease);
    }
  }

  /** Resolves when the first list of the engine has arrived. Throws an EngineError if none does in time. */
  async whenInSync(signal: AbortSignal): Promise<void> {
    if (this.#syncedAt !== null) return;
    await Promise.race([this.#firstSync, setTimeout(SYNC_MS, undefined, { signal, ref: false }).catch(() => {})]);
    if (this.#syncedAt === null) throw new EngineError('its list of containers has not arrived yet');
  }

  get leases(): readonly Lease[] {
    return this.#pool.leases;
  }

  /** An address for a new tool, already in force for the proxy; null if the server has none left. Throws `Refused`. */
  lease(server: Pick<GuardServer, 'name' | 'client'>, { range, taken }: Space, container: string): Lease | null {
    const { name, client } = server;
    const lease = this.#pool.take(range, [...this.#reserved(name), ...taken], { server: name, client, container });
    if (lease === null) return null;
    try {
      this.#save();
    } catch (error) {
      this.#pool.release(lease);
      throw new Refused(refuse('no-free-address', `the lease of the address cannot be written: ${String(error)}`));
    }
    return lease;
  }

  release(lease: Lease | null): void {
    if (lease === null) return;
    this.#pool.release(lease);
    this.#trySave();
  }

  /** Keeps a lease in force until the engine's next list, because nobody knows whether its container was made. */
  doubt(lease: Lease | null): void {
    if (lease !== null) this.#doubtful.add(lease);
  }

  /** Gives the address to nobody for a while, because somebody else has it. */
  retire(lease: Lease): void {
    this.#pool.restore({ ...lease, server: '' });
    this.release(lease);
  }

  add(tool: Tool): void {
    this.roster.add(tool);
    this.#aloneSince.set(tool.id, this.#options.now());
  }

  /** Counts a request that follows the tool. Call the result when that ends; only its first call counts. */
  follow(tool: Tool): () => void {
    let isOpen = true;
    tool.followers += 1;
    return () => {
      if (isOpen) tool.followers -= 1;
      isOpen = false;
      this.#aloneSince.set(tool.id, this.#options.now());
    };
  }

  /** The engine says that the container was removed. */
  gone(id: string): void {
    const tool = this.roster.remove(id);
    this.#aloneSince.delete(id);
    if (tool !== null) this.release(tool.lease);
  }

  /** Ends tools that nobody follows. Called every second. */
  async sweep(): Promise<void> {
    const now = this.#options.now();
    if (this.#doubtful.size > 0 || now - (this.#syncedAt ?? now) >= RESYNC_MS) await this.resync();
    const alone = this.roster.tools.filter((tool) => {
      if (tool.followers > 0 || (tool.isStarted && tool.isDetached)) return false;
      const since = this.#aloneSince.get(tool.id) ?? now;
      return now - since >= (tool.isStarted ? ALONE_MS : UNSTARTED_MS);
    });
    for (const tool of alone) {
      const { status } = await this.#options.engine.ask({
        method: 'DELETE',
        path: `/containers/${tool.id}?force=1&v=1`,
      });
      if (!this.roster.tools.includes(tool)) continue;
      if (status === 204 || status === 200) this.#options.onOrphan(tool);
      // With any other status it still exists and has its address: 409, it is being removed already; 500, it is tried again.
      if ([200, 204, 404].includes(status)) this.gone(tool.id);
    }
  }

  /** Compares the engine's list with the guard's: after a start, after each gap in the events, and now and then. */
  async resync(): Promise<void> {
    const before = this.roster.tools;
    const doubtful = [...this.#doubtful];
    const filters = JSON.stringify({ label: [`${OWN_LABELS.guard}=${this.#options.config().network}`] });
    const { status, body } = await this.#options.engine.ask({
      method: 'GET',
      path: `/containers/json?all=1&filters=${encodeURIComponent(filters)}`,
    });
    const list = jsonOf(body);
    if (status !== 200 || !Array.isArray(list)) throw new Error(`the engine's list of containers: status ${status}`);
    const found = list.flatMap((item) => adopted(item) ?? []);
    const ids = new Set(found.map(({ id }) => id));
    for (const { id } of before) if (!ids.has(id)) this.gone(id);
    for (const tool of found) {
      const known = this.roster.find(tool.id);
      if (known === null) this.#adopt(tool);
      else if (tool.isStarted) known.isStarted = true;
    }
    const names = new Set(found.map(({ name }) => name));
    for (const lease of doubtful) {
      this.#doubtful.delete(lease);
      if (!names.has(lease.container)) this.#pool.release(lease);
    }
    this.#trySave();
    this.#syncedAt = this.#options.now();
    this.#onSync();
  }

  #adopt(tool: Tool): void {
    const { lease } = tool;
    const holder = lease === null ? null : this.#pool.holder(lease.address);
    // Made late, after its address went to another container. It has never run and never will.
    const isHeld = holder !== null && holder !== tool.name;
    if (lease !== null && !isHeld) this.#pool.restore(lease);
    this.add(isHeld ? { ...tool, lease: null } : tool);
    // Its client lost its connections when the earlier run ended, so nobody is going to start it.
    if (!tool.isStarted) this.#aloneSince.set(tool.id, this.#options.now() - UNSTARTED_MS + ALONE_MS);
  }

  /** Addresses that are spoken for: the proxy's own, and those of the other servers. */
  #reserved(server: string): Prefix[] {
    const { dns, servers } = this.#options.config();
    const own = dns === null ? null : parsePrefix(dns);
    const others = servers.flatMap(({ name, addresses }) => (name === server ? [] : (addresses ?? [])));
    return own === null ? others : [own, ...others];
  }

  /** May fail on a full disk. The proxy then keeps an old name for an address, but nobody gets that before its lease is written. */
  #trySave(): void {
    try {
      this.#save();
    } catch {
      return;
    }
  }

  #save(): void {
    this.#options.leaseFile.save(this.#pool.leases);
  }
}

/** A tool from an item of the engine's list; null if it is not one. */
function adopted(item: unknown): Tool | null {
  if (typeof item !== 'object' || item === null) return null;
  const { Id: id, Labels: labels, State: state, Names: names } = item as Record<string, unknown>;
  if (!isContainerId(id) || typeof labels !== 'object' || labels === null) return null;
  const label = (name: string): string | null => {
    const value: unknown = Reflect.get(labels, name);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const name = Array.isArray(names) && typeof names[0] === 'string' ? names[0].replace(/^\//, '') : id.slice(0, 12);
  const server = label(OWN_LABELS.server) ?? UNKNOWN_SERVER;
  const address = parseAddress(label(OWN_LABELS.address) ?? '');
  const client = label(OWN_LABELS.client);
  return {
    id,
    name,
    server,
    lease: address === null ? null : { address: address.text, server, client, container: name },
    isDetached: label(OWN_LABELS.life) === 'detached',
    isStarted: state !== 'created',
    followers: 0,
  };
}
