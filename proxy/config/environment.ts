/**
 * What the environment says of the place where the proxy runs, for files that have no key for it: a policy file is
 * carried from place to place, and one that was written before a key was there must not switch a protection off.
 */
import type { Environment } from './interpolate.js';

/** The document with `network` filled in: EGRESS_HOST_ADDRESSES adds to the file's list, EGRESS_TOOLS_RANGE stands in for a missing one. */
export function withEnvironment(root: unknown, env: Environment): unknown {
  if (!isMapping(root)) return root;
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

/** A list in one variable: its items are separated by commas or blanks. */
export function itemsOf(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter((item) => item !== '');
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
