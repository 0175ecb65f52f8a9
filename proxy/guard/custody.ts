/**
 * The tools from their creation to their end: who has which address, whom nobody follows any more, and what of an
 * earlier run of the guard is still there. The engine's word counts: its events, and its list after each gap in them.
 */
import { type GuardConfig, type GuardServer, UNKNOWN_SERVER } from '../config/guard-config.js';
import { type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import type { Lease } from '../core/lease.js';
import { AddressPool } from './address-pool.js';
import { type Engine, jsonOf } from './engine.js';
import { OWN_LABELS } from './identity.js';
import type { LeaseFile } from './lease-file.js';
import { isContainerId, Roster, type Tool } from './roster.js';

export interface CustodyOptions {
  readonly config: () => GuardConfig;
  readonly engine: Engine;
  readonly leaseFile: LeaseFile;
  readonly now: () => number;
  /** A tool was ended because nobody followed it. */
  readonly onOrphan: (tool: Tool) => void;
}

/** From where an address may be taken, and which of them are not free. */
export interface Space {
  readonly range: Prefix;
  readonly taken: readonly Prefix[];
}

/** Enough for a client to come back with its next request. */
const ALONE_MS = 5_000;
/** From create to start: a client may first wait for its own attach. */
const UNSTARTED_MS = 30_000;

export class Custody {
  readonly roster = new Roster();
  readonly #options: CustodyOptions;
  readonly #pool: AddressPool;
  readonly #aloneSince = new Map<string, number>();

  constructor(options: CustodyOptions) {
    this.#options = options;
    this.#pool = new AddressPool(options.now);
    // Of an earlier run: these addresses rest before another server gets them, until the engine says who is still there.
    for (const lease of options.leaseFile.read()) {
      this.#pool.restore(lease);
      this.#pool.release(lease.address);
    }
  }

  get leases(): readonly Lease[] {
    return this.#pool.leases;
  }

  /** An address for a new tool, in force for the proxy when this returns; null where the server has none left. */
  lease(server: Pick<GuardServer, 'name' | 'client'>, { range, taken }: Space, container: string): Lease | null {
    const { name, client } = server;
    const lease = this.#pool.take(range, [...this.#reserved(name), ...taken], { server: name, client, container });
    if (lease !== null) this.#save();
    return lease;
  }

  release(lease: Lease | null): void {
    if (lease === null) return;
    this.#pool.release(lease.address);
    this.#save();
  }

  /** Someone else has this address: nobody gets it for a while. */
  retire(lease: Lease): void {
    this.#pool.restore({ ...lease, server: '' });
    this.release(lease);
  }

  add(tool: Tool): void {
    this.roster.add(tool);
    this.#aloneSince.set(tool.id, this.#options.now());
  }

  /** Counts a request that follows the tool; the result ends it, once. */
  follow(tool: Tool): () => void {
    let isOpen = true;
    tool.followers += 1;
    return () => {
      if (isOpen) tool.followers -= 1;
      isOpen = false;
      this.#aloneSince.set(tool.id, this.#options.now());
    };
  }

  /** The engine says that it is removed. */
  gone(id: string): void {
    const tool = this.roster.remove(id);
    this.#aloneSince.delete(id);
    if (tool !== null) this.release(tool.lease);
  }

  /** Ends tools that nobody follows. Called every second. */
  async sweep(): Promise<void> {
    const now = this.#options.now();
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
      // 409: its removal is under way already; the event will say when it is done.
      if (status !== 409) this.gone(tool.id);
    }
  }

  /** The engine's list against ours: after a start, and after each gap in its events. */
  async resync(): Promise<void> {
    const before = this.roster.tools;
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
    this.#save();
  }

  #adopt(tool: Tool): void {
    if (tool.lease !== null) this.#pool.restore(tool.lease);
    this.add(tool);
    // Its client lost its connections with the earlier run: nobody is going to start it.
    if (!tool.isStarted) this.#aloneSince.set(tool.id, this.#options.now() - UNSTARTED_MS + ALONE_MS);
  }

  /** The addresses that have an owner already: the proxy's own, and those of the other servers. */
  #reserved(server: string): Prefix[] {
    const { dns, servers } = this.#options.config();
    const own = dns === null ? null : parsePrefix(dns);
    const others = servers.flatMap(({ name, addresses }) => (name === server ? [] : (addresses ?? [])));
    return own === null ? others : [own, ...others];
  }

  #save(): void {
    this.#options.leaseFile.save(this.#pool.leases);
  }
}

/** A tool of an item of the engine's list; null where it is none. */
function adopted(item: unknown): Tool | null {
  if (typeof item !== 'object' || item === null) return null;
  const { Id: id, Labels: labels, State: state, Names: names } = item as Record<string, unknown>;
  if (!isContainerId(id) || typeof labels !== 'object' || labels === null) return null;
  const label = (name: string): string | null => {
    const value: unknown = Reflect.get(labels, name);
    return typeof value === 'string' ? value : null;
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
