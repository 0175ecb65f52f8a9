/** `/etc/hosts` (hosts(5)) as a table that follows the file. */
import { type Address, parseAddress } from '../core/address.js';
import { type DnsName, parseDnsName } from '../core/host-pattern.js';
import { followFile } from './followed-file.js';

export interface HostsFile {
  /** Empty where the file does not name it. Looks at the file at most once a second. */
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

/** Lines of `address name...`, `#` starts a comment; lines that are not of this form are passed over. */
export function parseHosts(text: string): ReadonlyMap<string, readonly Address[]> {
  const table = new Map<string, Address[]>();
  for (const line of text.split('\n')) {
    const [first = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const address = parseAddress(first);
    if (address === null) continue;
    for (const name of names) {
      const key = parseDnsName(name);
      if (key === null) continue;
      const known = table.get(key);
      if (known === undefined) table.set(key, [address]);
      else known.push(address);
    }
  }
  return table;
}
