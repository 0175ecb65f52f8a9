/** The probe from the seat of a tool that the gateway spawned: a right set-up has no hole, and of each planted one it finds that one alone. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';

const TOOLS = 'hole-tools';
/** Without the option that takes the host's address away. */
const PLAIN = 'hole-plain';
/** Leads nowhere, so that nothing that a hole lets through leaves the machine. */
const INTERNET = 'hole-internet';
const SIDECAR = 'hole-sidecar';
const PROXY = '10.231.243.250';
const SITE = '45.45.46.45';
const SOCKET = process.env.DOCKER_SOCKET ?? '/var/run/docker.sock';
const HOSTLESS = [
  '-o',
  'com.docker.network.bridge.inhibit_ipv4=true',
  '-o',
  'com.docker.network.bridge.gateway_mode_ipv4=isolated',
];

const DOORS = {
  EGRESS_PROXY_LISTEN: `${PROXY}:3128`,
  EGRESS_STEER_DNS: `${PROXY}:53`,
  EGRESS_STEER_HTTP: `${PROXY}:80`,
  EGRESS_STEER_TLS: `${PROXY}:443`,
  EGRESS_RELAY_LISTEN: '0.0.0.0:8811',
  EGRESS_RELAY_TO: 'hole-gateway:8811',
};
const POLICY = `version: 1
listen: { proxy: "\${EGRESS_PROXY_LISTEN}", admin: "\${EGRESS_ADMIN_LISTEN:-127.0.0.1:9180}" }
admin: { token: "\${EGRESS_ADMIN_TOKEN:-off}" }
steer: { dns: "\${EGRESS_STEER_DNS:-off}", http: "\${EGRESS_STEER_HTTP:-off}", tls: "\${EGRESS_STEER_TLS:-off}" }
relay: [ { listen: "\${EGRESS_RELAY_LISTEN}", to: "\${EGRESS_RELAY_TO}" } ]
policy: { default: public, internal: INTERNAL }
`;
const VARIABLES = {
  HTTP_PROXY: 'http://egress-proxy:3128',
  HTTPS_PROXY: 'http://egress-proxy:3128',
  NO_PROXY: 'localhost,127.0.0.1,::1',
  http_proxy: 'http://egress-proxy:3128',
  https_proxy: 'http://egress-proxy:3128',
  no_proxy: 'localhost,127.0.0.1,::1',
};
/** A resolver of the network that forwards: it knows that no name exists. */
const NXDOMAIN = `const s = require('node:dgram').createSocket('udp4');
s.on('message', (q, p) => { const r = Buffer.from(q); r[2] |= 0x80; r[3] = 0x83; s.send(r, p.port, p.address); }).bind(53);
process.on('SIGTERM', () => process.exit(0));`;

interface Hole {
  readonly what: string;
  readonly areas: readonly string[];
  /** Of the tool. */
  readonly networks?: readonly string[];
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A container on the tools' network: its alias, and what it does. */
  readonly neighbour?: { readonly alias: string; readonly run: readonly string[]; readonly address?: string };
  /** Of the sidecar. */
  readonly doors?: Readonly<Record<string, string>>;
  readonly internal?: string;
}

const service = (port: number): readonly string[] => ['-e', `SERVICE_PORT=${port}`, 'mcp-egress-demo'];

const HOLES: readonly Hole[] = [
  {
    what: "the engine's socket in the tool",
    areas: ['docker-socket'],
    options: ['-v', `${SOCKET}:/var/run/docker.sock`],
  },
  {
    what: 'an engine that listens on the network',
    areas: ['docker-socket'],
    env: { DOCKER_HOST: 'tcp://hole-engine:2375' },
    neighbour: { alias: 'hole-engine', run: service(2375) },
  },
  {
    what: 'a service of the stack beside the tools',
    areas: ['stack'],
    neighbour: { alias: 'ops-controller', run: service(9000) },
  },
  { what: 'a second network with the host on its bridge', areas: ['host'], networks: [PLAIN] },
  { what: 'a second network that leads outside', areas: ['public', 'dns', 'udp'], networks: [INTERNET] },
  {
    what: 'NO_PROXY that exempts more than loopback',
    areas: ['variables'],
    env: { NO_PROXY: 'localhost,.internal,10.0.0.0/8' },
  },
  { what: 'a proxy variable without a scheme', areas: ['variables'], env: { HTTP_PROXY: 'egress-proxy:3128' } },
  {
    what: 'an exception of the policy for a private address',
    areas: ['through-proxy'],
    internal: '[ { address: 192.168.1.1/32, ports: [80] } ]',
  },
  {
    what: 'the admin API in reach of tools',
    areas: ['admin'],
    doors: { EGRESS_ADMIN_LISTEN: '0.0.0.0:9180', EGRESS_ADMIN_TOKEN: 'a-token-of-the-test' },
  },
  {
    what: 'a resolver that asks outside',
    areas: ['names'],
    options: ['--dns', '10.231.243.240'],
    neighbour: { alias: 'hole-dns', address: '10.231.243.240', run: ['mcp-egress-demo', 'node', '-e', NXDOMAIN] },
  },
  {
    what: 'a relay that serves tools',
    areas: ['relay'],
    doors: {
      EGRESS_PROXY_LISTEN: '0.0.0.0:3128',
      EGRESS_STEER_DNS: 'off',
      EGRESS_STEER_HTTP: 'off',
      EGRESS_STEER_TLS: 'off',
      EGRESS_RELAY_TO: 'hole-outer-gateway:8811',
    },
  },
];

let folder: string;
const CONTAINERS = [SIDECAR, 'hole-site', 'hole-gateway', 'hole-outer-gateway', 'hole-neighbour'];

before(async () => {
  await buildImages();
  folder = await mkdtemp(join(tmpdir(), 'egress-holes-'));
  await chmod(folder, 0o755);
  const create = ['network', 'create', '--internal'];
  await docker([...create, ...HOSTLESS, '--subnet', '10.231.243.0/24', '--ip-range', '10.231.243.64/26', TOOLS]);
  await docker([...create, '--subnet', '10.231.242.0/24', PLAIN]);
  await docker([...create, ...HOSTLESS, '--subnet', '45.45.46.0/24', '--ip-range', '45.45.46.64/26', INTERNET]);
  const run = ['run', '--detach', '--name'];
  await docker([...run, 'hole-site', '--network', INTERNET, '--ip', SITE, 'mcp-egress-demo', 'node', 'site.mjs']);
  await docker([...run, 'hole-gateway', '--network', TOOLS, '--network-alias', 'mcp-gateway', ...service(8811)]);
  await docker([...run, 'hole-outer-gateway', '--network', PLAIN, ...service(8811)]);
});
after(async () => {
  await tryDocker(['rm', '--force', ...CONTAINERS]);
  await tryDocker(['network', 'rm', TOOLS, PLAIN, INTERNET]);
  await rm(folder, { recursive: true });
});

async function startSidecar({ doors = {}, internal = '[]' }: Partial<Hole>): Promise<void> {
  await writeFile(join(folder, 'policy.yaml'), POLICY.replace('INTERNAL', internal));
  await tryDocker(['rm', '--force', SIDECAR]);
  const env = Object.entries({ EGRESS_CONFIG: '/policy/policy.yaml', ...DOORS, ...doors });
  const options = ['--name', SIDECAR, '--network', TOOLS, '--ip', PROXY, '--network-alias', 'egress-proxy'];
  const sysctls = ['net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0', 'net.ipv4.conf.all.rp_filter=1'];
  await docker([
    ...['create', ...options, '-v', `${folder}:/policy:ro`],
    ...sysctls.flatMap((value) => ['--sysctl', value]),
    ...env.flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    'mcp-egress-proxy',
  ]);
  for (const network of [PLAIN, INTERNET]) await docker(['network', 'connect', network, SIDECAR]);
  await docker(['start', SIDECAR]);
  await until(
    'it is ready',
    async () => (await tryDocker(['exec', SIDECAR, 'egress-proxy', 'healthcheck'])).code === 0,
  );
}

/** The areas in which the probe found something, from the seat of a spawned tool. */
async function found({
  networks = [],
  options = [],
  env = {},
}: Partial<Hole>): Promise<readonly [number, string[], string]> {
  // As docker/mcp-gateway starts its tools.
  const flags =
    '--rm --init --security-opt no-new-privileges --cpus 1 --memory 2Gb --pull never -l docker-mcp=true'.split(' ');
  const { code, stdout, stderr } = await tryDocker([
    ...['run', ...flags, ...[TOOLS, ...networks].flatMap((network) => ['--network', network])],
    ...Object.entries({ ...VARIABLES, ...env }).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
    ...[...options, 'mcp-egress-proxy', 'probe', '--json', '--public', `${SITE}:80`],
  ]);
  const { findings } = JSON.parse(stdout === '' ? `{"error":${JSON.stringify(stderr)}}` : stdout);
  const bad = findings.filter(({ state }: { state: string }) => state === 'open' || state === 'wrong');
  const areas: string[] = bad.map(({ area }: { area: string }) => area);
  const gateway = findings.find(
    ({ area, tried }: { area: string; tried: string }) => area === 'gateway' && tried.includes('mcp-gateway:'),
  );
  return [code, [...new Set(areas)].sort(), gateway?.state ?? ''];
}

test('a correct set-up has no hole, and the open port of the gateway is reported', async () => {
  await startSidecar({});
  assert.deepEqual(await found({}), [0, [], 'note']);
  assert.deepEqual(await found({ options: ['--dns', PROXY] }), [0, [], 'note']);
});

test('a container that the engine gave the first address of the network is not the host', async () => {
  const first = ['run', '--detach', '--name', 'hole-neighbour', '--network', TOOLS, '--ip', '10.231.243.1'];
  const { code, stderr } = await tryDocker([...first, ...service(8080)]);
  try {
    // Engines before 28 keep that address back for the gateway that the network does not have.
    if (code !== 0) assert.match(stderr, /already in use|no available/i);
    assert.deepEqual((await found({})).slice(0, 2), [0, []]);
  } finally {
    await tryDocker(['rm', '--force', 'hole-neighbour']);
  }
});

for (const hole of HOLES) {
  test(`found, and nothing else: ${hole.what}`, async () => {
    await startSidecar(hole);
    const { neighbour } = hole;
    if (neighbour !== undefined) {
      const at = neighbour.address === undefined ? [] : ['--ip', neighbour.address];
      const named = ['--name', 'hole-neighbour', '--network', TOOLS, '--network-alias', neighbour.alias];
      await docker(['run', '--detach', ...named, ...at, ...neighbour.run]);
    }
    try {
      const [code, areas] = await found(hole);
      assert.deepEqual(areas, [...hole.areas].sort());
      assert.equal(code, 1);
    } finally {
      await tryDocker(['rm', '--force', 'hole-neighbour']);
    }
  });
}
