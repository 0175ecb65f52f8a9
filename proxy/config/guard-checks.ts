/** What only two values of the section `guard` together show to be wrong. */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import type { Issue } from './config-error.js';

type Mapping = Readonly<Record<string, unknown>>;

/** `clients`: the names of the entries under `clients`. */
export function guardIssues(guard: unknown, clients: readonly string[]): Issue[] {
  if (!isMapping(guard)) return [];
  const servers = isMapping(guard.servers) ? Object.entries(guard.servers) : [];
  const ranges = servers.flatMap(([name, server]) => {
    const prefix = isMapping(server) ? prefixOf(server.addresses) : null;
    return prefix === null ? [] : [{ name, prefix }];
  });
  return [
    ...servers.flatMap(([name, server]) => (isMapping(server) ? clientIssue(name, server, clients) : [])),
    ...ranges.flatMap((range, i) => overlapIssue(range, ranges.slice(0, i))),
    ...servers.flatMap(([name, server]) => nestedBindIssues(name, server, servers)),
    ...sameFolderIssue(guard),
  ];
}

function clientIssue(name: string, { client }: Mapping, clients: readonly string[]): Issue[] {
  if (typeof client !== 'string' || clients.includes(client)) return [];
  const known = clients.length === 0 ? 'there is none' : clients.join(', ');
  return [
    {
      path: ['guard', 'servers', name, 'client'],
      value: client,
      expected: `the name of an entry of clients (${known})`,
    },
  ];
}

/** Each of the two would have the other one's addresses. */
function overlapIssue(
  { name, prefix }: { readonly name: string; readonly prefix: Prefix },
  before: readonly { readonly name: string; readonly prefix: Prefix }[],
): Issue[] {
  const other = before.find((one) => contains(one.prefix, prefix.address) || contains(prefix, one.prefix.address));
  if (other === undefined) return [];
  const expected = `addresses of its own: guard.servers.${other.name} has ${other.prefix.text}`;
  return [{ path: ['guard', 'servers', name, 'addresses'], value: prefix.text, expected }];
}

/** Whoever may write in a folder can replace what lies below it by a link, which the next mount follows. */
function nestedBindIssues(name: string, server: unknown, servers: readonly (readonly [string, unknown])[]): Issue[] {
  const written = servers.flatMap(([owner, one]) =>
    bindsOf(one).flatMap(({ source, readOnly }) => (readOnly === false ? [{ owner, source }] : [])),
  );
  return bindsOf(server).flatMap(({ source }, i) => {
    const above = written.find((one) => source !== one.source && source.startsWith(`${one.source}/`));
    if (above === undefined) return [];
    const expected = `a path outside ${above.source}, in which guard.servers.${above.owner} may write`;
    return [{ path: ['guard', 'servers', name, 'binds', i, 'source'], value: source, expected }];
  });
}

function bindsOf(server: unknown): { readonly source: string; readonly readOnly: unknown }[] {
  const binds: unknown = isMapping(server) ? server.binds : null;
  return (Array.isArray(binds) ? binds : []).map((bind: unknown) => {
    const { source = '', readOnly }: Mapping = isMapping(bind) ? bind : {};
    return { source: typeof source === 'string' ? source : '', readOnly };
  });
}

/** The gateway sees the folder of the socket: with the leases in it, it could rename every tool. */
function sameFolderIssue({ listen, leases }: Mapping): Issue[] {
  if (typeof listen !== 'string' || typeof leases !== 'string') return [];
  const folder = listen.slice(0, listen.lastIndexOf('/'));
  const isBelow = leases === folder || leases.startsWith(`${folder}/`) || folder.startsWith(`${leases}/`);
  if (!isBelow) return [];
  return [
    {
      path: ['guard', 'leases'],
      value: leases,
      expected: 'a folder other than that of guard.listen, which the gateway sees',
    },
  ];
}

function prefixOf(value: unknown): Prefix | null {
  return typeof value === 'string' ? parsePrefix(value) : null;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
