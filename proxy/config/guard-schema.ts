/** The section `guard` of the configuration file. In code nothing is allowed by leaving something out: no image is listed. */
import * as z from 'zod';
import {
  absolutePath,
  capability,
  containerUser,
  cpus,
  engineName,
  imagePattern,
  ipv4OrOff,
  ipv4Prefix,
  pathOrOff,
} from './guard-scalars.js';
import { clientName, count, hostPortOrOff, size, word } from './scalars.js';
import { list, orElse, section } from './shapes.js';

/** What the label `docker-mcp-name` of a tool says. */
export const serverName = engineName(
  'the name of an MCP server, such as "github": 1 to 64 letters, digits, ".", "_" or "-"',
  /^[A-Za-z0-9._-]{1,64}$/,
);

const networkName = engineName(
  'the name of a Docker network, such as "ai-toolkit-mcp-tools"',
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/,
);
const volumeName = engineName('the name of a volume, such as "claude-memory"', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/);

const memory = size('6MiB', '1024GiB');
const pids = count(1, 32_768, 256);
const capabilities = list(capability, 'such as [SETUID, SETGID]');

const bind = section({
  source: absolutePath,
  target: absolutePath.optional(),
  readOnly: z.boolean({ error: 'true or false' }).prefault(true),
});

const volume = section({
  name: volumeName,
  target: absolutePath.optional(),
  readOnly: z.boolean({ error: 'true or false' }).prefault(false),
});

const server = section({
  image: imagePattern.optional(),
  client: clientName.optional(),
  addresses: ipv4Prefix.optional(),
  network: word(['tools', 'none']).prefault('tools'),
  binds: orElse(list(bind, 'such as [{ source: /srv/project }]'), []),
  volumes: orElse(list(volume, 'such as [{ name: claude-memory, target: /app/dist }]'), []),
  user: containerUser.optional(),
  capabilities: capabilities.optional(),
  readOnly: z.boolean({ error: 'true or false' }).prefault(false),
  limits: orElse(
    section({ memory: memory.optional(), cpus: cpus.optional(), pids: pids.optional(), shm: memory.optional() }),
    {},
  ),
});

const limits = section({
  containers: count(1, 1000, 32).prefault(32),
  memory: memory.prefault('2GiB'),
  cpus: cpus.prefault(1),
  pids: pids.prefault(256),
  shm: memory.prefault('64MiB'),
});

const defaults = section({
  addresses: ipv4Prefix.optional(),
  capabilities: orElse(capabilities, []),
  logs: word(['none', 'local']).prefault('none'),
  unknownServers: word(['run', 'refuse']).prefault('run'),
});

export const guardSection = section({
  listen: absolutePath.prefault('/run/egress-guard/docker.sock'),
  engine: absolutePath.prefault('/var/run/docker.sock'),
  leases: pathOrOff.prefault(null),
  network: networkName.prefault('ai-toolkit-mcp-tools'),
  dns: ipv4OrOff.prefault(null),
  proxy: hostPortOrOff.prefault('egress-proxy:3128'),
  socks: hostPortOrOff.prefault(null),
  images: orElse(list(imagePattern, 'such as ["docker.io/mcp/*"]'), []),
  pull: word(['listed', 'never']).prefault('listed'),
  limits: orElse(limits, {}),
  defaults: orElse(defaults, {}),
  servers: orElse(z.record(serverName, server, { error: 'a mapping of servers by their names' }), {}),
});

export type GuardDocument = z.output<typeof guardSection>;
