/** The ways in which the stack's own commands take an override out: each ends with it in force, or with a word that it is not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Outcome } from './docker.js';
import { type RealStack, realStack } from './real-stack.js';

const INSTALL = 'mcp-egress-proxy/docker/install.sh';

interface Merged {
  readonly name: string;
  readonly services: Readonly<
    Record<
      string,
      {
        readonly networks?: Readonly<Record<string, unknown>>;
        readonly ports?: readonly { readonly published: string; readonly host_ip?: string }[];
        readonly environment?: Readonly<Record<string, string>>;
      }
    >
  >;
}

async function stack(context: TestContext, env = ''): Promise<RealStack> {
  const made = await realStack(env);
  context.after(made.remove);
  return made;
}

async function installed(context: TestContext, env = ''): Promise<RealStack> {
  const made = await stack(context, env);
  const { code, stderr } = await made.run(INSTALL, made.folder);
  assert.equal(code, 0, stderr);
  return made;
}

function inForce({ code, stdout, stderr }: Outcome): Merged {
  assert.equal(code, 0, stderr);
  const merged: Merged = JSON.parse(stdout);
  assert.deepEqual(Object.keys(merged.services['mcp-gateway']?.networks ?? {}), ['mcp-tools']);
  assert.deepEqual(merged.services['mcp-gateway']?.ports ?? [], []);
  assert.ok(merged.services['egress-proxy'] !== undefined);
  assert.equal(merged.name, 'egress-stack');
  return merged;
}

const CONFIG = ['config', '--format', 'json'];

test('a wrapper that rewrites COMPOSE_FILE each time keeps the override, and its own file', async (context) => {
  const made = await installed(context, 'COMPOSE_FILE=docker-compose.yml:overrides/compute.yml:overrides/third.yml');
  const { services } = inForce(await made.run('compose', ...CONFIG));
  assert.equal(services.dashboard?.environment?.COMPUTE, 'gpu');
});

test('a command with an env file of its own, which reads no .env, keeps it', async (context) => {
  inForce(await (await installed(context)).run('make-up', ...CONFIG));
});

test('a COMPOSE_FILE of three files keeps all three, and the override', async (context) => {
  const made = await installed(context, 'COMPOSE_FILE=docker-compose.yml:overrides/compute.yml:overrides/third.yml');
  const { services } = inForce(await made.run('ops', ...CONFIG));
  const all = JSON.parse(await made.compose(...CONFIG)) as Merged;
  assert.deepEqual(Object.keys(all.services['mcp-gateway']?.networks ?? {}), ['mcp-tools']);
  assert.deepEqual(
    [all.services.dashboard?.environment?.COMPUTE, all.services.dashboard?.environment?.THIRD],
    ['gpu', 'yes'],
  );
  assert.equal(services.dashboard?.environment?.THIRD, undefined, 'ops-controller knows the base alone');
});

test('an override that Compose loads by itself stays in force, and comes before ours', async (context) => {
  const made = await stack(context);
  const own =
    'services:\n  dashboard: { environment: { OWN: "yes" } }\n  mcp-gateway: { networks: [backend], ports: ["9999:9999"] }\n';
  await made.write('docker-compose.override.yml', own);
  const { code, stderr } = await made.run(INSTALL, made.folder);
  assert.equal(code, 0, stderr);
  const { services } = inForce(await made.run('make-up', ...CONFIG));
  assert.equal(services.dashboard?.environment?.OWN, 'yes');
  assert.equal((await made.run(INSTALL, '--remove', made.folder)).code, 0);
  assert.equal(await made.read('docker-compose.override.yml'), own);
});

test('a program that splits COMPOSE_FILE at one separator only falls back to the base, and has the override', async (context) => {
  for (const separator of [':', ';']) {
    const list = `COMPOSE_PATH_SEPARATOR=${separator}\nCOMPOSE_FILE=docker-compose.yml${separator}overrides/compute.yml`;
    inForce(await (await installed(context, list)).run('ops', ...CONFIG));
  }
});

test('the .env file is not touched, whatever its last line looks like', async (context) => {
  const made = await stack(context, 'TOKEN=a$b');
  const before = await made.read('.env');
  assert.equal((await made.run(INSTALL, made.folder)).code, 0);
  assert.equal(await made.read('.env'), before);
  assert.ok(!before.endsWith('\n'));
});

test('a base that does not publish its gateway is not published by us, and an address of the host stays', async (context) => {
  const made = await stack(context);
  const base = await made.read('docker-compose.yml');
  await made.write('docker-compose.yml', base.replace(/^ +ports:.*8811"\]\n/m, ''));
  assert.equal((await made.run(INSTALL, made.folder)).code, 0);
  assert.deepEqual(inForce(await made.run('ops', ...CONFIG)).services['egress-proxy']?.ports ?? [], []);
  assert.equal((await made.run(INSTALL, '--remove', made.folder)).code, 0);
  await made.write('docker-compose.yml', base.replace('${MCP_GATEWAY_PORT:-8811}:8811', '127.0.0.1:8899:8811'));
  assert.equal((await made.run(INSTALL, made.folder)).code, 0);
  const [port] = inForce(await made.run('ops', ...CONFIG)).services['egress-proxy']?.ports ?? [];
  assert.deepEqual([port?.host_ip, port?.published], ['127.0.0.1', '8899']);
});

test('the other three names of a compose file', async (context) => {
  for (const name of ['compose.yaml', 'compose.yml', 'docker-compose.yaml']) {
    const made = await stack(context);
    await made.write(name, await made.read('docker-compose.yml'));
    const { rm } = await import('node:fs/promises');
    await rm(`${made.folder}/docker-compose.yml`);
    assert.equal((await made.run(INSTALL, made.folder)).code, 0, name);
    inForce(await made.run('make-up', ...CONFIG));
  }
});

test('removed, everything is as it was; a dry run changes nothing; a second install says so', async (context) => {
  const made = await stack(context);
  const before = await made.read('docker-compose.yml');
  const dry = await made.run(INSTALL, '--dry-run', made.folder);
  assert.match(dry.stdout, /compose\.override\.yml/);
  assert.equal(await made.read('docker-compose.yml'), before);
  assert.equal((await made.run(INSTALL, made.folder)).code, 0);
  assert.equal((await made.run(INSTALL, '--check', made.folder)).code, 0);
  const again = await made.run(INSTALL, made.folder);
  assert.deepEqual([again.code, /installed already/.test(again.stderr)], [1, true]);
  assert.equal((await made.run(INSTALL, '--remove', made.folder)).code, 0);
  assert.equal(await made.read('docker-compose.yml'), before);
  await assert.rejects(made.read('egress-proxy.env'));
});

test('a checkout that brings the old file back is found by --check', async (context) => {
  const made = await installed(context);
  await made.write('docker-compose.yml', await made.read('docker-compose.stack.yml'));
  const { code, stderr } = await made.run(INSTALL, '--check', made.folder);
  assert.equal(code, 1);
  assert.match(stderr, /mcp-gateway is on backend frontend/);
});

test('a later file that puts the gateway back is refused, and nothing is changed', async (context) => {
  const made = await stack(context, 'COMPOSE_FILE=docker-compose.yml:back.yml');
  await made.write('back.yml', 'services:\n  mcp-gateway: { networks: [backend] }\n');
  const before = await made.read('docker-compose.yml');
  const { code, stderr } = await made.run(INSTALL, made.folder);
  assert.equal(code, 1);
  assert.match(stderr, /mcp-gateway is on backend mcp-tools/);
  assert.equal(await made.read('docker-compose.yml'), before);
});
