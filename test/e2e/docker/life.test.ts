import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  callTool,
  fromHost,
  GATEWAY,
  PROJECT,
  SIDECAR,
  SITE_ADDRESS,
  startDemo,
  stopDemo,
  TOOLS_NETWORK,
} from './demo-stack.js';
import { docker, inspect, repository, tryDocker, until } from './docker.js';

const SCRIPT = readFileSync(`${repository}/test/e2e/docker/ways-out.sh`, 'utf8');
/** Seconds; most of it is the engine's, which starts a container for each look. */
const HEALS_WITHIN_MS = 60_000;
const SERVICE = `${PROJECT}-n8n-1`;

before(() => startDemo());
after(stopDemo);

test('the sidecar is healthy, and locked down as it says', async () => {
  await until('healthy', async () => (await inspect(SIDECAR)).State.Health?.Status === 'healthy');
  const { Config, HostConfig, State } = await inspect(SIDECAR);
  assert.equal(Config.User, '65532:65532');
  assert.equal(HostConfig.ReadonlyRootfs, true);
  assert.deepEqual(HostConfig.CapDrop, ['ALL']);
  assert.equal(HostConfig.CapAdd, null);
  assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true']);
  assert.equal(HostConfig.Privileged, false);
  assert.deepEqual(HostConfig.LogConfig.Config, { 'max-file': '5', 'max-size': '10m' });
  const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.match(status, new RegExp(`${set}:\\t0{16}\n`));
  assert.match(status, /NoNewPrivs:\t1\n/);
  assert.match(status, /Uid:\t65532\t65532\t65532\t65532\n/);
});

test('nothing in it runs but the program', async () => {
  for (const shell of ['sh', '/bin/sh', 'bash', 'busybox', 'npm', 'apt-get']) {
    const { code, stderr, stdout } = await tryDocker(['exec', SIDECAR, shell, '-c', 'true']);
    assert.notEqual(code, 0, shell);
    assert.match(stderr + stdout, /not found|no such file/, shell);
  }
  const write = "require('node:fs').writeFileSync('/app/x', '')";
  assert.match((await tryDocker(['exec', SIDECAR, 'node', '-e', write])).stderr, /EROFS/);
  assert.equal((await tryDocker(['exec', SIDECAR, 'egress-proxy', 'healthcheck'])).code, 0);
});

test('it takes less than 96 MB when idle', async () => {
  const { State } = await inspect(SIDECAR);
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${State.Pid}/status`, 'utf8'))?.[1]);
  assert.ok(resident > 0 && resident * 1024 < 96 * 1024 * 1024, `${resident} kB`);
});

const healed = async (): Promise<boolean> => {
  const { code, stdout } = await callTool('fetch', ['http://n8n:5678/']).catch(() => ({ code: -1, stdout: '' }));
  return code === 0 && stdout === 'n8n was reached\n';
};
const ORDERS: readonly (readonly string[])[] = [
  [SERVICE],
  [GATEWAY],
  [SIDECAR],
  [SIDECAR, GATEWAY],
  [GATEWAY, SIDECAR],
  [SERVICE, SIDECAR, GATEWAY],
];
for (const order of ORDERS) {
  test(`after a restart of ${order.join(', then ')} everything works again by itself`, async () => {
    for (const name of order) await docker(['restart', '--time', '5', name]);
    await until('a tool reaches the service again', healed, HEALS_WITHIN_MS);
  });
}

test('a service and a gateway that come back with other addresses are found again', async () => {
  const addressOf = async (name: string): Promise<string> =>
    Object.values((await inspect(name)).NetworkSettings.Networks)[0]?.IPAddress ?? '';
  const before = [await addressOf(SERVICE), await addressOf(GATEWAY)];
  await docker(['stop', '--time', '2', SERVICE, GATEWAY]);
  const squat = ['run', '--rm', '--detach', 'mcp-egress-demo', 'node', 'service.mjs'];
  const squatters = await Promise.all(
    [`${PROJECT}_backend`, TOOLS_NETWORK].map((network) =>
      docker([...squat.slice(0, 3), '--network', network, ...squat.slice(3)]),
    ),
  );
  try {
    await docker(['start', SERVICE, GATEWAY]);
    assert.notDeepEqual([await addressOf(SERVICE), await addressOf(GATEWAY)], before);
    await until('a tool reaches the service again', healed, HEALS_WITHIN_MS);
  } finally {
    await docker(['rm', '--force', ...squatters.map((id) => id.trim())]);
  }
});

test('a killed sidecar leaves tools without a way out, and comes back by itself', async () => {
  await docker(['kill', '--signal', 'KILL', SIDECAR]);
  await assert.rejects(fromHost('/'));
  const shell = [
    'run',
    '--rm',
    '-i',
    // As the guard starts a tool.
    '--cap-drop',
    'ALL',
    '--network',
    TOOLS_NETWORK,
    'mcp-egress-demo',
    'sh',
    '-s',
    '--',
    SITE_ADDRESS,
    '9',
  ];
  const { stdout, code } = await tryDocker(shell, { input: SCRIPT });
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.startsWith('OPEN')),
    [],
  );
  assert.equal(code, 0);
  const fetch = [
    'run',
    '--rm',
    '--network',
    TOOLS_NETWORK,
    '-e',
    'http_proxy=http://egress-proxy:3128',
    'mcp-egress-demo',
  ];
  assert.notEqual((await tryDocker([...fetch, 'curl', '-sS', '--max-time', '5', 'http://site.demo.test/'])).code, 0);
  await docker(['start', SIDECAR]);
  await until('a tool reaches the service again', healed, HEALS_WITHIN_MS);
});

test('a crash of the program is a restart of the container', async () => {
  const { State } = await inspect(SIDECAR);
  process.kill(State.Pid, 'SIGKILL');
  await until('a tool reaches the service again', healed, HEALS_WITHIN_MS);
  assert.notEqual((await inspect(SIDECAR)).State.Pid, State.Pid);
});
