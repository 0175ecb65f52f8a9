/** The command `firewall`: prints the host's packet filter rules of the same policy. It changes nothing itself. */
import { parseAddress, parsePrefix } from '../core/address.js';
import type { Policy } from '../core/policy.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import { hostRules } from '../firewall/host-rules.js';
import { removalText, rulesText } from '../firewall/rule-text.js';
import type { SlotValues } from '../firewall/template.js';
import { type Command, command, EXIT, type Io, UsageError } from './command.js';
import { configPath, readConfiguration } from './configuration.js';
import { type FenceSource, fenceOptions, fenceText } from './firewall-fence.js';

export const FIREWALL_OPTIONS = {
  config: { type: 'string' },
  subnet: { type: 'string', multiple: true },
  interface: { type: 'string', multiple: true },
  egress: { type: 'string', multiple: true },
  'egress-interface': { type: 'string', multiple: true },
  dns: { type: 'string', multiple: true },
  'dns-pods': { type: 'string', multiple: true },
  namespace: { type: 'string' },
  format: { type: 'string' },
  remove: { type: 'boolean' },
} as const;

const SYNOPSIS = `--subnet CIDR [--subnet CIDR ...] [--interface NAME ...] [--dns ADDRESS ...]
                             [--egress CIDR ...] [--egress-interface NAME ...]
                             [--format iptables|nftables] [--remove] [--config FILE]
       egress-proxy firewall --format networkpolicy|clusternetworkpolicy [--namespace NAME]
                             [--dns ADDRESS[:PORT] ...] [--dns-pods NAMESPACE/KEY=VALUE[,KEY=VALUE] ...]
                             [--config FILE]`;

const DETAILS = `  Prints the host's packet filter rules for the tools' network, or the proxy's own egress policy for Kubernetes.
  It changes nothing: pipe the rules into sh (iptables) or nft -f -, the policy into kubectl apply -f -.
  --subnet CIDR            a subnet of the tools: one for IPv4, one for IPv6
  --interface NAME         a bridge of the tools, whatever source addresses they use
  --egress CIDR            a subnet of the proxy's own network: from there only the host itself is refused
  --egress-interface NAME  the bridge of that network
  --dns ADDRESS            a DNS server that may be asked
  --dns-pods NAMESPACE/KEY=VALUE   the pods that answer DNS, by their labels
  --namespace NAME         the namespace of the proxy (egress)
  --remove                 prints the commands that remove the rules
  exit code: 0 printed, 78 the configuration cannot be used`;

export const firewallCommand = firewallFor((path, io) => readConfiguration(configPath(path), io));

/** The command over the configuration that `configOf` finds; null, after its own message, where that is bad. */
export function firewallFor(configOf: (path: string | undefined, io: Io) => FenceSource | null): Command {
  return command({
    name: 'firewall',
    synopsis: SYNOPSIS,
    details: DETAILS,
    options: FIREWALL_OPTIONS,
    async run(values, _operands, io) {
      const fence = fenceOptions(values);
      const slots = fence === null ? slotsOf(values) : null;
      const config = configOf(values.config, io);
      if (config === null) return EXIT.badConfig;
      if (fence !== null) io.stdout(fenceText(fence, config));
      if (slots === null) return EXIT.ok;
      io.stdout(textOf(values, slots, config.policy));
      if (values.remove !== true && slots.subnet6.length + slots.interface.length === 0) io.stderr(IPV4_ONLY);
      return EXIT.ok;
    },
  });
}

const FORMATS = 'iptables, nftables, networkpolicy, clusternetworkpolicy';
const IPV4_ONLY =
  'firewall: warning: only IPv4 subnets are named, so these rules do not stop IPv6. If the network has IPv6, name its subnet or bridge as well.\n';

/** The text alone. Throws a UsageError that names every mistake. */
export function firewallText(values: Values, policy: Policy): string {
  return textOf(values, slotsOf(values), policy);
}

function textOf({ format, remove }: Values, slots: SlotValues, policy: Policy): string {
  const form = format === 'nftables' ? 'nftables' : 'iptables';
  return remove === true ? removalText(form) : rulesText(form, hostRules(policy), slots);
}

interface Values {
  readonly 'dns-pods'?: readonly string[] | undefined;
  readonly namespace?: string | undefined;
  readonly subnet?: readonly string[] | undefined;
  readonly interface?: readonly string[] | undefined;
  readonly egress?: readonly string[] | undefined;
  readonly 'egress-interface'?: readonly string[] | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly format?: string | undefined;
  readonly remove?: boolean | undefined;
}

/** Throws a UsageError that names every mistake. */
function slotsOf(values: Values): SlotValues {
  const errors: string[] = [];
  const take = (texts: readonly string[] | undefined, read: (text: string) => Taken): string[] => {
    const taken = (texts ?? []).map(read);
    errors.push(...taken.flatMap((one) => (one.ok ? [] : [one.error])));
    return [...new Set(taken.flatMap((one) => (one.ok ? [one.text] : [])))];
  };
  const found = {
    subnets: take(values.subnet, (text) => takeSubnet('--subnet', text)),
    interfaces: take(values.interface, (text) => takeInterface('--interface', text)),
    egress: take(values.egress, (text) => takeSubnet('--egress', text)),
    egressInterfaces: take(values['egress-interface'], (text) => takeInterface('--egress-interface', text)),
    resolvers: take(values.dns, takeResolver),
  };
  const { format = 'iptables' } = values;
  if (format !== 'iptables' && format !== 'nftables') errors.push(`--format is one of ${FORMATS}`);
  if (values['dns-pods'] !== undefined)
    errors.push(`--dns-pods is for networkpolicy and clusternetworkpolicy, not for ${format}`);
  if (values.namespace !== undefined)
    errors.push(`--namespace is for networkpolicy and clusternetworkpolicy, not for ${format}`);
  if (found.subnets.length === 0 && values.remove !== true && errors.length === 0)
    errors.push('--subnet is missing: name the subnet of the tools, such as 172.31.250.0/24');
  if (errors.length > 0) throw new UsageError(errors.join('\nfirewall: '));
  return slots(found);
}

type Taken = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string };

function takeSubnet(option: string, text: string): Taken {
  const prefix = text.includes('/') ? parsePrefix(text) : null;
  if (prefix === null)
    return bad(
      `${option} ${text}: expected a subnet such as 172.31.250.0/24, with no bits set after the prefix length`,
    );
  if (prefix.bits === 0) return bad(`${option} ${text}: this is every address, the host's own included`);
  return { ok: true, text: prefix.text };
}

/** Port 53 of a metadata address would be open, and nothing opens these. */
function takeResolver(text: string): Taken {
  const address = parseAddress(text);
  if (address === null) return bad(`--dns ${text}: expected an IPv4 or IPv6 address`);
  const kind = classify(address, TABLE_ALONE).is;
  if (kind.kind === 'never') return bad(`--dns ${text}: this is ${kind.what}, which nothing opens`);
  return { ok: true, text: `${address.text}/${address.family === 4 ? 32 : 128}` };
}

/** The kernel's limit is 15 bytes; the characters are those that need no quoting in either form. */
function takeInterface(option: string, text: string): Taken {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(text))
    return bad(`${option} ${text}: expected the name of a bridge, at most 15 letters, digits, _ . or -`);
  return { ok: true, text };
}

interface Found {
  readonly subnets: readonly string[];
  readonly interfaces: readonly string[];
  readonly egress: readonly string[];
  readonly egressInterfaces: readonly string[];
  readonly resolvers: readonly string[];
}

function slots({ subnets, interfaces, egress, egressInterfaces, resolvers }: Found): SlotValues {
  const isIPv6 = (text: string) => text.includes(':');
  const isIPv4 = (text: string) => !isIPv6(text);
  return {
    subnet4: subnets.filter(isIPv4),
    subnet6: subnets.filter(isIPv6),
    interface: interfaces,
    egress4: egress.filter(isIPv4),
    egress6: egress.filter(isIPv6),
    egressInterface: egressInterfaces,
    dns4: resolvers.filter(isIPv4),
    dns6: resolvers.filter(isIPv6),
  };
}

function bad(error: string): Taken {
  return { ok: false, error };
}
