import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { docker, repository } from './docker.js';

interface Volume {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
}

interface Service {
  readonly volumes?: readonly Volume[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required: boolean }>>;
  readonly cap_drop?: readonly string[];
  readonly network_mode?: string;
  readonly networks?: unknown;
  readonly read_only?: boolean;
  readonly security_opt?: readonly string[];
  readonly user?: string;
  readonly scale?: number;
}

async function merged(t: TestContext, mount: string, env: NodeJS.ProcessEnv = {}): Promise<Record<string, Service>> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-guard-override-'));
  t.after(() => rm(folder, { recursive: true }));
  const base = `name: ai-toolkit
services:
  mcp-gateway:
    image: gateway
    networks: [backend]
    volumes:
      - ${mount}
      - ./mcp:/mcp
networks: { frontend: {}, backend: {} }
`;
  await writeFile(join(folder, 'docker-compose.yml'), base);
  await copyFile(join(repository, 'compose.override.yml'), join(folder, 'docker-compose.override.yml'));
  const text = await docker(['compose', 'config', '--format', 'json'], { cwd: folder, env });
  return JSON.parse(text).services;
}

/** Every form in which a stack gives its gateway the engine's socket. */
const MOUNTS: readonly (readonly [form: string, mount: string])[] = [
  ['short', '/var/run/docker.sock:/var/run/docker.sock'],
  ['short and read-only', '/var/run/docker.sock:/var/run/docker.sock:ro'],
  ['long', '{ type: bind, source: /var/run/docker.sock, target: /var/run/docker.sock, read_only: true }'],
  ['below /run', '/run/docker.sock:/run/docker.sock'],
  ['of a user', '/run/user/1000/docker.sock:/var/run/docker.sock'],
];

for (const [form, mount] of MOUNTS) {
  test(`a mount of docker.sock that is ${form} gives the gateway nothing, and the guard its place`, async (t) => {
    const { 'mcp-gateway': gateway } = await merged(t, mount);
    const volumes = gateway?.volumes ?? [];
    const sockets = volumes.filter(({ source }) => source.endsWith('docker.sock'));
    assert.deepEqual(sockets, []);
    const covered = volumes.filter(({ source }) => source === '/dev/null').map(({ target }) => target);
    assert.deepEqual(covered.sort(), ['/run/docker.sock', '/var/run/docker.sock']);
    const guard = volumes.find(({ target }) => target === '/var/run/egress-guard');
    assert.deepEqual([guard?.type, guard?.source, guard?.read_only], ['volume', 'egress-guard', true]);
    assert.ok(volumes.some(({ target }) => target === '/mcp'));
    assert.equal(gateway?.environment?.DOCKER_HOST, 'unix:///var/run/egress-guard/docker.sock');
    assert.deepEqual(gateway?.depends_on?.['spawn-guard'], { condition: 'service_healthy', required: false });
    assert.deepEqual(gateway?.cap_drop, ['NET_RAW']);
  });

  test(`with the guard off, a mount of docker.sock that is ${form} is the stack's own`, async (t) => {
    const services = await merged(t, mount, { EGRESS_SPAWN_GUARD: 'off' });
    const volumes = services['mcp-gateway']?.volumes ?? [];
    const sockets = volumes.filter(({ source }) => source.endsWith('docker.sock'));
    assert.equal(sockets.length, 1);
    assert.ok(volumes.filter(({ source }) => source === '/dev/null').every(({ target }) => target.endsWith('.off')));
    const cli = volumes.find(({ target }) => target === '/root/.docker/config.json');
    assert.match(cli?.source ?? '', /docker\/guard\/cli-off\.json$/);
    assert.equal(services['mcp-gateway']?.environment?.DOCKER_HOST, undefined);
    assert.equal(services['spawn-guard']?.scale, 0);
  });
}

test('the guard has the socket, two folders, and nothing else', async (t) => {
  const { 'spawn-guard': guard, 'egress-proxy': proxy } = await merged(t, MOUNTS[0]?.[1] ?? '');
  assert.equal(guard?.network_mode, 'none');
  assert.equal(guard?.networks, undefined);
  assert.equal(guard?.read_only, true);
  assert.deepEqual(guard?.cap_drop, ['ALL']);
  assert.deepEqual(guard?.security_opt, ['no-new-privileges:true']);
  assert.deepEqual(
    guard?.volumes?.map(({ target, read_only }) => [target, read_only ?? false]),
    [
      ['/etc/egress-proxy', true],
      ['/var/run/docker.sock', false],
      ['/run/egress-guard', false],
      ['/run/egress-leases', false],
    ],
  );
  const leases = proxy?.volumes?.find(({ target }) => target === '/run/egress-leases');
  assert.deepEqual([leases?.source, leases?.read_only], ['egress-leases', true]);
});
