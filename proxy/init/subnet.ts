/** A subnet for the tools' network that overlaps no other one. */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import { InitError } from './init-error.js';

export interface ToolsRange {
  readonly subnet: string;
  /** From here the engine gives addresses to tools. */
  readonly addresses: string;
  /** The sidecar's, outside it. */
  readonly sidecar: string;
}

/** Those of compose.override.yml. */
export const DEFAULT_SUBNET = '172.31.250.0/24';
const CANDIDATES = [
  DEFAULT_SUBNET,
  ...[250, 240, 230, 220, 210, 200].flatMap((n) => [`10.231.${n}.0/24`, `192.168.${n}.0/24`]),
];

/** `taken`: prefixes; anything else is skipped. `preferred` comes first. Throws an InitError if all are taken. */
export function freeSubnet(taken: readonly string[], preferred: string | null): ToolsRange {
  const others = taken.flatMap((text) => parsePrefix(text) ?? []);
  const isFree = (candidate: string): boolean => {
    const prefix = parsePrefix(candidate);
    return prefix !== null && !others.some((other) => overlap(prefix, other));
  };
  const found = [...(preferred === null ? [] : [preferred]), ...CANDIDATES].find(isFree);
  if (found === undefined) throw new InitError('every subnet that was tried is in use: set MCP_TOOLS_SUBNET in .env');
  return rangeOf(found);
}

/** The same places in the subnet as in compose.override.yml. Only for a /24: any other needs all three variables set by hand. */
export function rangeOf(subnet: string): ToolsRange {
  const [, start] = /^(\d+\.\d+\.\d+)\.0\/24$/.exec(subnet) ?? [];
  if (start === undefined)
    throw new InitError(`MCP_TOOLS_SUBNET=${subnet}: set MCP_TOOLS_IP_RANGE and EGRESS_PROXY_ADDRESS, too`);
  return { subnet, addresses: `${start}.64/26`, sidecar: `${start}.250` };
}

function overlap(a: Prefix, b: Prefix): boolean {
  return contains(a, b.address) || contains(b, a.address);
}
