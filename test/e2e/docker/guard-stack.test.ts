import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compose, decisions, GATEWAY, PROJECT, SIDECAR, startDemo, stopDemo } from './demo-stack.js';
import { docker, inspect, type Outcome, repository, tryDocker, until } from './docker.js';
import { BASE_ARGS } from './guard-lab.js';

const IMAGE = 'mcp-egress-guard-client';
const GUARD = `${PROJECT}-spawn-guard-1`;
const POLICY = { EGRESS_CONFIG_DIR: `${repository}test/e2e/docker/guard-policy` };

// The client trusts the CA of the image that it is built on, which must be the one that the site runs.
before(async () => {
  await startDemo(POLICY);
  const network = ['--network', process.env.EGRESS_BUILD_NETWORK ?? 'host'];
  await docker(['build', '--quiet', ...network, '-t', IMAGE, 'test/e2e/docker/steer-client']);
});
after(stopDemo);

/** What the gateway does for a tool of `server`: its Docker CLI, in its container. */
function spawned(server: string, command: readonly string[], flags: readonly string[] = []): Promise<Outcome> {
  const run = [...BASE_ARGS.split(' '), '-l', `docker-mcp-name=${server}`, ...flags];
  return tryDocker(['exec', '-i', GATEWAY, 'docker', ...run, ...command]);
}

const FETCH = 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))';
const URLLIB = 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end="")';
const BARE = [
  'env',
  '-i',
  'PATH=/usr/local/bin:/usr/bin:/bin',
  'NODE_EXTRA_CA_CERTS=/demo/ca.pem',
  'SSL_CERT_FILE=/demo/ca.pem',
];
const JAVA = [
  'java',
  '-Djavax.net.ssl.trustStore=/demo/trust.p12',
  '-Djavax.net.ssl.trustStorePassword=changeit',
  'Get',
];

/** Each with what the guard sets, and without any variable: then it is steered. */
const CLIENTS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["Node's fetch", ['env', 'NODE_EXTRA_CA_CERTS=/demo/ca.pem', 'node', '-e', FETCH]],
  ["Node's fetch without a variable", [...BARE, 'node', '-e', FETCH]],
  ["Python's urllib", ['env', 'SSL_CERT_FILE=/demo/ca.pem', 'python3', '-c', URLLIB]],
  ["Python's urllib without a variable", [...BARE, 'python3', '-c', URLLIB]],
  ['Java', [...BARE, ...JAVA]],
];

for (const [name, command] of CLIENTS) {
  test(`${name} reaches the site as the server that may, and not as another one`, async () => {
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://site.demo.test/`;
      const allowed = await spawned('allowed', [IMAGE, ...command, url]);
      assert.match(allowed.stdout, new RegExp(`public site, over ${scheme}`), allowed.stderr);
      const refused = await spawned('refused', [IMAGE, ...command, url]);
      assert.doesNotMatch(refused.stdout, /public site/);
    }
  });
}

test('the log names the server of each, on every door that was used', async () => {
  const seen = await decisions();
  const names = new Set(
    seen.filter(({ host }) => host === 'site.demo.test').map(({ client }) => (client as { name: string }).name),
  );
  // The demo asks for tools of a server that has no entry under clients: they go by their containers' names.
  assert.deepEqual([...names].filter((name) => !name.startsWith('mcp-fetch-')).sort(), ['allowed', 'refused']);
  const doors = new Set(seen.map(({ door }) => door));
  for (const door of ['steer-dns', 'steer-http', 'steer-tls']) assert.ok(doors.has(door), door);
  const spawns = (await docker(['logs', SIDECAR])).split('\n').filter((line) => line.includes('"event":"spawn"'));
  assert.ok(spawns.some((line) => line.includes('"server":"allowed"') && line.includes('"outcome":"allow"')));
});

test('the gateway has no socket but that of the guard', async () => {
  const found = await docker([
    'exec',
    GATEWAY,
    'sh',
    '-c',
    'find / -path /proc -prune -o -type s -print; test -c /var/run/docker.sock && echo covered',
  ]);
  assert.equal(found, '/run/egress-guard/docker.sock\ncovered\n');
  const bare = [
    'exec',
    GATEWAY,
    'env',
    '-i',
    'PATH=/usr/local/bin:/usr/bin:/bin',
    'docker',
    'version',
    '--format',
    '{{.Server.Version}}',
  ];
  assert.match(await docker(bare), /^\d+\./);
});

test('no tool takes the name of the sidecar or of the gateway', async () => {
  const sidecar = (await inspect(SIDECAR)).NetworkSettings.Networks['egress-demo-mcp-tools']?.IPAddress;
  const thief = spawned(
    'refused',
    [IMAGE, 'sleep', '8'],
    ['--hostname', 'egress-proxy', '--name', 'mcp-gateway-tools'],
  );
  await until('the thief runs', async () => (await docker(['ps', '--filter', 'name=mcp-refused-', '-q'])) !== '');
  const { stdout } = await spawned('allowed', [IMAGE, 'getent', 'hosts', 'egress-proxy', 'mcp-gateway-tools']);
  assert.match(stdout, new RegExp(`^${sidecar}\\s+egress-proxy`));
  assert.equal(stdout.trim().split('\n').length, 2);
  assert.notEqual((await spawned('refused', [IMAGE, 'true'], ['--network-alias', 'egress-proxy'])).code, 0);
  await thief;
});

test('the guard and the proxy may restart in any order', async () => {
  for (const name of [GUARD, SIDECAR, GUARD]) {
    await docker(['restart', '--time', '2', name]);
    await until(`${name} is healthy`, async () => (await inspect(name)).State.Health?.Status === 'healthy');
    const { stdout, stderr } = await spawned('allowed', [
      IMAGE,
      ...BARE,
      'python3',
      '-c',
      URLLIB,
      'http://site.demo.test/',
    ]);
    assert.match(stdout, /public site/, stderr);
  }
  assert.equal(await docker(['ps', '-aq', '--filter', 'label=io.mcp-egress-proxy.guard']), '');
});

test('the guard stays small', async () => {
  const { Pid } = (await inspect(GUARD)).State;
  const status = await tryDocker([
    'run',
    '--rm',
    '--pid',
    'host',
    'mcp-egress-demo',
    'grep',
    'VmRSS',
    `/proc/${Pid}/status`,
  ]);
  const kilobytes = Number(/VmRSS:\s+(\d+) kB/.exec(status.stdout)?.[1]);
  assert.ok(kilobytes > 0 && kilobytes < 64 * 1024, status.stdout);
});

test('with the guard off, the gateway has the socket that its own file mounts', async () => {
  await compose(['up', '--detach', '--quiet-pull'], { ...POLICY, EGRESS_SPAWN_GUARD: 'off' });
  const found = await docker([
    'exec',
    GATEWAY,
    'sh',
    '-c',
    'test -S /var/run/docker.sock && docker ps --format "{{.Names}}"',
  ]);
  assert.match(found, new RegExp(SIDECAR));
});
