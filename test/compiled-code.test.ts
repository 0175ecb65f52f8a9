import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const isKept = typeof Reflect.get(nodeModule, 'flushCompileCache') === 'function';

test('a start takes the compiled code that the image was built with', {
  skip: isKept ? false : 'this Node keeps no compiled code',
  timeout: 60_000,
}, (t) => {
  const app = mkdtempSync(join(tmpdir(), 'egress-compiled-'));
  t.after(() => rmSync(app, { recursive: true }));
  const shipped = [
    'package.json',
    'build/policy.yaml',
    'dist/proxy/main.js',
    'dist/proxy/chunks',
    'dist/proxy/admin/page',
  ];
  for (const path of shipped) cpSync(join(ROOT, path), join(app, path), { recursive: true });
  const listen = { EGRESS_PROXY_LISTEN: '127.0.0.1:0', EGRESS_ADMIN_LISTEN: '127.0.0.1:0' };
  execFileSync(process.execPath, ['--random-seed=1', '--input-type=module'], {
    input: readFileSync(join(ROOT, 'build', 'compile.mjs')),
    env: { ...process.env, ...listen, PROGRAM: join(app, 'dist') },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const folders = readdirSync(join(app, 'dist', '.compile-cache'));
  assert.equal(folders.length, 1);
  const started = spawnSync(process.execPath, [join(app, 'dist', 'proxy', 'main.js'), 'check', 'http://10.0.0.1/'], {
    env: { ...process.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
    encoding: 'utf8',
  });
  assert.match(started.stderr, /cache for \S*(?: \S+)?\/chunks\/\S+ was accepted/);
  assert.doesNotMatch(started.stderr, /cache for .* was (?:rejected|not initialized)/);
  assert.deepEqual(readdirSync(join(app, 'dist', '.compile-cache')), folders);
});
