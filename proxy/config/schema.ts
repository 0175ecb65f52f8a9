/**
 * The configuration file as a zod schema: the one source of its types, its defaults and `config/policy.schema.json`.
 * What one value alone cannot show to be wrong is in cross-checks.ts.
 */
import * as z from 'zod';
import { AUDIT_ROLES } from './audit-roles.js';
import { itemsOf } from './environment.js';
import { guardSection, serverName } from './guard-schema.js';
import { exemption, parentUrl } from './parent-scalars.js';
import { podSelector } from './pod-schema.js';
import { notifySection, otlpSection } from './receivers.js';
import {
  auditId,
  clientName,
  count,
  destination,
  destinationOrOff,
  dnsServer,
  duration,
  filePath,
  hostAddress,
  hostPattern,
  hostPort,
  hostPortOrOff,
  nat64Prefix,
  pathOrOff,
  portRange,
  prefix,
  reason,
  ruleName,
  serviceName,
  size,
  token,
  tokenOrOff,
  waitTime,
  word,
} from './scalars.js';
import { list, orElse, section } from './shapes.js';
import { ownName, searchSuffix, steerAddress } from './steer-scalars.js';

const ports = list(portRange, 'such as [443, "7800-7807"]').min(1, 'at least one port, such as [443]');
const ruleClients = list(clientName, 'such as [github]').min(1, 'at least one name of clients, such as [github]');

const rule = section({
  name: ruleName.optional(),
  host: hostPattern.optional(),
  address: prefix.optional(),
  ports: ports.optional(),
  clients: ruleClients.optional(),
});

const internalRule = section({
  name: ruleName.optional(),
  host: hostPattern.optional(),
  address: prefix.optional(),
  ports,
  clients: ruleClients.optional(),
});

const listen = section({
  proxy: hostPort.prefault('127.0.0.1:3128'),
  admin: hostPortOrOff.prefault('127.0.0.1:9180'),
  metrics: hostPortOrOff.prefault(null),
  socks: hostPortOrOff.prefault(null),
});

/** Eight addresses fill an answer over UDP (RFC 1035 section 2.3.4), whatever the name. */
const MOST_ADDRESSES = 8;

const steer = section({
  dns: hostPortOrOff.prefault(null),
  http: hostPortOrOff.prefault(null),
  tls: hostPortOrOff.prefault(null),
  address: orElse(
    textOr(list(steerAddress, 'such as [10.96.0.250, "fd00::250"]').max(MOST_ADDRESSES, 'at most 8 addresses')),
    [],
  ),
  names: orElse(textOrList(ownName, 'such as [egress-proxy.egress.svc.cluster.local]'), []),
  search: orElse(textOrList(searchSuffix, 'such as [svc.cluster.local, cluster.local]'), []),
  peers: orElse(textOrList(prefix, 'such as [10.244.0.0/16]'), []),
});

/** Of the place where the proxy runs. A text is a list as a variable holds it: separated by commas or spaces. */
const network = section({
  hostAddresses: orElse(
    textOrList(hostAddress, 'such as [203.0.113.7, "2001:db8::/64", home.example.net, gateway]'),
    [],
  ),
  toolsRange: orElse(textOrList(prefix, 'such as [172.31.250.64/26]'), []),
});

/** What `default: none` would refuse for lack of a rule becomes a question; without this section it is refused alone. */
const ask = section({
  hold: waitTime.prefault('0s'),
  perClient: count(1, 1000, 20).prefault(20),
  most: count(1, 10_000, 200).prefault(200),
  keep: duration.prefault('15m'),
});

/** Nothing in the file opens nothing: a missing `policy` or `default` is `none`. */
const policy = section({
  mode: word(['enforce', 'report']).prefault('enforce'),
  default: word(['public', 'none']).prefault('none'),
  sni: word(['enforce', 'log', 'off']).optional(),
  clients: word(['optional', 'required']).prefault('optional'),
  showAddresses: word(['named', 'all', 'none']).prefault('named'),
  deny: orElse(list(rule, 'such as [{ host: "*.example.net" }]'), []),
  internal: orElse(list(internalRule, 'such as [{ host: n8n, ports: [5678] }]'), []),
  allow: orElse(list(rule, 'such as [{ host: "*.github.com", ports: [443] }]'), []),
  nat64: orElse(list(nat64Prefix, 'such as ["2001:db8:64::/96"]'), []),
  private: orElse(textOrList(prefix, 'such as [34.118.224.0/20]'), []),
  ask: ask.nullable().prefault(null),
});

const client = section({
  name: clientName,
  token: token.optional(),
  next: token.optional(),
  address: prefix.optional(),
  default: word(['public', 'none']).optional(),
  mode: word(['enforce', 'report']).optional(),
  server: serverName.optional(),
  pods: podSelector.optional(),
});

const servicesOfRole = z.union([serviceName, list(serviceName, 'such as [web]')], {
  error: 'the name of a service or a list of names, such as [web]',
});

const suppression = section({
  id: auditId,
  service: serviceName.optional(),
  reason,
});

const audit = section({
  roles: orElse(section(Object.fromEntries(AUDIT_ROLES.map((role) => [role, servicesOfRole.optional()]))), {}),
  ignore: orElse(list(suppression, 'such as [{ id: image-unpinned, service: ollama, reason: "pinned in .env" }]'), []),
});

/** A parent proxy. Without `proxy` there is none, whatever else is here. */
const upstream = section({
  proxy: parentUrl.optional(),
  noProxy: orElse(textOrList(exemption, 'such as ["*.corp.example", "198.51.100.0/24"]'), []),
  resolve: word(['here', 'parent']).prefault('here'),
});

const limits = section({
  connections: count(1, 1_000_000, 4096).prefault(4096),
  connectionsPerClient: count(1, 1_000_000, 512).prefault(512),
  headerBytes: size('1KiB', '1MiB').prefault('16KiB'),
  headerFields: count(16, 10_000, 100).prefault(100),
  memory: size('16MiB', '1024GiB').optional(),
  headerTimeout: duration.prefault('10s'),
  connectTimeout: duration.prefault('10s'),
  idleTimeout: duration.prefault('5m'),
  drainTimeout: duration.prefault('30s'),
  drainDelay: waitTime.prefault('0s'),
});

const logFile = section({
  path: filePath,
  maxSize: size('64KiB', '1024GiB').prefault('10MiB'),
  keep: count(1, 1000, 5).prefault(5),
});

const log = section({
  level: word(['debug', 'info', 'warn', 'error']).prefault('info'),
  format: word(['json', 'pretty', 'ecs']).nullable().prefault(null),
  file: logFile.nullable().prefault(null),
});

export const documentSchema = section({
  version: z.literal(1, { error: 'the version of this format: 1' }),
  listen: orElse(listen, {}),
  admin: orElse(section({ token: tokenOrOff.optional(), next: token.optional() }), {}),
  dns: orElse(
    section({
      servers: orElse(list(dnsServer, 'such as ["9.9.9.9"]; empty: the servers of the system'), []),
      timeout: duration.prefault('3s'),
    }),
    {},
  ),
  steer: orElse(steer, {}),
  relay: orElse(
    list(
      section({ listen: hostPortOrOff, to: destination, outside: destinationOrOff.prefault(null) }),
      'such as [{ listen: "0.0.0.0:80", to: "a:80" }]',
    ),
    [],
  ),
  network: orElse(network, {}),
  policy: orElse(policy, {}),
  clients: orElse(list(client, 'such as [{ name: nas, address: 172.31.250.200/32 }]'), []),
  audit: orElse(audit, {}),
  state: orElse(section({ path: pathOrOff.optional() }), {}),
  guard: guardSection.nullish().transform((value) => value ?? null),
  notify: notifySection.nullable().prefault(null),
  otlp: otlpSection.nullable().prefault(null),
  upstream: orElse(upstream, {}),
  limits: orElse(limits, {}),
  log: orElse(log, {}),
});

/** The file, checked: addresses parsed, durations in ms, sizes in bytes, defaults filled in. */
export type PolicyDocument = z.output<typeof documentSchema>;
export type RuleDocument = z.output<typeof rule>;

/** The JSON Schema (draft 2020-12) of the file for editors. A value may hold `${NAME}` wherever it is a scalar. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(documentSchema, {
    io: 'input',
    override: ({ jsonSchema: node }) => {
      const { enum: words, pattern } = node;
      if (words === undefined && pattern === undefined) return;
      delete node.enum;
      delete node.pattern;
      node.anyOf = [words === undefined ? { pattern: pattern ?? '' } : { enum: words }, { pattern: '\\$\\{' }];
    },
  });
}

function textOrList<S extends z.ZodType>(item: S, example: string) {
  return textOr(list(item, example));
}

function textOr<S extends z.ZodType>(items: S) {
  return z.preprocess((value) => (typeof value === 'string' ? itemsOf(value) : value), items);
}
