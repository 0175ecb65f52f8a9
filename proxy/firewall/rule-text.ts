/** The complete text of a rule set in one of the two forms, as a template and filled in. */
import type { HostRules } from './host-rules.js';
import { iptablesRemovalTemplate, iptablesTemplate } from './iptables.js';
import { nftablesRemovalTemplate, nftablesTemplate } from './nftables.js';
import { expand, type Line, NO_VALUES, type SlotValues } from './template.js';

export type Format = 'iptables' | 'nftables';

export function rulesTemplate(format: Format, rules: HostRules): readonly Line[] {
  const head = { iptables: IPTABLES_HEAD, nftables: NFTABLES_HEAD }[format];
  const body = { iptables: iptablesTemplate, nftables: nftablesTemplate }[format](rules);
  return [...head, ...SCOPE, ...rules.notes.map((note) => `# ${note}`), '', ...body];
}

export function removalTemplate(format: Format): readonly Line[] {
  const head = { iptables: IPTABLES_HEAD, nftables: NFTABLES_HEAD }[format];
  const body = { iptables: iptablesRemovalTemplate, nftables: nftablesRemovalTemplate }[format]();
  return [...head, '# Removes the rules of mcp-egress-proxy and nothing else.', '', ...body];
}

export function rulesText(format: Format, rules: HostRules, values: SlotValues): string {
  return expand(rulesTemplate(format, rules), values);
}

export function removalText(format: Format): string {
  return expand(removalTemplate(format), NO_VALUES);
}

const IPTABLES_HEAD = ['#!/bin/sh', '# Written by `egress-proxy firewall --format iptables`. Apply: sh FILE, as root.'];
const NFTABLES_HEAD = [
  '#!/usr/sbin/nft -f',
  '# Written by `egress-proxy firewall --format nftables`. Apply: nft -f FILE, as root.',
];

const SCOPE: readonly Line[] = [
  '# Refuses what comes from these and goes to special-purpose or metadata addresses, to a resolver that is not named',
  '# here, or to the host itself. Replies to inbound connections and traffic inside the subnet pass.',
  { each: 'subnet4', text: '# subnet {}' },
  { each: 'subnet6', text: '# subnet {}' },
  { each: 'interface', text: '# interface {}, whatever the source address' },
  { each: 'egress4', text: '# subnet {}, to the host itself only' },
  { each: 'egress6', text: '# subnet {}, to the host itself only' },
  { each: 'egressInterface', text: '# interface {}, to the host itself only' },
  { each: 'dns4', text: '# resolver {}' },
  { each: 'dns6', text: '# resolver {}' },
];
