/** What both Kubernetes forms of the proxy's own egress policy say of it: whose it is, and where it may ask for names. */
import type { Prefix } from '../core/address.js';

export type Labels = Readonly<Record<string, string>>;

/** Who answers the gateway's DNS questions: pods by their labels, or an address. */
export type DnsPeer =
  | { readonly kind: 'pods'; readonly namespace: string; readonly labels: Labels }
  | { readonly kind: 'address'; readonly prefix: Prefix; readonly port: number };

/** A parent proxy at a literal address. */
export interface ParentPeer {
  readonly prefix: Prefix;
  readonly port: number;
}

export interface Fence {
  readonly namespace: string;
  readonly dns: readonly DnsPeer[];
  readonly parents: readonly ParentPeer[];
  readonly notes: readonly string[];
}

export const FENCE_NAME = 'egress-proxy-gateway';

/** The labels of the gateway's pods, as the chart sets them. */
export const GATEWAY_LABELS: Labels = {
  'app.kubernetes.io/name': 'egress-proxy',
  'app.kubernetes.io/component': 'gateway',
};

/** The label that every namespace has (Kubernetes 1.21). */
export const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';

export const KUBE_DNS: DnsPeer = { kind: 'pods', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };

/** `key: value` lines; quoted, so that YAML takes no value for a number or a boolean. */
export function labelLines(labels: Labels): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
}

/** Two spaces further in. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** The lines as one item of a list. */
export function item(lines: readonly string[]): string[] {
  return lines.map((line, i) => `${i === 0 ? '- ' : '  '}${line}`);
}

/** As comments, at the head of the file. */
export function head(format: string, notes: readonly string[]): string[] {
  return [
    `# Written by \`egress-proxy firewall --format ${format}\`. Apply: kubectl apply -f FILE`,
    '# What the gateway itself may reach: names, and the addresses that its policy may ever allow. A second fence: the',
    '# proxy decides by name, port and client, and this holds where the proxy errs. IPv6 addresses in ISATAP form (RFC',
    '# 5214), which no prefix can name, are for the proxy alone to refuse.',
    ...notes.map((note) => `# ${note}`),
  ];
}
