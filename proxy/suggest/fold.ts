/** Turns many names under one suffix into `*.suffix`, if all names under it belong to one owner. */
import { getPublicSuffix } from 'tldts';

/** A pattern for a rule, and the names seen that it stands for. */
export interface Folded {
  readonly pattern: string;
  readonly names: readonly string[];
}

/** Fewer names than this under a suffix are left as they are. */
const FEWEST = 3;

/**
 * The longest suffixes first, so that a pattern opens as little as it can. A public suffix (`co.uk`, `github.io`: the
 * public suffix list with its private section) is never folded to: the names below it belong to strangers. Neither is a
 * suffix of a name in `apart`, which the pattern would open.
 */
export function foldHosts(names: readonly string[], apart: Iterable<string> = []): Folded[] {
  const closed = [...apart];
  let left = [...new Set(names)].sort();
  const folded: Folded[] = [];
  const deepest = Math.max(0, ...left.map((name) => name.split('.').length - 1));
  for (let labels = deepest; labels >= 2; labels--) {
    for (const [suffix, below] of bySuffix(left, labels)) {
      if (below.length < FEWEST || !hasOneOwner(suffix)) continue;
      if (closed.some((name) => name.endsWith(`.${suffix}`))) continue;
      folded.push({ pattern: `*.${suffix}`, names: below });
      left = left.filter((name) => !below.includes(name));
    }
  }
  const single = left.map((name) => ({ pattern: name, names: [name] }));
  return [...folded, ...single].sort((a, b) => (a.pattern < b.pattern ? -1 : 1));
}

/** Names by their last `labels` labels; a name is not below itself. */
function bySuffix(names: readonly string[], labels: number): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const parts = name.split('.');
    if (parts.length <= labels) continue;
    const suffix = parts.slice(-labels).join('.');
    groups.set(suffix, [...(groups.get(suffix) ?? []), name]);
  }
  return groups;
}

function hasOneOwner(suffix: string): boolean {
  return getPublicSuffix(suffix, { allowPrivateDomains: true }) !== suffix;
}
