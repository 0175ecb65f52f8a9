/** What a Kubernetes cluster says to each of its pods, by variables that the kubelet sets. */
import { type Address, parseAddress } from '../core/address.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import type { Environment } from './interpolate.js';

export interface Cluster {
  /** Null: the proxy is in no cluster, or the variable holds a name. */
  readonly apiServer: Address | null;
  /** Addresses of the Service in front of the proxy. */
  readonly services: readonly Address[];
}

export function isInCluster(env: Environment): boolean {
  return (env.KUBERNETES_SERVICE_HOST ?? '') !== '';
}

/** Only addresses count: what a name means can change. */
export function clusterOf(env: Environment): Cluster {
  const services = Object.keys(env).filter((name) => OWN_SERVICE.test(name));
  return {
    apiServer: effectiveAddress(env.KUBERNETES_SERVICE_HOST),
    services: services.flatMap((name) => effectiveAddress(env[name]) ?? []),
  };
}

/** Of a Service called `egress-proxy`, or with a prefix before it, as Helm names the release. */
const OWN_SERVICE = /^(?:[A-Z0-9_]+_)?EGRESS_PROXY_SERVICE_HOST$/;

/** Destinations are judged by the IPv4 address inside an IPv4-mapped one. */
function effectiveAddress(text = ''): Address | null {
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  return address === null ? null : classify(address, TABLE_ALONE).effective;
}
