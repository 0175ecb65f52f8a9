/** Finds two clients that would have the same pods: a pod belongs to one client, or to nobody. */
import type { Issue } from './config-error.js';

type Mapping = Readonly<Record<string, unknown>>;

/** Reads the plain values of the file. Whether two selectors that might overlap do so is found out when a pod appears. */
export function podIssues(clients: readonly unknown[]): Issue[] {
  const selectors = clients.map((client) => (isMapping(client) && isMapping(client.pods) ? client.pods : null));
  return selectors.flatMap((selector, i) => {
    if (selector === null) return [];
    const first = selectors.slice(0, i).findIndex((other) => other !== null && meets(selector, other));
    const expected = `pods of its own: a pod that matches clients[${first}] as well would belong to neither. Give both the same label with different values`;
    return first < 0 ? [] : [{ path: ['clients', i, 'pods'], value: selector, expected }];
  });
}

/** True where every pod of one is a pod of the other. */
function meets(a: Mapping, b: Mapping): boolean {
  if (a.namespace !== b.namespace || !isMapping(a.labels) || !isMapping(b.labels)) return false;
  return isPartOf(a.labels, b.labels) || isPartOf(b.labels, a.labels);
}

function isPartOf(part: Mapping, whole: Mapping): boolean {
  return Object.entries(part).every(([key, value]) => whole[key] === value);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
