/** What a valid configuration says that can hardly be intended. */
import { contains, type Prefix } from '../core/address.js';
import { isLoopbackHost } from '../core/loopback.js';
import { isInCluster } from './cluster.js';
import type { Path } from './config-error.js';
import type { Environment } from './interpolate.js';
import { isWide } from './private-ranges.js';
import type { PolicyDocument } from './schema.js';

export interface Warning {
  readonly path: Path;
  /** A sentence without a full stop, to follow the path. */
  readonly message: string;
}

export function findWarnings(document: PolicyDocument, env: Environment): Warning[] {
  return [
    ...idleAllowRules(document),
    ...borrowedAddresses(document),
    ...narrowPods(document),
    ...namesForParent(document),
    ...wideRanges(document),
    ...(isInCluster(env) ? shortNames(document) : openMetrics(document)),
  ];
}

/** An `allow` rule decides only where the default is `none`: for all, or for a client that it is for. */
function idleAllowRules({ policy, clients }: PolicyDocument): Warning[] {
  const defaultOf = (name: string): string => clients.find((client) => client.name === name)?.default ?? policy.default;
  const everyone = [policy.default, ...clients.map(({ name }) => defaultOf(name))];
  return policy.allow.flatMap((rule, i) => {
    const defaults = rule.clients?.map(defaultOf) ?? everyone;
    if (defaults.includes('none')) return [];
    const message = 'this rule changes nothing: what it allows is allowed by the default (public) already';
    return [{ path: ['policy', 'allow', i], message }];
  });
}

/** A pod has no name while the API server does not answer, so a name must not be all that confines it. */
function narrowPods({ clients, policy }: PolicyDocument): Warning[] {
  if (policy.clients === 'required') return [];
  return clients.flatMap((client, i) => {
    if (client.pods === undefined || client.token !== undefined) return [];
    const isOwn = client.default === 'none' && policy.default === 'public';
    const isDenied = policy.deny.some((rule) => rule.clients?.includes(client.name) === true);
    const isHeld = client.mode === 'enforce' && policy.mode === 'report';
    if (!isOwn && !isDenied && !isHeld) return [];
    const message = `while the API server does not answer, nobody is recognized as ${client.name}, and its narrower rules do not apply: set policy.clients to required`;
    return [{ path: ['clients', i, 'pods'], message }];
  });
}

/** A client by its address alone, where the engine gives that address to any container. */
function borrowedAddresses({ clients, network }: PolicyDocument): Warning[] {
  return clients.flatMap(({ name, address, token }, i) => {
    if (address === undefined || token !== undefined) return [];
    const range = network.toolsRange.find((prefix) => overlaps(prefix, address));
    if (range === undefined) return [];
    const message = `whoever has ${address.text} is taken for ${name}, and the engine may assign addresses of ${range.text} to any container: choose one outside that range, or a token`;
    return [{ path: ['clients', i, 'address'], message }];
  });
}

/** A weakening that somebody has chosen, and is reminded of. */
function namesForParent({ upstream }: PolicyDocument): Warning[] {
  if (upstream.proxy === undefined || upstream.resolve === 'here') return [];
  const message =
    'the parent proxy resolves names anew: what it connects to was not vetted here, and no rule by address applies to names that only it can resolve';
  return [{ path: ['upstream', 'resolve'], message }];
}

/** The key is for a network; this is a part of the internet. */
function wideRanges({ policy }: PolicyDocument): Warning[] {
  return policy.private.flatMap((range, i) => {
    if (!isWide(range)) return [];
    const message = `${range.text} contains a large part of the internet: without an exception under internal, no tool reaches any of it`;
    return [{ path: ['policy', 'private', i], message }];
  });
}

/** In a cluster a NetworkPolicy says who comes to it; elsewhere, nothing does. */
function openMetrics({ listen, steer, network }: PolicyDocument): Warning[] {
  const { metrics, proxy, socks } = listen;
  const doors = [proxy, socks, steer.dns, steer.http, steer.tls];
  const isEverywhere = doors.some((door) => door?.host === '0.0.0.0' || door?.host === '::');
  if (metrics === null || isLoopbackHost(metrics.host) || !isEverywhere || network.toolsRange.length > 0) return [];
  const message =
    'tools can read it, too: the doors listen on every address, and only network.toolsRange says which addresses belong to tools. Set it';
  return [{ path: ['listen', 'metrics'], message }];
}

/** The search list of the proxy's pod begins with the proxy's own namespace, and knows no other one. */
function shortNames({ policy }: PolicyDocument): Warning[] {
  return policy.internal.flatMap(({ host }, i) => {
    if (host === undefined || host.text.includes('.')) return [];
    const message = `${host.text} can only be a Service of the proxy's own namespace: write the whole name, such as ${host.text}.default.svc.cluster.local`;
    return [{ path: ['policy', 'internal', i, 'host'], message }];
  });
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a.bits <= b.bits ? a : b, (a.bits <= b.bits ? b : a).address);
}
