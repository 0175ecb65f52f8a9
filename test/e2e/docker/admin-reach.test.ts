import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { PROJECT, SIDECAR, stopDemo, TOOLS_NETWORK } from './demo-stack.js';
import { docker, inspect, type Outcome, repository, tryDocker, until } from './docker.js';
import { ARE_PREBUILT } from './images.js';

const FOLDER = `${repository}test/e2e/docker/admin-everywhere`;
const TOKEN = '0123456789abcdef-admin';
const ENV = { EGRESS_CONFIG_DIR: FOLDER, EGRESS_ADMIN_TOKEN: TOKEN };
const FILES = ['docker/demo/compose.yml', 'compose.override.yml', `${FOLDER}/compose.yml`].flatMap((f) => ['-f', f]);
const SITE = 'http://site.demo.test/';

before(async () => {
  await docker(['compose', ...FILES, 'up', ARE_PREBUILT ? '--no-build' : '--build', '--detach', '--quiet-pull'], {
    env: ENV,
  });
  await healthy();
});
after(stopDemo);

function healthy(): Promise<void> {
  return until('healthy', async () => (await inspect(SIDECAR)).State.Health?.Status === 'healthy');
}

/** curl in a container of its own. */
function curl(network: string, ...args: readonly string[]): Promise<Outcome> {
  return tryDocker(['run', '--rm', '--network', network, 'mcp-egress-demo', 'curl', '-sS', '-m', '8', ...args]);
}

/** The status that a tool gets for the site; 000 where there is no answer. */
async function asTool(credentials = 'github:0123456789abcdef-github'): Promise<string> {
  const proxy = ['-x', `http://${credentials}@egress-proxy:3128`];
  return (await curl(TOOLS_NETWORK, ...proxy, '-o', '/dev/null', '-w', '%{http_code}', SITE)).stdout;
}

function command(...args: readonly string[]): Promise<Outcome> {
  return tryDocker(['exec', SIDECAR, 'egress-proxy', ...args]);
}

const BEARER = ['-H', `Authorization: Bearer ${TOKEN}`];

/** Addresses of this machine: of every bridge of the engine, and its own. */
function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
}

test('the page is there for this machine and for the other services of the stack, with the token', async () => {
  const answer = await fetch('http://127.0.0.1:9181/v1/grants', { headers: { authorization: `Bearer ${TOKEN}` } });
  assert.equal(answer.status, 200);
  const url = 'http://egress-proxy:9180/v1/grants';
  assert.match((await curl(`${PROJECT}_frontend`, ...BEARER, url)).stdout, /"grants":\[\]/);
  assert.match((await curl(`${PROJECT}_frontend`, url)).stdout, /foreign-host/);
});

test('from the network of the tools it has not one byte to say, with the token and by whatever address', async () => {
  const { Networks } = (await inspect(SIDECAR)).NetworkSettings;
  assert.ok(Object.keys(Networks).length >= 4);
  const own = Object.values(Networks).map(({ IPAddress }) => `${IPAddress}:9180`);
  const gateways = Object.values(Networks).flatMap(({ Gateway }) => (Gateway === '' ? [] : [Gateway]));
  const published = [...new Set([...gateways, ...hostAddresses(), '172.31.250.1'])].flatMap((address) => [
    `${address}:9180`,
    `${address}:9181`,
  ]);
  const names = ['egress-proxy:9180', `${SIDECAR}:9180`, 'host.docker.internal:9181'];
  const grant = ['-H', 'Content-Type: application/json', '-d', '{"effect":"allow","host":"site.demo.test"}'];
  await Promise.all(
    [...own, ...published, ...names].map(async (place) => {
      const { code, stdout } = await curl(
        TOOLS_NETWORK,
        '-i',
        '-m',
        '4',
        ...BEARER,
        ...grant,
        `http://${place}/v1/grants`,
      );
      assert.deepEqual([code === 0, stdout], [false, ''], place);
    }),
  );
  assert.match((await command('grants')).stdout, /nothing is decided/);
});

test('nor through the proxy itself, at any of its doors, by address, by name or by a name that leads back', async () => {
  const { Networks } = (await inspect(SIDECAR)).NetworkSettings;
  const places = [...Object.values(Networks).map(({ IPAddress }) => IPAddress), '127.0.0.1', '[::1]', '0.0.0.0'];
  const hosts = [...places, 'localhost', 'egress-proxy', 'rebind.demo.test'];
  // Whatever may be granted: what leads back is never open.
  assert.equal((await command('allow', '*.demo.test', '--for', '10m')).code, 0);
  const doors: readonly (readonly string[])[] = [
    ['-x', 'http://egress-proxy:3128'],
    ['-p', '-x', 'http://egress-proxy:3128'],
    ['-x', 'socks5h://egress-proxy:1080'],
  ];
  for (const door of doors) {
    const answers = await Promise.all(
      hosts.map((host) => curl(TOOLS_NETWORK, ...door, ...BEARER, `http://${host}:9180/v1/grants`)),
    );
    for (const [i, { stdout }] of answers.entries()) assert.doesNotMatch(stdout, /"grants":/, `${door} ${hosts[i]}`);
  }
  const steered = ['--dns', '172.31.250.250', 'mcp-egress-demo', 'curl', '-sS', '-m', '8', ...BEARER];
  const rebound = await tryDocker([
    'run',
    '--rm',
    '--network',
    TOOLS_NETWORK,
    ...steered,
    'http://rebind.demo.test/v1/grants',
  ]);
  assert.doesNotMatch(rebound.stdout, /"grants":/);
  const { stdout } = await command('grants', '--json');
  for (const { id } of JSON.parse(stdout).grants) assert.equal((await command('revoke', id)).code, 0);
});

test('a command in the container allows, lists, pauses, resumes and revokes, and a restart forgets nothing of it', async () => {
  assert.equal(await asTool(), '403');
  const allowed = await command('allow', 'site.demo.test', '--client', 'github', '--for', '10m');
  assert.equal(allowed.code, 0, allowed.stderr);
  assert.match(allowed.stdout, /allow site\.demo\.test for github until/);
  assert.equal(await asTool(), '200');
  assert.equal(await asTool('nobody:'), '407', 'for that client alone');
  await docker(['restart', '--time', '20', SIDECAR]);
  await healthy();
  assert.match((await command('grants')).stdout, /allow site\.demo\.test for github until/);
  assert.equal(await asTool(), '200');
  assert.equal((await command('pause', 'github')).code, 0);
  assert.equal(await asTool(), '403');
  await docker(['compose', ...FILES, 'up', '--detach', '--no-build', '--force-recreate', '--wait', 'egress-proxy'], {
    env: ENV,
  });
  assert.equal(await asTool(), '403', 'a container that is made anew has the same volume');
  assert.match((await command('resume', 'github')).stdout, /resumed/);
  assert.equal(await asTool(), '200');
  const id = /^(\w+) allow site/m.exec((await command('grants')).stdout)?.[1] ?? assert.fail();
  assert.match((await command('revoke', id)).stdout, /^revoked/);
  assert.equal(await asTool(), '403');
});

test('what is for always is printed as a line, since the policy file is read-only in the container', async () => {
  const { code, stdout } = await command('allow', 'site.demo.test:80', '--client', 'github');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /cannot write to the policy file[\s\S]*- \{ host: "site\.demo\.test", ports: \[80\], clients: \["github"\] \}/,
  );
  assert.equal(await asTool(), '200');
});
