/** Which server a tool of the spawn guard belongs to, by its address. The folder is written by the guard alone. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LEASE_FILE, type Lease, parseLeases } from '../core/lease.js';

export interface Leases {
  /** Null if the guard gave this address to nobody. */
  of(address: string): Lease | null;
}

/** Room for thousands of leases. A larger file is not the guard's. */
const MOST_OCTETS = 1024 * 1024;

/**
 * The file is checked every time: an address can go from one tool to another within a second, and the guard replaces
 * the file before the new tool starts. It is read only if it has been replaced.
 */
export function createLeases(folder: string): Leases {
  const path = join(folder, LEASE_FILE);
  let identity = '';
  let leases: ReadonlyMap<string, Lease> = new Map();
  return {
    of(address) {
      const found = identityOf(path);
      if (found !== identity) {
        leases = found === '' ? new Map() : read(path);
        identity = found;
      }
      return leases.get(address) ?? null;
    },
  };
}

/** Empty: there is no file that could be the guard's. */
function identityOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size > MOST_OCTETS) return '';
  return `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
}

function read(path: string): ReadonlyMap<string, Lease> {
  try {
    return parseLeases(readFileSync(path, 'utf8'));
  } catch {
    return new Map();
  }
}
