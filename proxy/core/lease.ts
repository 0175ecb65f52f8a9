/** Which address of the tools' network belongs to which MCP server: the spawn guard writes it, the proxy reads it. */
import { parseAddress } from './address.js';

/** In the folder that the guard writes and the proxy reads. */
export const LEASE_FILE = 'leases.json';

export interface Lease {
  readonly address: string;
  /** The server as the configuration names it, or `unknown-server`. */
  readonly server: string;
  /** The client as which the policy knows this server; null where no client names it. */
  readonly client: string | null;
  /** The name of the tool's container. */
  readonly container: string;
}

export function leasesText(leases: readonly Lease[]): string {
  return JSON.stringify({ version: 1, leases });
}

/** By address. Items that are no lease are skipped; a text that is no such file gives an empty map. Never throws. */
export function parseLeases(text: string): ReadonlyMap<string, Lease> {
  const file = parse(text);
  const items = typeof file === 'object' && file !== null && 'leases' in file ? file.leases : null;
  if (!Array.isArray(items)) return new Map();
  return new Map(items.flatMap((item) => leaseOf(item) ?? []).map((lease) => [lease.address, lease]));
}

function leaseOf(item: unknown): Lease | null {
  if (typeof item !== 'object' || item === null) return null;
  const { address, server, client, container } = item as Record<string, unknown>;
  const isLease = typeof address === 'string' && typeof server === 'string' && typeof container === 'string';
  const parsed = isLease ? parseAddress(address) : null;
  if (parsed === null || !isLease) return null;
  return { address: parsed.text, server, client: typeof client === 'string' ? client : null, container };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
