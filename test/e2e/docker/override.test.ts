import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { docker, repository } from './docker.js';

/** The stack that the override was asked for: the gateway as its own compose file has it. */
function stack(gateway: string, networks = '[frontend, backend]', ports = '[ "8811:8811" ]'): string {
  const names = networks.slice(1, -1).split(', ');
  return `name: ai-toolkit
services:
  mcp-gateway:
    build: ./docker/mcp-gateway
    container_name: mcp-gateway
    volumes: [ "/var/run/docker.sock:/var/run/docker.sock", "./mcp:/mcp" ]
    ports: ${ports}
    restart: unless-stopped
${gateway.replace(/^/gm, '    ')}
  ops-controller:
    image: ops-controller
    networks: ${networks}
  dashboard:
    image: dashboard
    networks: ${networks}
    depends_on: [mcp-gateway]
networks:
${names.map((name) => `  ${name}: { name: ai-toolkit-${name} }`).join('\n')}
`;
}

const GATEWAYS: readonly (readonly [string, string])[] = [
  ['on the backend', stack('networks: [backend]')],
  ['on the frontend', stack('networks: [frontend]')],
  ['on both, with aliases', stack('networks: { frontend: { aliases: [mcp] }, backend: {} }')],
  ['in a stack that has one network only', stack('networks: [backend]', '[backend]')],
  [
    'with lists where the override has maps',
    stack('networks: [backend]\nenvironment: [MCP_PORT=8811]\ndepends_on: [ops-controller]'),
  ],
  [
    'with a long port and a health check',
    stack(
      'networks: [backend]\nhealthcheck: { test: [CMD, "true"] }',
      '[frontend, backend]',
      '[ { target: 8811, published: "8811" } ]',
    ),
  ],
];

interface Service {
  readonly networks?: Readonly<Record<string, { readonly aliases?: string[]; readonly ipv4_address?: string } | null>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[];
  readonly volumes?: readonly { readonly source: string; readonly target: string; readonly read_only?: boolean }[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly dns?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly container_name?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly logging?: unknown;
}

interface Merged {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function merged(t: TestContext, base: string, env: NodeJS.ProcessEnv = {}): Promise<Merged> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-override-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'docker-compose.yml'), base);
  await copyFile(join(repository, 'compose.override.yml'), join(folder, 'docker-compose.override.yml'));
  return JSON.parse(await docker(['compose', 'config', '--format', 'json'], { cwd: folder, env }));
}

function published(service: Service | undefined): unknown[] {
  return (service?.ports ?? []).map(({ host_ip, published: at, target }) => [host_ip, at, target]);
}

for (const [where, base] of GATEWAYS) {
  test(`a gateway ${where} ends up on the internal network only, its port with the relay`, async (t) => {
    const { services, networks } = await merged(t, base);
    const gateway = services['mcp-gateway'];
    const sidecar = services['egress-proxy'];
    assert.deepEqual(gateway?.networks, { 'mcp-tools': { aliases: ['mcp-gateway-tools'] } });
    assert.deepEqual(gateway?.ports ?? [], []);
    assert.equal(gateway?.container_name, 'mcp-gateway');
    assert.equal(networks['mcp-tools']?.internal, true);
    assert.deepEqual(networks['mcp-tools']?.driver_opts, {
      'com.docker.network.bridge.inhibit_ipv4': 'true',
      'com.docker.network.bridge.gateway_mode_ipv4': 'isolated',
    });
    assert.deepEqual(published(sidecar), [[undefined, '8811', 8811]]);
    const aliases = sidecar?.networks ?? {};
    assert.deepEqual([aliases.frontend?.aliases, aliases.backend?.aliases], [['mcp-gateway'], ['mcp-gateway']]);
    assert.equal(aliases['mcp-tools']?.aliases, undefined);
  });
}

test('the gateway gets what its old and its new versions need, and nothing that breaks its health check', async (t) => {
  const { services } = await merged(t, stack('networks: [backend]\nenvironment: { MCP_PORT: "8811" }'));
  const environment = services['mcp-gateway']?.environment ?? {};
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy']) {
    assert.equal(environment[name], 'http://egress-proxy:3128', name);
  }
  // BusyBox wget, with which its image checks its own health, takes http_proxy and knows no no_proxy.
  assert.equal(environment.http_proxy, undefined);
  assert.deepEqual(services['mcp-gateway']?.dns, ['172.31.250.250']);
  assert.equal(environment.DOCKER_MCP_ALLOW_INSECURE_REMOTE_URLS, '1');
  for (const name of ['NO_PROXY', 'no_proxy']) assert.equal(environment[name], 'localhost,127.0.0.1,::1');
  assert.equal(environment.MCP_PORT, '8811');
});

test('the sidecar is locked down, keeps its address, rotates its log and comes before the gateway', async (t) => {
  const { services } = await merged(t, stack('networks: [backend]\ndepends_on: [ops-controller]'));
  const sidecar = services['egress-proxy'];
  assert.equal(sidecar?.user, '65532:65532');
  assert.equal(sidecar?.read_only, true);
  assert.deepEqual(sidecar?.cap_drop, ['ALL']);
  assert.deepEqual(sidecar?.security_opt, ['no-new-privileges:true']);
  assert.deepEqual(sidecar?.logging, { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '5' } });
  const networks = sidecar?.networks ?? {};
  assert.equal(networks['mcp-tools']?.ipv4_address, '172.31.250.250');
  const dependencies = services['mcp-gateway']?.depends_on ?? {};
  assert.equal(dependencies['egress-proxy']?.condition, 'service_healthy');
  assert.equal(dependencies['ops-controller']?.condition, 'service_started');
  const [policy] = sidecar?.volumes ?? [];
  assert.match(policy?.source ?? '', /\/config$/);
  assert.deepEqual([policy?.target, policy?.read_only], ['/etc/egress-proxy', true]);
});

test('what a user may have to change is a variable', async (t) => {
  const { services, networks } = await merged(t, stack('networks: [backend]'), {
    MCP_TOOLS_SUBNET: '10.99.0.0/24',
    MCP_TOOLS_IP_RANGE: '10.99.0.0/25',
    EGRESS_PROXY_ADDRESS: '10.99.0.200',
    MCP_TOOLS_NETWORK: 'tools',
    MCP_EGRESS_NETWORK: 'out',
    MCP_GATEWAY_PUBLISH: '127.0.0.1:18811',
    MCP_GATEWAY_NAME: 'gateway',
    EGRESS_GATEWAY_PORT: '9911',
    EGRESS_PROXY_IMAGE: 'registry.test/egress:1',
    EGRESS_CONFIG_DIR: '/srv/policy',
  });
  assert.deepEqual(networks['mcp-tools']?.ipam, { config: [{ subnet: '10.99.0.0/24', ip_range: '10.99.0.0/25' }] });
  assert.deepEqual([networks['mcp-tools']?.name, networks.egress?.name], ['tools', 'out']);
  const sidecar = JSON.stringify(services['egress-proxy']);
  assert.deepEqual(published(services['egress-proxy']), [['127.0.0.1', '18811', 9911]]);
  for (const text of ['10.99.0.200:3128', '0.0.0.0:9911', 'mcp-gateway-tools:9911', 'gateway:9911']) {
    assert.ok(sidecar.includes(text), text);
  }
  for (const text of ['"aliases":["gateway"]', 'registry.test/egress:1', '"source":"/srv/policy"']) {
    assert.ok(sidecar.includes(text), text);
  }
});

test('MCP_GATEWAY_PORT is the port of the host, as in the stack itself', async (t) => {
  const { services } = await merged(t, stack('networks: [backend]'), { MCP_GATEWAY_PORT: '8899' });
  const sidecar = services['egress-proxy'];
  assert.deepEqual(published(sidecar), [[undefined, '8899', 8811]]);
  assert.equal(sidecar?.environment?.EGRESS_RELAY_TO, 'mcp-gateway-tools:8811');
});

test('the page is published with a token only, and the gateway not at all where the stack does not', async (t) => {
  const page = ['127.0.0.1', '9180', 9180];
  const gateway = [undefined, '8811', 8811];
  const cases: readonly (readonly [NodeJS.ProcessEnv, unknown[]])[] = [
    [{}, [gateway]],
    [{ EGRESS_ADMIN_TOKEN: 'secret' }, [gateway, page]],
    [{ EGRESS_ADMIN_TOKEN: 'secret', MCP_GATEWAY_PUBLISHED: 'no' }, [page]],
    [{ MCP_GATEWAY_PUBLISHED: 'no' }, []],
  ];
  for (const [env, ports] of cases) {
    const { services } = await merged(t, stack('networks: [backend]'), env);
    assert.deepEqual(published(services['egress-proxy']), ports, JSON.stringify(env));
    assert.deepEqual(
      Object.keys(services).filter((name) => name.startsWith('egress-ports')),
      [],
      'what only lends its ports is no part of the stack',
    );
  }
});

test('a token for the clients of the gateway is handed on, and a value of the stack stays without one', async (t) => {
  const base = stack('networks: [backend]\nenvironment: { MCP_GATEWAY_AUTH_TOKEN: of-the-stack }');
  const tokenOf = async (env: NodeJS.ProcessEnv): Promise<string | undefined> =>
    (await merged(t, base, env)).services['mcp-gateway']?.environment?.MCP_GATEWAY_AUTH_TOKEN;
  assert.equal(await tokenOf({}), 'of-the-stack');
  assert.equal(await tokenOf({ MCP_GATEWAY_AUTH_TOKEN: 'ours' }), 'ours');
});

test('neither the sidecar nor the gateway routes packets of others', async (t) => {
  const { services } = await merged(t, stack('networks: [backend]'));
  for (const name of ['egress-proxy', 'mcp-gateway']) {
    assert.deepEqual(
      services[name]?.sysctls,
      {
        'net.ipv4.ip_forward': '0',
        'net.ipv6.conf.all.forwarding': '0',
        'net.ipv4.conf.all.rp_filter': '1',
      },
      name,
    );
  }
});

test('newer engines give the first address of a network away: tools get theirs from elsewhere', async (t) => {
  const { networks } = await merged(t, stack('networks: [backend]'));
  assert.deepEqual(networks['mcp-tools']?.ipam, {
    config: [{ subnet: '172.31.250.0/24', ip_range: '172.31.250.64/26' }],
  });
});

test("the gateway's part alone does for it what the override does, but for the guard", async (t) => {
  const { folder, services } = await mergedFiles(t, ['docker/compose.tools.yml', 'docker/compose.gateway.yml']);
  const whole = (await merged(t, stack('networks: [backend]'))).services['mcp-gateway'];
  const alone = services['mcp-gateway'];
  assert.deepEqual(alone?.networks, whole?.networks);
  assert.deepEqual(alone?.ports ?? [], []);
  assert.deepEqual([alone?.dns, alone?.sysctls, alone?.cap_drop], [whole?.dns, whole?.sysctls, whole?.cap_drop]);
  const shared = Object.entries(whole?.environment ?? {}).filter(([name]) => !name.startsWith('DOCKER_HOST'));
  assert.deepEqual(alone?.environment, Object.fromEntries(shared));
  assert.ok((alone?.volumes ?? []).some(({ target }) => target === '/root/.docker/config.json'));
  assert.deepEqual(published(services['egress-proxy']), [['127.0.0.1', '8811', 8811]], folder);
  assert.equal(services['egress-proxy']?.environment?.EGRESS_RELAY_TO, 'mcp-gateway-tools:8811');
});

/** These files of the repository over the base, by their paths. */
async function mergedFiles(t: TestContext, files: readonly string[]): Promise<Merged & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-override-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'docker-compose.yml'), stack('networks: [backend]'));
  const named = ['docker-compose.yml', ...files.map((file) => join(repository, file))].flatMap((file) => ['-f', file]);
  return { folder, ...JSON.parse(await docker(['compose', ...named, 'config', '--format', 'json'], { cwd: folder })) };
}
