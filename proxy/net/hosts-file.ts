/** `/etc/hosts` (hosts(5)) as a table that follows the file. */
import type { Address } from '../core/address.js';
import type { DnsName } from '../core/host-pattern.js';
import { parseHosts } from '../core/hosts-table.js';
import { followFile } from './followed-file.js';

export interface HostsFile {
  /** Empty if the file does not name it. Looks at the file at most once a second. */
  lookup(name: DnsName): readonly Address[];
}

/** Where the system keeps it. */
export function hostsPath(platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return '/etc/hosts';
  return `${process.env.SystemRoot ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`;
}

/** An unreadable file is an empty one. `now`: milliseconds. */
export function openHostsFile(path: string, now: () => number = Date.now): HostsFile {
  const file = followFile(path, parseHosts, { now });
  return { lookup: (name) => file.current().get(name) ?? [] };
}
