/**
 * Which address belongs to which server, from the guard to the proxy: a file in a folder that only the guard can write
 * and the proxy reads at each arrival. It is replaced as a whole, so that no reader sees half of it.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LEASE_FILE, type Lease, leasesText, parseLeases } from '../core/lease.js';

export interface LeaseFile {
  /** The leases that an earlier run left. */
  read(): readonly Lease[];
  /** In force when this returns. Throws where it cannot be written. */
  save(leases: readonly Lease[]): void;
}

/** `folder` null: nothing is written. */
export function createLeaseFile(folder: string | null): LeaseFile {
  if (folder === null) return { read: () => [], save() {} };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, LEASE_FILE);
  let count = 0;
  return {
    read() {
      try {
        return [...parseLeases(readFileSync(path, 'utf8')).values()];
      } catch {
        return [];
      }
    },
    save(leases) {
      // Readers recognize a new file by inode, time and size, but two files of one millisecond may share the first two.
      count = (count + 1) % 16;
      writeFileSync(`${path}.next`, leasesText(leases) + ' '.repeat(count), { mode: 0o644 });
      renameSync(`${path}.next`, path);
    },
  };
}
