import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installForm } from '../../build/install-form.js';
import { initCommand } from '../../proxy/cli/init.js';
import { apply } from '../../proxy/init/folder.js';
import { type Ran, runCommand } from '../cli/run-command.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STACK = 'services: { mcp-gateway: { image: docker/mcp-gateway, ports: ["8811:8811"] } }\n';

function folder(context: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'init-'));
  context.after(() => rmSync(made, { recursive: true }));
  writeFileSync(join(made, 'compose.yml'), STACK);
  writeFileSync(join(made, '.env'), 'TOKEN=very-secret');
  // Whatever the umask is.
  for (const name of ['compose.yml', '.env']) chmodSync(join(made, name), 0o644);
  return made;
}

/** No engine, so that what this machine runs does not count. */
function init(argv: readonly string[], input = ''): Promise<Ran> {
  return runCommand(initCommand, argv, { input, env: { DOCKER_HOST: 'unix:///nonexistent' } });
}

test('it shows what it would write and nothing of the lines of others, asks, and takes no for an answer', async (context) => {
  const at = folder(context);
  for (const answer of ['', 'n\n', 'maybe\n']) {
    const { code, out, err } = await init([at], answer);
    assert.deepEqual([code, /Write this\? \[y\/N\]/.test(err)], [1, true]);
    assert.match(out, /^\+COMPOSE_FILE=compose\.yml:egress-proxy\/compose\.override\.yml$/m);
    assert.doesNotMatch(out + err, /very-secret/);
    assert.deepEqual(readdirSync(at).sort(), ['.env', 'compose.yml']);
  }
});

test('yes writes it, a second run finds nothing to change, and --remove restores the folder', async (context) => {
  const at = folder(context);
  assert.equal((await init([at], 'y\n')).code, 0);
  assert.equal(readFileSync(join(at, 'compose.yml'), 'utf8'), STACK);
  assert.ok(readdirSync(join(at, 'egress-proxy/docker/guard')).length === 3);
  assert.equal(
    readFileSync(join(at, 'egress-proxy/config/policy.yaml'), 'utf8'),
    readFileSync(`${ROOT}build/policy.yaml`, 'utf8'),
  );
  assert.deepEqual(await init([at, '--yes']), { code: 0, out: 'Nothing to change.\n', err: '' });
  assert.equal((await init([at, '--remove', '--dry-run'])).code, 0);
  assert.ok(readdirSync(at).includes('egress-proxy'));
  assert.equal((await init([at, '--remove', '-y'])).code, 0);
  assert.deepEqual(readdirSync(at).sort(), ['.env', 'compose.yml']);
  assert.equal(readFileSync(join(at, '.env'), 'utf8'), 'TOKEN=very-secret');
});

test('a dry run asks nothing and writes nothing', async (context) => {
  const at = folder(context);
  const { code, err } = await init(['--dry-run', at]);
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(readdirSync(at).sort(), ['.env', 'compose.yml']);
});

test('an invalid folder, subnet or gateway is reported in one line', async (context) => {
  const at = folder(context);
  assert.match((await init([join(at, 'gone')])).err, /gone is not a folder: mount the stack's folder there/);
  assert.equal((await init([at, '--avoid', 'home'])).code, 2);
  const { code, err } = await init([at, '--gateway', 'hub']);
  assert.deepEqual([code, /there is no service hub/.test(err)], [1, true]);
});

test('the folder of another user is not half written: it says with which user', async (context) => {
  const at = folder(context);
  chmodSync(at, 0o555);
  // Root may do everything: then another user tries.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65532);
  try {
    const { code, err } = await init([at, '--yes']);
    assert.deepEqual([code, /may not write .* run it with --user \d+:\d+/.test(err)], [1, true], err);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(at, 0o755);
  }
  assert.deepEqual(readdirSync(at).sort(), ['.env', 'compose.yml']);
});

test('what is written belongs to the owner of the folder, whoever runs it', async (context) => {
  const at = folder(context);
  if (process.getuid?.() === 0) chownSync(at, 1000, 1001);
  assert.equal((await init([at, '--yes'])).code, 0);
  const { uid, gid } = statSync(at);
  for (const path of ['egress-proxy', 'egress-proxy/config', 'egress-proxy/config/policy.yaml']) {
    const made = statSync(join(at, path));
    assert.deepEqual([made.uid, made.gid], [uid, gid], path);
  }
});

test('where the last file cannot be written, the first ones are taken back', (context) => {
  const at = folder(context);
  const changes = [
    { path: 'egress-proxy/a', before: null, after: 'a' },
    { path: 'compose.yml/b', before: null, after: 'b' },
  ];
  assert.throws(() => apply(at, changes));
  assert.deepEqual(readdirSync(at).sort(), ['.env', 'compose.yml']);
});

test('what is shipped for it is made from the override of this repository', () => {
  const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
  const message = 'compose.override.yml or docker/guard was changed: npm run install-form';
  assert.equal(read('build/install/compose.override.yml'), installForm(read('compose.override.yml')), message);
  assert.deepEqual(readdirSync(`${ROOT}build/install/docker/guard`).sort(), readdirSync(`${ROOT}docker/guard`).sort());
  for (const file of readdirSync(`${ROOT}docker/guard`)) {
    assert.equal(read(`build/install/docker/guard/${file}`), read(`docker/guard/${file}`), message);
  }
});
