/** `init` on real stacks: what `docker compose config` says after it, and that nothing is left when it is taken out. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { docker, repository, tryDocker } from './docker.js';
import { buildImages } from './images.js';

const IMAGE = process.env.EGRESS_PROXY_IMAGE ?? 'mcp-egress-proxy';

interface Network {
  readonly name: string;
  readonly internal?: boolean;
  readonly ipam?: { readonly config?: readonly { readonly subnet: string }[] };
}

interface Merged {
  readonly name: string;
  readonly networks: Readonly<Record<string, Network>>;
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image?: string;
        readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
        readonly ports?: readonly { readonly published?: string; readonly host_ip?: string; readonly target: number }[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly volumes?: readonly { readonly source?: string; readonly target: string }[];
      }
    >
  >;
}

before(buildImages);

async function folder(context: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'egress-init-'));
  context.after(() => rm(made, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) await writeFile(join(made, path), text);
  return made;
}

/** As on Linux: a bind mount has the owner that it has outside. */
async function init(at: string, ...args: string[]): Promise<{ code: number; said: string }> {
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const run = ['run', '--rm', '-i', '--network', 'none', '--user', user, '-v', `${at}:/stack`, IMAGE, 'init', ...args];
  const { code, stdout, stderr } = await tryDocker(run);
  return { code, said: stdout + stderr };
}

async function config(at: string, ...args: string[]): Promise<Merged> {
  const clean = { COMPOSE_FILE: undefined, EGRESS_PROXY_IMAGE: undefined };
  return JSON.parse(await docker(['compose', ...args, 'config', '--format', 'json'], { cwd: at, env: clean }));
}

async function bytesOf(at: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true });
  const paths = entries.map((entry) => [join(entry.parentPath, entry.name), entry.isFile()] as const);
  return new Map(
    await Promise.all(
      paths.map(async ([path, isFile]) => [path, isFile ? await readFile(path, 'latin1') : ''] as const),
    ),
  );
}

/** Init, a look at what Compose makes of it, a second init that changes nothing, and the way back. */
async function roundTrip(
  at: string,
  gateway: string,
  look: (merged: Merged) => void | Promise<void>,
  ...args: string[]
) {
  const was = await bytesOf(at);
  const done = await init(at, '--yes', ...args);
  assert.equal(done.code, 0, done.said);
  const merged = await config(at);
  assert.deepEqual(Object.keys(merged.services[gateway]?.networks ?? {}), ['mcp-tools']);
  assert.deepEqual(merged.services[gateway]?.ports ?? [], []);
  assert.equal(merged.networks['mcp-tools']?.internal, true);
  for (const { source } of merged.services[gateway]?.volumes ?? []) {
    if (source?.includes('/docker/guard/')) assert.ok((await readFile(source, 'utf8')).startsWith('{'), source);
  }
  await look(merged);
  const written = await bytesOf(at);
  for (const [path, bytes] of was) if (!path.endsWith('/.env')) assert.equal(written.get(path), bytes, path);
  assert.match((await init(at, '--yes', ...args)).said, /Nothing to change/);
  assert.deepEqual(await bytesOf(at), written);
  assert.equal((await init(at, '--remove', '--yes')).code, 0);
  assert.deepEqual(await bytesOf(at), was);
}

const networksOf = (merged: Merged): string[] => Object.keys(merged.services['egress-proxy']?.networks ?? {}).sort();

const STACK = `name: lab
services:
  mcp-gateway:
    image: docker/mcp-gateway
    ports: ["8811:8811"]
    networks: [backend]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
networks: { backend: {} }
`;

test('the demo stack', async (context) => {
  const at = await folder(context);
  await cp(`${repository}docker/demo`, at, { recursive: true });
  await roundTrip(at, 'mcp-gateway', (merged) => {
    assert.deepEqual(networksOf(merged), ['backend', 'egress', 'frontend', 'internet', 'mcp-tools']);
    assert.equal(merged.services['egress-proxy']?.ports?.[0]?.published, '8811');
    assert.equal(merged.name, 'egress-demo');
  });
});

test('a gateway on the backend, in a project of another name', async (context) => {
  const at = await folder(context, { 'docker-compose.yml': STACK, '.env': 'COMPOSE_PROJECT_NAME=elsewhere' });
  await roundTrip(at, 'mcp-gateway', async (merged) => {
    assert.deepEqual(networksOf(merged), ['backend', 'egress', 'mcp-tools']);
    assert.deepEqual(merged.services['egress-proxy']?.networks?.backend?.aliases, ['mcp-gateway']);
    assert.equal(merged.networks['mcp-tools']?.name, 'elsewhere-mcp-tools');
    assert.equal(merged.services['spawn-guard']?.environment?.MCP_TOOLS_NETWORK, 'elsewhere-mcp-tools');
    assert.equal((await config(at, '-p', 'third')).networks['mcp-tools']?.name, 'third-mcp-tools');
  });
});

test('another service of another network, published for this machine only, in Windows text', async (context) => {
  const stack = STACK.replaceAll('mcp-gateway:', 'hub:')
    .replace('8811:8811', '127.0.0.1:${HUB_PORT}:8811')
    .replaceAll('backend', 'lan');
  const files = {
    'docker-compose.yml': stack.replaceAll('\n', '\r\n').replace('docker/hub', 'docker/mcp-gateway'),
    '.env': 'HUB_PORT=8899\r\nMODELS=C:\\Users\\me\\models\r\nLAST=1',
  };
  const at = await folder(context, files);
  await roundTrip(
    at,
    'hub',
    (merged) => {
      assert.deepEqual(networksOf(merged), ['egress', 'lan', 'mcp-tools']);
      const [port] = merged.services['egress-proxy']?.ports ?? [];
      assert.deepEqual([port?.host_ip, port?.published], ['127.0.0.1', '8899']);
      assert.equal(merged.services['egress-proxy']?.environment?.EGRESS_RELAY_OUTSIDE, 'hub:8811');
    },
    '--gateway',
    'hub',
  );
});

test('a list of files as Windows writes it', async (context) => {
  const at = await folder(context, {
    'base.yml': STACK,
    'more.yml': 'services: { mcp-gateway: { environment: { MORE: "yes" } } }\r\n',
    '.env': 'COMPOSE_FILE=base.yml;.\\more.yml\r\nCOMPOSE_PATH_SEPARATOR=;\r\n',
  });
  const was = await bytesOf(at);
  assert.equal((await init(at, '--yes')).code, 0);
  assert.match(
    await readFile(join(at, '.env'), 'latin1'),
    /\r\nCOMPOSE_FILE='base\.yml;\.\\more\.yml;egress-proxy\/compose\.override\.yml'\r\n/,
  );
  assert.equal((await init(at, '--remove', '--yes')).code, 0);
  assert.deepEqual(await bytesOf(at), was);
});

test('the default subnet taken: by a network of the stack, and by one that is named', async (context) => {
  const stack = STACK.replace('backend: {}', 'backend: { ipam: { config: [ { subnet: 172.31.0.0/16 } ] } }');
  const at = await folder(context, { 'compose.yaml': stack });
  const look = (merged: Merged): void => {
    assert.equal(merged.networks['mcp-tools']?.ipam?.config?.[0]?.subnet, '192.168.250.0/24');
    assert.equal(merged.services['egress-proxy']?.environment?.EGRESS_STEER_DNS, '192.168.250.250:53');
  };
  await roundTrip(at, 'mcp-gateway', look, '--avoid', '10.231.0.0/16');
});

test('the default subnet taken by another network of the engine, which its socket shows', async (context) => {
  const at = await folder(context, { 'compose.yaml': STACK });
  const name = `egress-init-${process.pid}`;
  await docker(['network', 'create', '--subnet', '172.31.250.0/24', name]);
  context.after(() => docker(['network', 'rm', name]));
  const socket = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace('unix://', '');
  const mounts = ['-v', `${at}:/stack`, '-v', `${socket}:/var/run/docker.sock`];
  await docker(['run', '--rm', '--network', 'none', '--user', '0:0', ...mounts, IMAGE, 'init', '--yes']);
  const subnet = (await config(at)).networks['mcp-tools']?.ipam?.config?.[0]?.subnet;
  assert.ok(subnet !== undefined && subnet !== '172.31.250.0/24', subnet);
});

test('an override that is there stays in force, before ours', async (context) => {
  const own = 'services: { mcp-gateway: { networks: [backend], ports: ["9999:9999"], environment: { OWN: "yes" } } }\n';
  const at = await folder(context, { 'docker-compose.yml': STACK, 'docker-compose.override.yml': own });
  await roundTrip(at, 'mcp-gateway', (merged) => {
    assert.equal(merged.services['mcp-gateway']?.environment?.OWN, 'yes');
  });
});

test('without a gateway it says what it looked for, and writes nothing', async (context) => {
  const at = await folder(context, { 'compose.yml': 'services: { web: { image: nginx } }\n' });
  const was = await bytesOf(at);
  const { code, said } = await init(at, '--yes');
  assert.equal(code, 1);
  assert.match(said, /no gateway was found\. Looked for a service called mcp-gateway[\s\S]*compose\.yml[\s\S]*web/);
  assert.deepEqual(await bytesOf(at), was);
});

test('as the image’s own user it cannot write the folder of another, and names the one who can', async (context) => {
  const at = await folder(context, { 'compose.yml': STACK });
  const { code, stderr } = await tryDocker(['run', '--rm', '-v', `${at}:/stack`, IMAGE, 'init', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /run it with --user \d+:\d+/);
});
