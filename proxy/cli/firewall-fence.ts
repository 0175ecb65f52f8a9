/** The formats of Kubernetes of the command `firewall`: the gateway's own egress policy, for `kubectl apply`. */
import type { Config } from '../config/config.js';
import { type Address, type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import { clusterNetworkPolicyText } from '../firewall/cluster-network-policy.js';
import { type DnsPeer, type Fence, KUBE_DNS } from '../firewall/gateway-fence.js';
import { gatewayRules } from '../firewall/gateway-rules.js';
import { networkPolicyText } from '../firewall/network-policy.js';
import { UsageError } from './command.js';

/** What of the configuration the gateway itself has to reach. */
export type FenceSource = Pick<Config, 'policy' | 'dns' | 'parent'>;

type FenceFormat = 'networkpolicy' | 'clusternetworkpolicy';

interface FenceOptions {
  readonly format: FenceFormat;
  readonly namespace: string;
  /** Empty: `dns.servers` of the configuration, and without these kube-dns. */
  readonly dns: readonly DnsPeer[];
}

interface Values {
  readonly format?: string | undefined;
  readonly namespace?: string | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly 'dns-pods'?: readonly string[] | undefined;
  readonly remove?: boolean | undefined;
}

/** Options of the host rules, which mean nothing here. */
const OF_HOSTS = ['subnet', 'interface', 'egress', 'egress-interface'] as const;
/** RFC 1123. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL_KEY = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?$/;

/** Null for the formats of a host. Throws a UsageError that names every mistake. */
export function fenceOptions(
  values: Values & Partial<Record<(typeof OF_HOSTS)[number], unknown>>,
): FenceOptions | null {
  const { format, namespace = 'egress' } = values;
  if (format !== 'networkpolicy' && format !== 'clusternetworkpolicy') return null;
  const errors: string[] = OF_HOSTS.flatMap((name) =>
    values[name] === undefined ? [] : [`--${name} is not for ${format}`],
  );
  if (values.remove === true) errors.push(`--remove is not for ${format}: use kubectl delete -f FILE`);
  if (!NAMESPACE.test(namespace)) errors.push(`--namespace ${namespace}: expected the name of a namespace`);
  const taken = [...(values.dns ?? []).map(takeAddress), ...(values['dns-pods'] ?? []).map(takePods)];
  const dns = taken.flatMap((one) => (typeof one === 'string' ? [] : [one]));
  errors.push(...taken.filter((one) => typeof one === 'string'));
  if (errors.length > 0) throw new UsageError(errors.join('\nfirewall: '));
  return { format, namespace, dns };
}

export function fenceText({ format, namespace, dns }: FenceOptions, source: FenceSource): string {
  const text = { networkpolicy: networkPolicyText, clusternetworkpolicy: clusterNetworkPolicyText }[format];
  return text(gatewayRules(source.policy), fenceOf(source, namespace, dns));
}

/** `named`: who answers DNS, if anybody was named. */
export function fenceOf({ dns, parent }: FenceSource, namespace: string, named: readonly DnsPeer[]): Fence {
  const configured = dns.servers.flatMap(serverPeers);
  const host = parent?.target.host;
  const parents =
    parent !== null && host?.kind === 'literal' ? [{ ...only(host.address), port: parent.target.port }] : [];
  return {
    namespace,
    dns: [named, configured, [KUBE_DNS]].find((some) => some.length > 0) ?? [],
    parents,
    notes:
      host?.kind === 'name'
        ? ['upstream.proxy is a name, whose addresses are not known here: add a rule for them.']
        : [],
  };
}

function serverPeers(server: string): DnsPeer[] {
  const peer = takeAddress(server);
  return typeof peer === 'string' ? [] : [peer];
}

/** Node-local DNS is at a link-local address; a metadata service stays closed. */
function takeAddress(text: string): DnsPeer | string {
  const { address, port } = splitPort(text);
  if (address === null || port < 1 || port > 65_535)
    return `--dns ${text}: expected an IPv4 or IPv6 address, with or without a port`;
  const kind = classify(address, TABLE_ALONE).is;
  if (kind.kind !== 'global' && kind.metadata) return `--dns ${text}: this is ${kind.what}, which nothing opens`;
  return { kind: 'address', ...only(address), port };
}

function splitPort(text: string): { readonly address: Address | null; readonly port: number } {
  const whole = parseAddress(text);
  if (whole !== null) return { address: whole, port: 53 };
  const [, four, six, port] = /^(?:([\d.]+)|\[([\da-fA-F:.]+)\]):(\d{1,5})$/.exec(text) ?? [];
  return { address: parseAddress(four ?? six ?? ''), port: Number(port) };
}

function takePods(text: string): DnsPeer | string {
  const [, namespace = '', pairs = ''] = /^([^/]+)\/(.+)$/.exec(text) ?? [];
  const labels = pairs.split(',').map((pair) => pair.split('='));
  const isRight = labels.every(
    ([key = '', value, ...rest]) =>
      LABEL_KEY.test(key) && value !== undefined && LABEL_VALUE.test(value) && rest.length === 0,
  );
  if (!NAMESPACE.test(namespace) || !isRight) return `--dns-pods ${text}: expected NAMESPACE/KEY=VALUE[,KEY=VALUE]`;
  return { kind: 'pods', namespace, labels: Object.fromEntries(labels) };
}

function only(address: Address): { readonly prefix: Prefix } {
  const prefix = parsePrefix(address.text);
  if (prefix === null) throw new Error(`${address.text} is no address`);
  return { prefix };
}
