/** The checked file -> the frozen Config with its Policy. */
import { createHash } from 'node:crypto';
import { parsePrefix } from '../core/address.js';
import type { Parent } from '../core/parent.js';
import type { Policy, Rule } from '../core/policy.js';
import { type RuleId, type RuleSection, ruleId } from '../core/rule.js';
import { isLocalhost, type LocalRanges } from '../core/special-purpose.js';
import { isPort, parseHost, parseHostPattern, type Target } from '../core/target.js';
import { AUDIT_ROLES } from './audit-roles.js';
import type { Cluster } from './cluster.js';
import { compileGuard } from './compile-guard.js';
import type { AskSettings, AuditSettings, ClientEntry, Config, FixedDestination, FixedRelay } from './config.js';
import type { ConfigWarning } from './config-error.js';
import { memoryForOthers, processMemory } from './memory-limit.js';
import type { HostPort } from './places.js';
import { compileNotify, compileOtlp } from './receivers.js';
import type { PolicyDocument, RuleDocument } from './schema.js';

/** What is known beside the file. */
export interface Surroundings {
  readonly warnings: readonly ConfigWarning[];
  readonly secretFiles: readonly string[];
  readonly cluster: Cluster;
}

export function compileConfig(document: PolicyDocument, { warnings, secretFiles, cluster }: Surroundings): Config {
  const { listen, admin, dns, steer, relay, limits, log } = document;
  const clients = document.clients.map(compileClient);
  const policy = compilePolicy(document.policy, clients);
  const { headerTimeout, connectTimeout, idleTimeout, drainTimeout, drainDelay, memory, ...counts } = limits;
  return deepFreeze({
    listen,
    admin: { token: admin.token ?? null, next: admin.next ?? null },
    dns: { servers: dns.servers, timeoutMs: dns.timeout },
    steer: { dns: steer.dns, http: steer.http, tls: steer.tls },
    answers: { address: steer.address, names: steer.names, search: steer.search, peers: steer.peers },
    relay: relay
      .flatMap(({ listen, to, outside }) => (listen === null ? [] : [{ listen, to, outside }]))
      .map((one, i) => compileRelay(one, i, policy)),
    network: { ...document.network, services: [...steer.address, ...cluster.services], apiServer: cluster.apiServer },
    policy,
    clients,
    ask: compileAsk(document.policy.ask),
    state: document.state.path,
    audit: compileAudit(document.audit),
    guard: document.guard && compileGuard(document.guard, clients),
    secretFiles,
    notify: document.notify && compileNotify(document.notify),
    otlp: document.otlp && compileOtlp(document.otlp),
    parent: compileParent(document.upstream, policy),
    limits: {
      ...counts,
      headerTimeoutMs: headerTimeout,
      connectTimeoutMs: connectTimeout,
      idleTimeoutMs: idleTimeout,
      drainTimeoutMs: drainTimeout,
      drainDelayMs: drainDelay,
      memoryBytes: memory ?? memoryForOthers(processMemory()),
    },
    log: { ...log, file: log.file && { path: log.file.path, maxSizeBytes: log.file.maxSize, keep: log.file.keep } },
    digest: digestOnce(policy, clients),
    warnings,
  });
}

/** The server name is enforced by default where destinations are: with `public` it only shows what is going on. */
function compilePolicy(document: PolicyDocument['policy'], clients: readonly ClientEntry[]): Policy {
  const forAll: Policy = {
    ...stance(document, document.default, document.mode),
    clients: document.clients,
    showAddresses: document.showAddresses,
    deny: document.deny.map((rule, i) => compileRule('deny', i, rule)),
    internal: document.internal.map((rule, i) => compileRule('internal', i, rule)),
    allow: document.allow.map((rule, i) => compileRule('allow', i, rule)),
    nat64: document.nat64,
    private: document.private,
    asks: document.ask !== null,
    paused: NOBODY,
    perClient: new Map(),
  };
  const apart = clients.filter((client) => client.default !== null || client.mode !== null);
  const perClient = apart.map(({ name, default: own, mode }): [string, Policy] => [
    name,
    { ...forAll, ...stance(document, own ?? forAll.default, mode ?? forAll.mode) },
  ]);
  return { ...forAll, perClient: new Map(perClient) };
}

const NOBODY: Policy['paused'] = { all: false, clients: new Set() };

/** Allows nothing but what `changes` opens. */
export function closedPolicy(changes: Partial<Policy> = {}): Policy {
  const lists = { deny: [], internal: [], allow: [], nat64: [], private: [], perClient: new Map() };
  const keys = { mode: 'enforce', default: 'none', sni: 'off', clients: 'optional', showAddresses: 'named' } as const;
  return { ...keys, ...lists, asks: false, paused: NOBODY, ...changes };
}

function stance(
  { sni }: PolicyDocument['policy'],
  own: Policy['default'],
  mode: Policy['mode'],
): Pick<Policy, 'mode' | 'default' | 'sni'> {
  return { mode, default: own, sni: sni ?? (own === 'none' ? 'enforce' : 'log') };
}

function compileRelay(
  relay: { listen: HostPort; to: HostPort; outside: HostPort | null },
  index: number,
  here: LocalRanges,
): FixedRelay {
  const { listen, outside } = relay;
  const id: RuleId = `relay[${index}]`;
  return {
    listen,
    ...compileDestination(relay.to, id, here),
    outside: outside === null ? null : compileDestination(outside, id, here),
  };
}

/** A name opens what it resolves to at a private-use address; a literal opens itself. */
function compileDestination(to: HostPort, id: RuleId, here: LocalRanges): FixedDestination {
  const host = parseHost(to.host.includes(':') ? `[${to.host}]` : to.host);
  if (!host.ok || !isPort(to.port)) throw new Error(`${id} is no destination`);
  const target: Target = { form: 'authority', scheme: null, host: host.value, port: to.port };
  const rule: Rule = {
    id,
    host: host.value.kind === 'name' ? parseHostPattern(host.value.name) : null,
    address: host.value.kind === 'literal' ? parsePrefix(host.value.address.text) : null,
    ports: [{ from: to.port, to: to.port }],
    clients: null,
  };
  return { to: target, policy: closedPolicy({ internal: [rule], nat64: here.nat64, private: here.private }) };
}

/** Its own policy opens the place that the file names, and nothing else; loopback only by its address or as `localhost`. */
function compileParent({ proxy, noProxy, resolve }: PolicyDocument['upstream'], here: LocalRanges): Parent | null {
  if (proxy === undefined) return null;
  const { protocol, credentials, at } = proxy;
  const host = isLocalhost(at.host) ? '127.0.0.1' : at.host;
  const { to, policy } = compileDestination({ ...at, host }, 'upstream', here);
  return { protocol, target: to, credentials, policy: { ...policy, allow: policy.internal }, noProxy, resolve };
}

function compileAsk(ask: PolicyDocument['policy']['ask']): AskSettings | null {
  if (ask === null) return null;
  const { hold, keep, ...counts } = ask;
  return { ...counts, holdMs: hold, keepMs: keep };
}

function compileAudit({ roles, ignore }: PolicyDocument['audit']): AuditSettings {
  const named = AUDIT_ROLES.flatMap((role) => {
    const services = roles[role];
    return services === undefined ? [] : [[role, typeof services === 'string' ? [services] : services] as const];
  });
  return {
    roles: Object.fromEntries(named),
    ignore: ignore.map(({ id, service, reason }) => ({ id, service: service ?? null, reason })),
  };
}

function compileRule(section: RuleSection, index: number, rule: RuleDocument): Rule {
  return {
    id: ruleId(section, index, rule.name ?? null),
    host: rule.host ?? null,
    address: rule.address ?? null,
    ports: rule.ports ?? null,
    clients: rule.clients === undefined ? null : new Set(rule.clients),
  };
}

function compileClient(client: PolicyDocument['clients'][number]): ClientEntry {
  return {
    name: client.name,
    token: client.token ?? null,
    next: client.next ?? null,
    address: client.address ?? null,
    default: client.default ?? null,
    mode: client.mode ?? null,
    server: client.server ?? null,
    pods: client.pods ?? null,
  };
}

/** Computed when it is first asked for, since node:crypto is not loaded before the doors are open. */
function digestOnce(policy: Policy, clients: readonly ClientEntry[]): () => string {
  let digest: string | null = null;
  return () => {
    digest ??= digestOf(policy, clients);
    return digest;
  };
}

/** Over what decides, and not over how it was written: the order of keys and the spelling of values do not matter. */
function digestOf(policy: Policy, clients: readonly ClientEntry[]): string {
  const rule = ({ id, host, address, ports, clients: names }: Rule) => [
    id,
    host?.text ?? null,
    address?.text ?? null,
    ports?.map(({ from, to }) => [from, to]) ?? null,
    names === null ? null : [...names].sort(),
  ];
  const canonical = JSON.stringify({
    allow: policy.allow.map(rule),
    clients: clients.map(({ name }) => name).sort(),
    perClient: [...policy.perClient].map(([name, own]) => [name, own.default, own.mode, own.sni]).sort(),
    default: policy.default,
    deny: policy.deny.map(rule),
    internal: policy.internal.map(rule),
    mode: policy.mode,
    nat64: policy.nat64.map(({ text }) => text),
    private: policy.private.map(({ text }) => text),
    sni: policy.sni,
    requires: policy.clients,
    showAddresses: policy.showAddresses,
    asks: policy.asks,
  });
  return createHash('sha256').update(canonical).digest('hex');
}

/** A Set or Map keeps its mutators when frozen; they are taken from it as well. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Set || value instanceof Map)
    for (const name of ['add', 'set', 'delete', 'clear']) Object.defineProperty(value, name, {});
  if (value instanceof Map) for (const item of value.values()) deepFreeze(item);
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}
