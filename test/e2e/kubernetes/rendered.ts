/** What the tests need of the manifest that users apply: docker/kubernetes/install.yaml, rendered from the chart. */
import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments, stringify } from 'yaml';

const INSTALL = new URL('../../../../docker/kubernetes/install.yaml', import.meta.url);

export type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels?: Labels;
}

export interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface Port {
  readonly port?: number;
  readonly endPort?: number;
  readonly protocol?: 'TCP' | 'UDP';
}

export interface NetworkPolicy {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly Port[] }[];
    readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly Port[] }[];
  };
}

export interface ServicePort {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** The container's. */
  readonly target: number;
}

export interface Rendered {
  readonly policies: readonly NetworkPolicy[];
  readonly clusterIp: string;
  readonly service: readonly ServicePort[];
  /** Of the gateway's pods. */
  readonly gatewayLabels: Labels;
  /** Where the kubelet asks for readiness. */
  readonly readiness: { readonly path: string; readonly port: number; readonly periodSeconds: number };
  readonly toolsNamespace: { readonly name: string; readonly labels: Labels };
  /** The variables of a tool. */
  readonly clientEnv: Readonly<Record<string, string>>;
  /** The gateway's configuration, with sections in place of those that it has. */
  policyText(changes: Readonly<Record<string, unknown>>): string;
}

export function readRendered(): Rendered {
  const documents = parseAllDocuments(readFileSync(INSTALL, 'utf8')).map((one) => one.toJS());
  const all = (kind: string) => documents.filter((one) => one?.kind === kind);
  const named = (kind: string, name: string) => all(kind).find((one) => one.metadata.name === name);
  const template = named('Deployment', 'egress-proxy').spec.template;
  const [container] = template.spec.containers;
  const numberOf = (port: string | number): number =>
    container.ports.find((one: { name: string }) => one.name === port)?.containerPort ?? Number(port);
  const { spec: service } = named('Service', 'egress-proxy');
  const { httpGet, periodSeconds } = container.readinessProbe;
  const tools = named('Namespace', 'tools');
  const configured = parse(named('ConfigMap', 'egress-proxy').data['policy.yaml']);
  return {
    policies: all('NetworkPolicy'),
    clusterIp: service.clusterIP,
    service: service.ports.map((one: { port: number; protocol: 'TCP' | 'UDP'; targetPort: string }) => ({
      port: one.port,
      protocol: one.protocol,
      target: numberOf(one.targetPort),
    })),
    gatewayLabels: template.metadata.labels,
    readiness: { path: httpGet.path, port: numberOf(httpGet.port), periodSeconds },
    toolsNamespace: { name: tools.metadata.name, labels: tools.metadata.labels },
    clientEnv: named('ConfigMap', 'egress-proxy-client').data,
    policyText: (changes) => stringify(merged(configured, changes)),
  };
}

/** One level deep: a section keeps the keys that are not changed. */
function merged(
  before: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const isMapping = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = Object.entries(changes).map(([key, value]) => {
    const was = before[key];
    return [key, isMapping(was) && isMapping(value) ? { ...was, ...value } : value];
  });
  return { ...before, ...Object.fromEntries(entries) };
}
