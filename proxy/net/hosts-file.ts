/** `/etc/hosts` (hosts(5)) as a table that follows the file. */
import { readFileSync, statSync } from 'node:fs';
import { type Address, parseAddress } from '../core/address.js';
import { type DnsName, parseDnsName } from '../core/host-pattern.js';

export interface HostsFile {
  /** Empty where the file does not name it. Looks at the file's time stamp at most once a second. */
  lookup(name: DnsName): readonly Address[];
}

/** An unreadable file is an empty one. `now`: milliseconds. */
export function openHostsFile(path: string, now: () => number = Date.now): HostsFile {
  let table: ReadonlyMap<string, readonly Address[]> = new Map();
  let stamp = '';
  let checkedAt = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    checkedAt = now();
    const stat = statSync(path, { throwIfNoEntry: false });
    const current = stat === undefined ? '' : `${stat.mtimeMs}:${stat.size}:${stat.ino}`;
    if (current === stamp) return;
    stamp = current;
    table = parseHosts(readText(path));
  };
  return {
    lookup(name) {
      if (now() - checkedAt >= 1000) refresh();
      return table.get(name) ?? [];
    },
  };
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
      if (key !== null) table.set(key, [...(table.get(key) ?? []), address]);
    }
  }
  return table;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
