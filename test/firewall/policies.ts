/** Policies and addresses for the tests of the host rules. */
import type { FenceSource } from '../../proxy/cli/firewall-fence.js';
import { closedPolicy } from '../../proxy/config/compile.js';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import type { Policy, PortRange, Rule } from '../../proxy/core/policy.js';
import { parseHostPattern } from '../../proxy/core/target.js';

export function policy(changes: Partial<Policy> = {}): Policy {
  return closedPolicy({ default: 'public', ...changes });
}

export function rule(
  id: Rule['id'],
  parts: {
    readonly host?: string;
    readonly address?: string;
    readonly ports?: readonly PortRange[];
    readonly clients?: readonly string[];
  },
): Rule {
  return {
    id,
    host: parts.host === undefined ? null : parseHostPattern(parts.host),
    address: parts.address === undefined ? null : parsePrefix(parts.address),
    ports: parts.ports ?? null,
    clients: parts.clients === undefined ? null : new Set(parts.clients),
  };
}

export function port(number: number): PortRange {
  return { from: number, to: number };
}

export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address;
}

/** A configuration with this policy and nothing else of interest. */
export function sourceOf(of: Policy, changes: Partial<FenceSource> = {}): FenceSource {
  return { policy: of, dns: { servers: [], timeoutMs: 3000 }, parent: null, ...changes };
}
