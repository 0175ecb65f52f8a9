/** A client of the real MCP SDK on the relay, through all that happens to a sidecar in its life. */
import assert from 'node:assert/strict';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { docker, inspect, repository, tryDocker, until } from './docker.js';
import { buildImages } from './images.js';

const PROJECT = 'egress-mcp';
const SIDECAR = `${PROJECT}-egress-proxy-1`;
const PORT = 18_800;
const RANGE = {
  MCP_TOOLS_SUBNET: '10.231.248.0/24',
  MCP_TOOLS_IP_RANGE: '10.231.248.64/26',
  EGRESS_PROXY_ADDRESS: '10.231.248.250',
};
const CALL_MS = 120_000;
const TICK_MS = 500;
const LONGEST_GAP_MS = 5000;

let folder: string;

before(async () => {
  await buildImages();
  // The new version: another name for the same image is enough for Compose to replace the container.
  await docker(['tag', 'mcp-egress-proxy', 'mcp-egress-proxy:next']);
  folder = await mkdtemp(join(tmpdir(), 'egress-mcp-'));
  // The sidecar has a user of its own.
  await chmod(folder, 0o755);
  await cp(`${repository}config/policy.yaml`, join(folder, 'policy.yaml'));
  await writeFile(join(folder, 'stand-in.json'), JSON.stringify(standIn()));
  await compose(['up', '--detach', '--no-build', '--pull', 'never', '--wait']);
  const answers = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${PORT}/`)).ok;
  await until('the server answers', () => answers().catch(() => false));
});
after(async () => {
  await compose(['down', '--volumes', '--timeout', '3']);
  await rm(folder, { recursive: true });
});

function standIn(): object {
  return {
    services: {
      'egress-proxy': {
        environment: { EGRESS_CONFIG: '/etc/egress-proxy/policy.yaml' },
        volumes: [`${folder}:/etc/egress-proxy:ro`],
        ports: [`127.0.0.1:${PORT}:8000`],
        stop_grace_period: '40s',
      },
      'mcp-server': {
        image: 'mcp-egress-demo',
        command: ['node', '/mcp/server.mjs'],
        volumes: [
          `${repository}test/e2e/docker/mcp/server.mjs:/mcp/server.mjs:ro`,
          `${repository}node_modules:/mcp/node_modules:ro`,
        ],
      },
    },
  };
}

function compose(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const files = ['-p', PROJECT, '-f', 'docker/compose.tools.yml', '-f', join(folder, 'stand-in.json')];
  return docker(['compose', ...files, ...args], { env: { ...RANGE, ...env } });
}

async function connected(): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${PORT}/mcp`)));
  return client;
}

async function events(name: string): Promise<number> {
  const { stdout } = await tryDocker(['logs', SIDECAR]);
  return stdout.split(`"event":"${name}"`).length - 1;
}

test('a call of two minutes goes on through a reload, a policy error and a new sidecar, without a gap of five seconds beside that of the engine', async (context) => {
  const client = await connected();
  const seen: { readonly progress: number; readonly at: number }[] = [];
  const count = CALL_MS / TICK_MS;
  const call = client.callTool({ name: 'ticks', arguments: { count, everyMs: TICK_MS } }, undefined, {
    timeout: 2 * CALL_MS,
    resetTimeoutOnProgress: true,
    onprogress: ({ progress }) => seen.push({ progress, at: Date.now() }),
  });
  await until('it runs', async () => seen.length > 10);
  const policy = await readFile(join(folder, 'policy.yaml'), 'utf8');
  await writeFile(join(folder, 'policy.yaml'), `${policy}\n# changed\n`.replace('mode: enforce', 'mode: report'));
  await until('the reload', async () => (await events('reloaded')) > 0);
  await writeFile(join(folder, 'policy.yaml'), 'version: 1\npolicy: { default: maybe }\n');
  await until('the policy error', async () => (await events('reload-failed')) > 0);
  await writeFile(join(folder, 'policy.yaml'), policy);
  await until('the old policy', async () => (await events('reloaded')) > 1);
  const before = await inspect(SIDECAR);
  const replacing = Date.now();
  await compose(['up', '--detach', '--no-build', '--pull', 'never', 'egress-proxy'], {
    MCP_SERVER_PORT: '8000',
    EGRESS_PROXY_IMAGE: 'mcp-egress-proxy:next',
  });
  // The engine's share of the gap: without the sidecar there is nothing that could lead anywhere.
  const replacedIn = Date.now() - replacing;
  assert.notEqual((await inspect(SIDECAR)).State.Pid, before.State.Pid, 'it is another container');
  assert.deepEqual((await call).content, [{ type: 'text', text: String(count) }]);
  const gaps = seen.map(({ at }, i) => at - (seen[i - 1]?.at ?? at));
  context.diagnostic(`the longest gap was ${Math.max(...gaps)} ms, and the engine took ${replacedIn} ms`);
  assert.ok(Math.max(...gaps) < LONGEST_GAP_MS + replacedIn, `${Math.max(...gaps)} ms without a sign`);
  assert.equal(new Set(seen.map(({ progress }) => progress)).size, count, 'no event is lost');
  await client.close();
});

test('an idle client does not hold the drain, and its next call is answered by the new sidecar', async () => {
  const client = await connected();
  const started = Date.now();
  await compose(['restart', 'egress-proxy']);
  const ticks = { name: 'ticks', arguments: { count: 1, everyMs: 1 } };
  await until('an answer', () =>
    client.callTool(ticks).then(
      () => true,
      () => false,
    ),
  );
  // Before limits.drainTimeout, which is half a minute.
  assert.ok(Date.now() - started < 28_000, `${Date.now() - started} ms`);
  await client.close();
});
