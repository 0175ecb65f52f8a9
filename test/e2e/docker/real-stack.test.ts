/** The gateway's versions with the override, as the installer puts it in; and what is said when it is gone. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { docker, inspect, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';
import { PROJECT, type RealStack, realStack } from './real-stack.js';

const SIDECAR = `${PROJECT}-egress-proxy-1`;
const GATEWAY = `${PROJECT}-mcp-gateway-1`;
const PORT = 18_899;
const TOKEN = 'a-token-for-the-page';
const FILES = ['-f', 'docker-compose.yml', '-f', 'internet.yml'];

let stack: RealStack;

before(async () => {
  await buildImages();
  stack = await realStack(`MCP_GATEWAY_PORT=${PORT}\nEGRESS_ADMIN_PUBLISH=19180`);
  const { code, stderr } = await stack.run('mcp-egress-proxy/docker/install.sh', stack.folder);
  assert.equal(code, 0, stderr);
});
after(async () => {
  // By name: the files need variables of the test that started them.
  await docker([
    'compose',
    '--project-name',
    'egress-stack',
    'down',
    '--volumes',
    '--remove-orphans',
    '--timeout',
    '3',
  ]);
  await stack.remove();
});

function up(env: NodeJS.ProcessEnv = {}): Promise<string> {
  const args = [
    'compose',
    ...FILES,
    'up',
    '--detach',
    '--no-build',
    '--pull',
    'never',
    '--wait',
    '--wait-timeout',
    '90',
  ];
  return docker(args, { cwd: stack.folder, env: { ...env } });
}

interface Line {
  readonly event?: string;
  readonly door?: string;
  readonly host?: string | null;
  readonly outcome?: string;
  readonly reason?: string | null;
  readonly outside?: readonly string[];
}

async function log(): Promise<Line[]> {
  const { stdout } = await tryDocker(['logs', SIDECAR]);
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

/** The status and body of a request to a port of this host. */
async function ask(port: number, path: string, headers = {}): Promise<[number | undefined, string]> {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent: false }, resolve).on('error', reject).end();
  });
  return [response.statusCode, await text(response)];
}

for (const [version, door] of [
  ['0.42', 'connect'],
  ['0.43', 'steer-tls'],
] as const) {
  test(`a gateway as v${version} starts, is healthy, gets its catalog by ${door}, and answers at the host's own port`, async () => {
    await docker(['compose', ...FILES, 'down', '--timeout', '3'], { cwd: stack.folder });
    await stack.write(
      '.env',
      `${(await stack.read('.env')).replace(/\nGATEWAY_VERSION.*/, '')}\nGATEWAY_VERSION=${version}`,
    );
    await up();
    assert.equal((await inspect(GATEWAY)).State.Health?.Status, 'healthy');
    assert.match((await tryDocker(['logs', GATEWAY])).stdout, /catalog: public site, over https/);
    const doors = (await log()).filter(({ host, outcome }) => host === 'catalog.demo.test' && outcome === 'allow');
    assert.deepEqual([...new Set(doors.map((line) => line.door))], [door]);
    assert.deepEqual(await ask(PORT, '/'), [200, 'mcp-gateway stand-in\n']);
    const inside = await docker(['exec', `${PROJECT}-dashboard-1`, 'curl', '-sS', 'http://mcp-gateway:8811/']);
    assert.equal(inside, 'mcp-gateway stand-in\n');
  });
}

test("today's gateway asks for the token that the override hands on", async () => {
  await up({ MCP_GATEWAY_AUTH_TOKEN: 'for-clients' });
  assert.equal((await ask(PORT, '/mcp'))[0], 401);
  assert.equal((await ask(PORT, '/mcp', { authorization: 'Bearer for-clients' }))[0], 200);
});

test('a tool gets nothing by the relay, and the record says why', async () => {
  const net = 'egress-stack-mcp-tools';
  const curl = ['run', '--rm', '--network', net, 'mcp-egress-demo', 'curl', '-sS', '--max-time', '5'];
  const { code } = await tryDocker([...curl, 'http://egress-proxy:8811/mcp']);
  assert.notEqual(code, 0);
  await until('its record', async () => (await log()).some(({ reason }) => reason === 'relay-from-inside'));
});

test('a gateway that refuses is in the log, in readyz and in the metrics', async () => {
  await up({ EGRESS_GATEWAY_PORT: '8899', EGRESS_ADMIN_TOKEN: TOKEN });
  await until('the event', async () =>
    (await log()).some(({ event, reason }) => event === 'relay-down' && reason === 'connect-refused'),
  );
  const [status, ready] = await ask(19_180, '/readyz');
  assert.deepEqual(
    [status, JSON.parse(ready)],
    [200, { status: 'degraded', relays: [{ relay: 'relay[0]', state: 'connect-refused' }] }],
  );
  const [, metrics] = await ask(19_180, '/metrics', { authorization: `Bearer ${TOKEN}` });
  assert.match(metrics, /^egress_relay_up\{relay="relay\[0\]"\} 0$/m);
  assert.match(metrics, /^egress_relays_down 1$/m);
});

test('the page needs a free port only if there is a token', async () => {
  const squatter = ['run', '--detach', '--rm', '--publish', '127.0.0.1:19180:80', '--name', 'egress-stack-squatter'];
  await up();
  await docker([...squatter, 'mcp-egress-demo', 'node', 'site.mjs']);
  try {
    await docker(['compose', ...FILES, 'down', '--timeout', '3'], { cwd: stack.folder });
    await up();
  } finally {
    await docker(['rm', '--force', 'egress-stack-squatter']);
  }
});

test('a stack that is started without the override is reported by the sidecar that is left', async () => {
  await up();
  await stack.write('docker-compose.yml', await stack.read('docker-compose.stack.yml'));
  await docker(['compose', 'up', '--detach', '--pull', 'never', 'mcp-gateway'], {
    cwd: stack.folder,
    env: { GATEWAY_CATALOG_URL: 'https://nowhere.invalid/' },
  }).catch(() => '');
  // The gateway of the test cannot read a catalog without the proxy: something that answers in its place will do.
  await docker(['rm', '--force', GATEWAY]);
  const outside = [
    'run',
    '--detach',
    '--name',
    GATEWAY,
    '--network',
    `${PROJECT}_backend`,
    '--network-alias',
    'mcp-gateway',
  ];
  await docker([...outside, '-e', 'SERVICE_PORT=8811', 'mcp-egress-demo']);
  try {
    await until('the event', async () =>
      (await log()).some(({ event, outside: at }) => event === 'gateway-outside' && at?.length === 1),
    );
    const { code, stderr } = await stack.run('mcp-egress-proxy/docker/install.sh', '--check', stack.folder);
    assert.deepEqual([code, /not on mcp-tools alone/.test(stderr)], [1, true]);
  } finally {
    await docker(['rm', '--force', GATEWAY]);
  }
});
