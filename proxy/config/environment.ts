/**
 * What the environment says of the place where the proxy runs, for files that have no key for it: a policy file is
 * carried from place to place, and one that was written before a key was there must not switch a protection off.
 */
import type { Environment } from './interpolate.js';

/** The document with `network`, `guard` and `state` filled in. */
export function withEnvironment(root: unknown, env: Environment): unknown {
  return isMapping(root) ? withState(withGuard(withNetwork(root, env), env), env) : root;
}

type Mapping = Readonly<Record<string, unknown>>;

/**
 * EGRESS_LEASES says that there is a guard, and where its leases are. A file without a section `guard` is older than the
 * guard: its tools go on working, from any image that is there; what else a tool may have is the guard's to set.
 */
function withGuard(root: Mapping, env: Environment): Mapping {
  if (!env.EGRESS_LEASES) return root;
  const { guard = null } = root;
  if (guard !== null && !isMapping(guard)) return root;
  const place = {
    leases: env.EGRESS_LEASES,
    ...(env.MCP_TOOLS_NETWORK ? { network: env.MCP_TOOLS_NETWORK } : {}),
    ...(env.EGRESS_GUARD_DNS ? { dns: env.EGRESS_GUARD_DNS } : {}),
  };
  return { ...root, guard: { ...place, ...(guard ?? { images: OLDER_IMAGES }) } };
}

/** Pulled: those of the catalog. Run: what is there. */
const OLDER_IMAGES = ['docker.io/mcp/*', '*'];

/** EGRESS_STATE stands in for a missing `state`. */
function withState(root: Mapping, env: Environment): Mapping {
  const { state = null } = root;
  return env.EGRESS_STATE && state === null ? { ...root, state: { path: env.EGRESS_STATE } } : root;
}

/** EGRESS_HOST_ADDRESSES adds to the file's list, EGRESS_TOOLS_RANGE stands in for a missing one. */
function withNetwork(root: Mapping, env: Environment): Mapping {
  const { network = {} } = root;
  const added = itemsOf(env.EGRESS_HOST_ADDRESSES);
  const range = itemsOf(env.EGRESS_TOOLS_RANGE);
  if (added.length + range.length === 0 || !(network === null || isMapping(network))) return root;
  const { hostAddresses, toolsRange } = network ?? {};
  const known = typeof hostAddresses === 'string' ? itemsOf(hostAddresses) : (hostAddresses ?? []);
  if (!Array.isArray(known)) return root;
  return {
    ...root,
    network: { ...network, hostAddresses: [...known, ...added], toolsRange: toolsRange ?? range },
  };
}

/** A list in one variable: its items are separated by commas or spaces. */
export function itemsOf(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter((item) => item !== '');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
