/** A small reading of both Kubernetes forms: whether a connection of the gateway to an address gets out. */
import { parseAllDocuments } from 'yaml';
import { type Address, contains, parsePrefix } from '../../proxy/core/address.js';

export type Protocol = 'TCP' | 'UDP';

export interface Attempt {
  readonly address: Address;
  readonly protocol: Protocol;
  readonly port: number;
}

interface Port {
  readonly protocol: Protocol;
  readonly port?: number;
  readonly endPort?: number;
}

export interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: unknown;
  readonly podSelector?: unknown;
}

export interface EgressRule {
  readonly to: readonly Peer[];
  readonly ports: readonly Port[];
}

interface ClusterRule {
  readonly action: 'Deny' | 'Pass' | 'Accept';
  readonly to: readonly { readonly networks?: readonly string[] }[];
  readonly protocols?: readonly Readonly<Record<string, { destinationPort: ClusterPort }>>[];
}

interface ClusterPort {
  readonly number?: number;
  readonly range?: { readonly start: number; readonly end: number };
}

interface ClusterPolicy {
  readonly spec: { readonly priority: number; readonly egress: readonly ClusterRule[] };
}

/** Union of what is open: a NetworkPolicy refuses nothing. */
export function readNetworkPolicy(text: string): (attempt: Attempt) => boolean {
  const [document] = documents<{ spec: { egress: EgressRule[] } }>(text);
  return openBy(document?.spec.egress ?? []);
}

export function openBy(rules: readonly EgressRule[]): (attempt: Attempt) => boolean {
  for (const peer of rules.flatMap(({ to }) => to)) checkBlock(peer);
  return (attempt) =>
    rules.some(
      ({ to, ports }) => to.some((peer) => selects(peer, attempt)) && ports.some((port) => takes(port, attempt)),
    );
}

/** The API server refuses an exception that is not strictly inside its block. */
function checkBlock({ ipBlock }: Peer): void {
  if (ipBlock === undefined) return;
  const outer = prefixOf(ipBlock.cidr);
  for (const text of ipBlock.except ?? []) {
    const inner = prefixOf(text);
    if (inner.bits <= outer.bits || !contains(outer, inner.address))
      throw new Error(`${text} is not in ${ipBlock.cidr}`);
  }
}

function selects({ ipBlock }: Peer, { address }: Attempt): boolean {
  if (ipBlock === undefined || !contains(prefixOf(ipBlock.cidr), address)) return false;
  return !(ipBlock.except ?? []).some((text) => contains(prefixOf(text), address));
}

function takes({ protocol, port, endPort }: Port, attempt: Attempt): boolean {
  if (protocol !== attempt.protocol) return false;
  return port === undefined || (attempt.port >= port && attempt.port <= (endPort ?? port));
}

/** The first rule that matches, over all objects by their priority. */
export function readClusterPolicies(text: string): (attempt: Attempt) => boolean {
  const policies = documents<ClusterPolicy>(text).sort((a, b) => a.spec.priority - b.spec.priority);
  for (const { spec } of policies) checkBounds(spec.egress);
  const rules = policies.flatMap(({ spec }) => spec.egress);
  return (attempt) => rules.find((rule) => isAbout(rule, attempt))?.action === 'Pass';
}

/** What the schema of the custom resource bounds. */
function checkBounds(rules: readonly ClusterRule[]): void {
  const lists = [
    rules,
    ...rules.flatMap(({ to, protocols = [to[0]] }) => [to, protocols, ...to.map(({ networks }) => networks ?? [0])]),
  ];
  for (const list of lists) if (list.length === 0 || list.length > 25) throw new Error(`a list of ${list.length}`);
}

function isAbout({ to, protocols }: ClusterRule, attempt: Attempt): boolean {
  const networks = to.flatMap((peer) => peer.networks ?? []);
  if (!networks.some((text) => contains(prefixOf(text), attempt.address))) return false;
  return protocols?.some((one) => isPort(one[attempt.protocol.toLowerCase()]?.destinationPort, attempt.port)) ?? true;
}

function isPort(port: ClusterPort | undefined, wanted: number): boolean {
  if (port?.range !== undefined) return wanted >= port.range.start && wanted <= port.range.end;
  return port?.number === wanted;
}

function prefixOf(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return prefix;
}

function documents<T>(text: string): T[] {
  return parseAllDocuments(text).map((document): T => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}
