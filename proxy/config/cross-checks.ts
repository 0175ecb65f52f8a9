/**
 * What only two values together, or a value and the range table, show to be wrong. Reads the file's plain values and not
 * the schema's result, so that one mistake does not hide another.
 */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import { isLoopbackHost } from '../core/loopback.js';
import { RANGES } from '../core/special-purpose.js';
import { type Issue, nearest, type Path } from './config-error.js';
import { itemsOf } from './environment.js';
import { guardIssues } from './guard-checks.js';
import { podIssues } from './pod-checks.js';
import { privateIssues } from './private-ranges.js';
import { hostPortOrOff } from './scalars.js';

type Mapping = Readonly<Record<string, unknown>>;

const RULE_KEYS = ['name', 'host', 'address', 'ports', 'clients'];

export function findSemanticIssues(root: unknown): Issue[] {
  const file = mapping(root);
  const policy = mapping(file.policy);
  const clients = list(file.clients);
  const nat64 = list(policy.nat64).flatMap((text) => prefixOf(text) ?? []);
  const names = [...new Set(clients.map((client) => mapping(client).name).filter((name) => typeof name === 'string'))];
  const senders = ['notify', 'otlp'].filter((name) => isMapping(file[name]));
  const rules = (['deny', 'internal', 'allow'] as const).flatMap((kind) =>
    list(policy[kind]).flatMap((rule, i) => {
      const path = ['policy', kind, i];
      if (!isMapping(rule)) return [];
      const own = kind === 'internal' ? internalIssues(rule, path) : ruleIssues(rule, path);
      const before = list(policy[kind]).slice(0, i);
      const others = [...nameIssues(rule, path, before), ...addressIssues(rule, path, nat64)];
      return [...own, ...others, ...clientReferenceIssues(rule, path, [...names, ...senders])];
    }),
  );
  return [
    ...adminIssues(file),
    ...nextIssues(mapping(file.admin), ['admin']),
    ...rules,
    ...nat64Issues(policy),
    ...privateIssues(itemsOrList(policy.private)),
    ...clientIssues(clients),
    ...senderIssues(clients, senders),
    ...podIssues(clients),
    ...guardIssues(file.guard, names),
  ];
}

/** Without a token anyone who reaches the port reads who asked for what. */
function adminIssues(file: Mapping): Issue[] {
  const text = mapping(file.listen).admin;
  const parsed = hostPortOrOff.safeParse(text ?? null);
  if (!parsed.success || parsed.data === null || isLoopbackHost(parsed.data.host)) return [];
  const { token = 'off' } = mapping(file.admin);
  if (token !== 'off') return [];
  const expected = `a token, such as \${EGRESS_ADMIN_TOKEN}, because listen.admin (${String(text)}) is not loopback`;
  return [{ path: ['admin', 'token'], value: undefined, expected }];
}

function ruleIssues(rule: Mapping, path: Path): Issue[] {
  if ('host' in rule && 'address' in rule) return [bothIssue(rule, path)];
  if ('host' in rule || 'address' in rule || 'ports' in rule || hasOther(rule, RULE_KEYS)) return [];
  if (path[1] === 'deny' && 'clients' in rule) return [];
  return [{ path, value: rule, expected: 'at least one of host, address and ports, such as { ports: [25] }' }];
}

function internalIssues(rule: Mapping, path: Path): Issue[] {
  const issues: Issue[] = [];
  if ('host' in rule && 'address' in rule) issues.push(bothIssue(rule, path));
  if (!('host' in rule || 'address' in rule || hasOther(rule, RULE_KEYS)))
    issues.push({ path, value: rule, expected: 'a host or an address, such as { host: n8n, ports: [5678] }' });
  return issues;
}

/** Records say `allow:NAME`: two rules of one list must not be called the same. */
function nameIssues({ name }: Mapping, path: Path, before: readonly unknown[]): Issue[] {
  const first = typeof name === 'string' ? before.findIndex((other) => mapping(other).name === name) : -1;
  if (first < 0) return [];
  const expected = `a unique name: ${path[0]}.${path[1]}[${first}] has the same`;
  return [{ path: [...path, 'name'], value: name, expected }];
}

function bothIssue(rule: Mapping, path: Path): Issue {
  return { path, value: rule, expected: 'host or address, not both: write two rules' };
}

/** The policy judges the IPv4 address inside these, so that a rule for the outer form would match nothing. */
function addressIssues(rule: Mapping, path: Path, nat64: readonly Prefix[]): Issue[] {
  const prefix = prefixOf(rule.address);
  const inner = RANGES.filter((range) => range.disposition === 'inner').map((range) => range.prefix);
  if (prefix === null || ![...inner, ...nat64].some((outer) => covers(outer, prefix))) return [];
  const expected = 'the IPv4 prefix inside, such as 198.51.100.0/24, since rules are matched with that';
  return [{ path: [...path, 'address'], value: rule.address, expected }];
}

function clientReferenceIssues(rule: Mapping, path: Path, names: readonly string[]): Issue[] {
  return list(rule.clients).flatMap((name, i) => {
    if (typeof name !== 'string' || names.includes(name)) return [];
    const near = nearest(name, names);
    const known = names.length === 0 ? 'an entry under clients (there is none)' : `one of clients: ${names.join(', ')}`;
    return [
      { path: [...path, 'clients', i], value: name, expected: near ? `${known} (did you mean ${near}?)` : known },
    ];
  });
}

/** A prefix over a range that nothing opens would be a way around it: what lies in it is judged by its inner address. */
function nat64Issues(policy: Mapping): Issue[] {
  return list(policy.nat64).flatMap((text, i) => {
    const prefix = prefixOf(text);
    const clash = RANGES.find(
      ({ disposition, prefix: range }) =>
        disposition === 'never' && range.text !== '64:ff9b:1::/48' && prefix !== null && overlap(range, prefix),
    );
    if (clash === undefined) return [];
    const expected = `a prefix such as 2001:db8:64::/96: this one overlaps ${clash.prefix.text} (${clash.name})`;
    return [{ path: ['policy', 'nat64', i], value: text, expected }];
  });
}

function clientIssues(clients: readonly unknown[]): Issue[] {
  return clients.flatMap((client, i) => {
    if (!isMapping(client)) return [];
    const path = ['clients', i];
    const before = clients.slice(0, i);
    const issues: Issue[] = (['name', 'token', 'next', 'address', 'server'] as const).flatMap((key) => {
      const own = identityOf(client[key]);
      const keys = key === 'token' || key === 'next' ? ['token', 'next'] : [key];
      const has = (other: unknown): boolean => keys.some((one) => identityOf(mapping(other)[one]) === own);
      const first = own === null ? -1 : before.findIndex(has);
      const expected = `a unique ${key}: clients[${first}] has the same`;
      return first < 0 ? [] : [{ path: [...path, key], value: client[key], expected }];
    });
    issues.push(...nextIssues(client, path));
    if (hasOther(client, ['name'])) return issues;
    const expected =
      'a token, an address, a server of the spawn guard, or pods, such as { name: nas, address: 172.31.250.200/32 }';
    return [...issues, { path, value: client, expected }];
  });
}

/** An exception for what the proxy itself sends must be nobody else's. */
function senderIssues(clients: readonly unknown[], senders: readonly string[]): Issue[] {
  return clients.flatMap((client, i) => {
    const { name } = mapping(client);
    if (typeof name !== 'string' || !senders.includes(name)) return [];
    const expected = `another name: ${name} is the proxy's own client in a file with the section ${name}`;
    return [{ path: ['clients', i, 'name'], value: name, expected }];
  });
}

/** The second of two secrets: there is a first one. At the end of a rotation both are the same for a while. */
function nextIssues({ token, next }: Mapping, path: Path): Issue[] {
  if (next === undefined || next === null) return [];
  const at = [...path, 'next'];
  if (token === undefined || token === null || token === 'off') {
    return [{ path: at, value: next, expected: 'a token beside it, for next to replace' }];
  }
  return [];
}

/** A misspelt key has its own error, and may be the one that is missed. */
function hasOther(value: Mapping, known: readonly string[]): boolean {
  return Object.keys(value).some((key) => !known.includes(key));
}

function identityOf(value: unknown): string | null {
  return typeof value === 'string' ? (parsePrefix(value)?.text ?? value) : null;
}

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.bits <= inner.bits && contains(outer, inner.address);
}

function overlap(a: Prefix, b: Prefix): boolean {
  return covers(a, b) || covers(b, a);
}

function prefixOf(value: unknown): Prefix | null {
  return typeof value === 'string' ? parsePrefix(value) : null;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function itemsOrList(value: unknown): readonly unknown[] {
  return typeof value === 'string' ? itemsOf(value) : list(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
