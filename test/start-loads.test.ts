/** What a start loads before its first door is open: each of these modules costs 3 to 20 ms. DECISIONS 244. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './cli/plain-env.js';

const MAIN = fileURLToPath(new URL('../proxy/main.js', import.meta.url));

/** Ends the process in place of its first listener, and prints which modules of Node it has. */
const AT_FIRST_DOOR = `
const { Server } = require('node:net');
Server.prototype.listen = () => {
  const named = process.moduleLoadList.map((one) => one.replace('NativeModule ', ''));
  require('node:fs').writeSync(1, JSON.stringify(named));
  process.exit(0);
};`;

const LATER = ['crypto', 'http', 'http2', 'https', 'readline', 'tls', 'worker_threads', 'zlib'];

test('what the doors do not need is not loaded before they are open', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'egress-loads-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [hook, policy] = [join(folder, 'hook.cjs'), join(folder, 'policy.yaml')];
  writeFileSync(hook, AT_FIRST_DOOR);
  writeFileSync(
    policy,
    'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\nadmin: { token: a-token-of-this-test }\n',
  );
  const { stdout, stderr } = spawnSync(process.execPath, ['--require', hook, MAIN, 'serve', '--config', policy], {
    env: plainEnv(),
    encoding: 'utf8',
  });
  const loaded: readonly string[] = JSON.parse(stdout === '' ? `"${stderr}"` : stdout);
  assert.ok(loaded.includes('net'));
  assert.deepEqual(
    LATER.filter((name) => loaded.includes(name)),
    [],
  );
});
