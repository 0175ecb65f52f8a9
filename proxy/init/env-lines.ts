/** The lines of `.env` for one stack: settings that its override needs and does not have by default. */
import { posix } from 'node:path';
import { envLine } from './env-block.js';
import { FOLDER, OVERRIDE } from './layout.js';
import type { Stack } from './stack.js';
import type { StackFiles } from './stack-files.js';
import { DEFAULT_SUBNET, freeSubnet, rangeOf } from './subnet.js';
import type { Environment } from './variables.js';

/** What the override takes if EGRESS_PROXY_IMAGE is not set. */
export const DEFAULT_IMAGE = 'mcp-egress-proxy';

export interface Taken {
  /** Prefixes that the user names. */
  readonly avoid: readonly string[];
  /** Prefixes that the stack's files cannot know of: other networks of the engine and of the machine. */
  readonly taken: readonly string[];
}

/** Always written: they come last in the file, and so override whatever is above them. */
export function placeLines({ named, separator }: StackFiles): string[] {
  return [
    envLine('COMPOSE_PATH_SEPARATOR', separator),
    envLine('COMPOSE_FILE', [...named, OVERRIDE].join(separator)),
    envLine('EGRESS_PROXY_DIR', fromFirst(named[0] ?? '')),
  ];
}

/** Compose reads paths from the folder of its first file. */
function fromFirst(first: string): string {
  const path = first.replaceAll('\\', '/');
  const isElsewhere = path.startsWith('/') || /^[A-Za-z]:/.test(path);
  const from = isElsewhere ? FOLDER : posix.relative(posix.dirname(path), FOLDER);
  return from.startsWith('../') ? from : `./${from}`;
}

export function imageLines(image = DEFAULT_IMAGE): string[] {
  return image === DEFAULT_IMAGE ? [] : [envLine('EGRESS_PROXY_IMAGE', image)];
}

/**
 * No lines where the default is free. `previous`: the lines of an earlier run, whose choice is kept, because by now the engine
 * has given that subnet to this stack.
 */
export function rangeLines(
  stack: Stack,
  { avoid, taken }: Taken,
  env: Environment,
  previous: Environment | null,
): string[] {
  const own = env.get('MCP_TOOLS_SUBNET');
  if (own !== undefined && env.has('MCP_TOOLS_IP_RANGE') && env.has('EGRESS_PROXY_ADDRESS')) return [];
  const chosen = previous === null ? null : (previous.get('MCP_TOOLS_SUBNET') ?? DEFAULT_SUBNET);
  const others = [...stack.subnets, ...avoid, ...(chosen === null ? taken : [])];
  const range = own === undefined ? freeSubnet(others, chosen) : rangeOf(own);
  if (range.subnet === DEFAULT_SUBNET) return [];
  return [
    envLine('MCP_TOOLS_SUBNET', range.subnet),
    envLine('MCP_TOOLS_IP_RANGE', range.addresses),
    envLine('EGRESS_PROXY_ADDRESS', range.sidecar),
  ];
}
