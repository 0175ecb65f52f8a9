import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './cli/plain-env.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const isKept = typeof Reflect.get(nodeModule, 'flushCompileCache') === 'function';

const SHIPPED = [
  'package.json',
  'build/policy.yaml',
  'dist/proxy/main.js',
  'dist/proxy/chunks',
  'dist/proxy/admin/page',
];

function shipped(t: TestContext): string {
  const app = mkdtempSync(join(tmpdir(), 'egress-compiled-'));
  t.after(() => rmSync(app, { recursive: true }));
  for (const path of SHIPPED) cpSync(join(ROOT, path), join(app, path), { recursive: true });
  return app;
}

function compiled(app: string): SpawnSyncReturns<string> {
  const listen = { EGRESS_PROXY_LISTEN: '127.0.0.1:0', EGRESS_ADMIN_LISTEN: '127.0.0.1:0' };
  const options = ['--random-seed=1', '--initial-old-space-size=128', '--input-type=module'];
  return spawnSync(process.execPath, options, {
    input: readFileSync(join(ROOT, 'build', 'compile.mjs'), 'utf8'),
    env: plainEnv({ ...listen, PROGRAM: join(app, 'dist') }),
    encoding: 'utf8',
  });
}

function started(app: string): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [join(app, 'dist', 'proxy', 'main.js'), 'check', 'http://10.0.0.1/'], {
    env: plainEnv({ NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }),
    encoding: 'utf8',
  });
}

function taken(t: TestContext): void {
  const app = shipped(t);
  const { status, stderr } = compiled(app);
  assert.equal(status, 0, stderr);
  const folders = readdirSync(join(app, 'dist', '.compile-cache'));
  assert.equal(folders.length, 1);
  const start = started(app);
  assert.match(start.stderr, /cache for \S*(?: \S+)?\/chunks\/\S+ was accepted/);
  assert.doesNotMatch(start.stderr, /cache for .* was (?:rejected|not initialized)/);
  assert.deepEqual(readdirSync(join(app, 'dist', '.compile-cache')), folders);
}

function lacking(t: TestContext): void {
  const app = shipped(t);
  const { status, stderr } = compiled(app);
  assert.equal(status, 1);
  assert.match(stderr, /keeps no compiled code/);
  assert.equal(started(app).status, 3);
}

const LIMIT = { timeout: 240_000 };
if (isKept) test('a start takes the compiled code that the image was built with', LIMIT, taken);
else
  test('where Node keeps no compiled code, the build of the image says so, and a start does without', LIMIT, lacking);
