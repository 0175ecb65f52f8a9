import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { callTool, decisions, PROJECT, SITE_ADDRESS, startDemo, stopDemo, TOOLS_NETWORK } from './demo-stack.js';
import { docker, inspect, repository, tryDocker, until } from './docker.js';

const SCRIPT = readFileSync(`${repository}/test/e2e/docker/ways-out.sh`, 'utf8');
const SHOW = `${PROJECT}-show-1`;
const PLAIN_NETWORK = 'egress-demo-plain-internal';

/** Listens on every address of the host, as many a service does. */
let hostService: Server;
let hostPort: string;

before(async () => {
  hostService = createServer((_request, response) => response.end('the host was reached\n'));
  await new Promise<void>((resolve) => hostService.listen(0, '0.0.0.0', resolve));
  hostPort = String((hostService.address() as AddressInfo).port);
  await startDemo();
});

after(async () => {
  hostService.close();
  await stopDemo();
});

/** docker0, every bridge of the engine and the addresses of the machine itself. */
function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

test('a tool that the gateway started reaches the public site by HTTP and HTTPS, through the proxy variables', async () => {
  for (const scheme of ['http', 'https']) {
    const { code, stdout, stderr } = await callTool('fetch', [`${scheme}://site.demo.test/`]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `public site, over ${scheme}, asked for site.demo.test\n`);
  }
  const seen = async (): Promise<Record<string, unknown>[]> =>
    (await decisions()).filter(({ host }) => host === 'site.demo.test');
  const doors = async (): Promise<Set<unknown>> => new Set((await seen()).map(({ door }) => door));
  await until('a record of each door', async () => (await doors()).size === 2);
  assert.deepEqual(await doors(), new Set(['absolute', 'connect']));
  assert.ok((await seen()).every(({ outcome, dialed }) => outcome === 'allow' && dialed === SITE_ADDRESS));
});

test('the demo prints what the README says', async () => {
  const readme = readFileSync(`${repository}/README.md`, 'utf8');
  const block = /```\n(a public site over HTTP\n.*?)```/s.exec(readme)?.[1];
  assert.ok(block !== undefined);
  const printed = (): Promise<string> => docker(['logs', SHOW]);
  await until('the demo is through', async () => (await printed()).includes('past the proxy\n'));
  await until('its last line', async () => (await inspect(SHOW)).State.Running === false);
  assert.equal(await printed(), block);
});

test('it runs with the flags of the real gateway, on its networks, with every proxy variable', async () => {
  const running = callTool('shell', [], 'exec tail -f /dev/null');
  const list = ['ps', '--quiet', '--filter', 'label=docker-mcp=true', '--filter', 'label=docker-mcp-name=shell'];
  await until('the tool runs', async () => (await docker(list)).trim() !== '');
  const { Config, HostConfig, NetworkSettings, Name } = await inspect((await docker(list)).trim());
  await docker(['kill', Name.slice(1)]);
  await running;
  assert.deepEqual(Object.keys(NetworkSettings.Networks), [TOOLS_NETWORK]);
  assert.deepEqual([HostConfig.NanoCpus, HostConfig.Memory], [1e9, 2 * 1024 ** 3]);
  assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges']);
  const proxies = Config.Env.filter((variable) => /_proxy=/i.test(variable)).sort();
  const url = 'http://egress-proxy:3128';
  assert.deepEqual(proxies, [
    `HTTPS_PROXY=${url}`,
    `HTTP_PROXY=${url}`,
    // Set by the spawn guard, for Node's fetch.
    'NODE_USE_ENV_PROXY=1',
    'NO_PROXY=localhost,127.0.0.1,::1',
    `http_proxy=${url}`,
    `https_proxy=${url}`,
    'no_proxy=localhost,127.0.0.1,::1',
  ]);
});

test('it reaches the one service that the policy makes an exception for, and no other', async () => {
  assert.equal((await callTool('fetch', ['http://n8n:5678/'])).stdout, 'n8n was reached\n');
  for (const target of ['http://n8n:5679/', 'http://ops-controller:9000/', 'http://egress-proxy:9180/']) {
    const { stdout } = await callTool('fetch', [target]);
    assert.equal(JSON.parse(stdout).error, 'egress-denied', target);
  }
});

test('probe finds every other way out closed', async () => {
  const targets = hostAddresses().flatMap((address) => [
    '--target',
    `${address}:${hostPort}`,
    '--target',
    `${address}:8811`,
  ]);
  const { code, stdout } = await callTool('probe', ['--json', '--public', `${SITE_ADDRESS}:80`, ...targets]);
  const { findings } = JSON.parse(stdout);
  const bad = findings.filter(({ state }: { state: string }) => state === 'open' || state === 'wrong');
  assert.deepEqual(bad, []);
  assert.equal(code, 0);
  assert.ok(findings.length > 60);
});

test('a shell with curl finds every other way out closed', async () => {
  const { code, stdout } = await callTool('shell', [SITE_ADDRESS, hostPort, ...hostAddresses()], SCRIPT);
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.startsWith('OPEN')),
    [],
  );
  assert.ok(stdout.split('\n').length > 30, stdout);
  assert.equal(code, 0);
});

test('on a plain internal network the same script and probe find the hole to the host', async (t) => {
  await docker(['network', 'create', '--internal', PLAIN_NETWORK]);
  t.after(() => docker(['network', 'rm', PLAIN_NETWORK]));
  const inside = ['run', '--rm', '-i', '--network', PLAIN_NETWORK];
  const script = await tryDocker([...inside, 'mcp-egress-demo', 'sh', '-s', '--', SITE_ADDRESS, hostPort], {
    input: SCRIPT,
  });
  const open = script.stdout.split('\n').filter((line) => line.startsWith('OPEN'));
  assert.match(open[0] ?? '', /^OPEN +host service on /, script.stdout);
  assert.equal(script.code, open.length);
  const probe = await tryDocker([...inside, 'mcp-egress-proxy', 'probe', '--public', `${SITE_ADDRESS}:80`]);
  assert.match(probe.stdout, /^OPEN +host and bridge/m);
  assert.match(probe.stdout, /inhibit_ipv4/);
  assert.equal(probe.code, 1);
});

test('the network of the tools has no address of the host and no next hop', async () => {
  const { stdout } = await callTool('shell', [], 'cat /proc/net/route; cat /proc/net/if_inet6');
  const nextHops = [...stdout.matchAll(/^eth0\t\w{8}\t(\w{8})\t/gm)].map(([, hop]) => hop);
  assert.deepEqual(nextHops, ['00000000'], stdout);
  assert.doesNotMatch(stdout, /eth0$/m, 'no IPv6 address');
  const [network] = JSON.parse(await docker(['network', 'inspect', TOOLS_NETWORK]));
  assert.equal(network.Internal, true);
  const bridge = `br-${network.Id.slice(0, 12)}`;
  assert.deepEqual(
    (networkInterfaces()[bridge] ?? []).filter(({ family }) => family === 'IPv4'),
    [],
  );
});
