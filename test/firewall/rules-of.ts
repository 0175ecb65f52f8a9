/** What `egress-proxy firewall` prints for a policy of the test. */
import { parseArgs } from 'node:util';
import { FIREWALL_OPTIONS, firewallText } from '../../proxy/cli/firewall.js';
import type { Policy } from '../../proxy/core/policy.js';

export function rulesOf(policy: Policy, args: readonly string[]): string {
  return firewallText(parseArgs({ args: [...args], options: FIREWALL_OPTIONS }).values, policy);
}
