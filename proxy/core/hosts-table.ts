/** The text of a hosts file (hosts(5)) as a table. */
import { type Address, parseAddress } from './address.js';
import { parseDnsName } from './target.js';

/** Lines of `address name...`, `#` starts a comment; lines that are not of this form are skipped. */
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
