import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

test('serve exits with 1 and names the key where one of its listeners cannot be opened', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const at = taken.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, `version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:${at.port}" }\n`);
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', path], {
    env: plainEnv(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 1);
  assert.match(
    said,
    /something else listens there \(change listen\.admin, or EGRESS_ADMIN_LISTEN with the shipped conf/,
  );
  taken.close();
  await rm(folder, { recursive: true });
});

test('serve drains if it is stopped before its admin API is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, 'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\n');
  // Stopped with its first listener, which is the proxy's.
  const script = `import { Server } from 'node:net';
import { main } from ${JSON.stringify(MAIN)};
const { emit } = Server.prototype;
Server.prototype.emit = function (name, ...rest) {
  if (name === 'listening') {
    Server.prototype.emit = emit;
    process.kill(process.pid, 'SIGTERM');
  }
  return emit.call(this, name, ...rest);
};
await main(['serve', '--config', ${JSON.stringify(path)}]);`;
  const args = ['--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { env: plainEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  const [log, exited] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.deepEqual(exited, [0, null]);
  assert.match(log, /"event":"stopped"/);
  await rm(folder, { recursive: true });
});

test('serve is up, with its admin API, before node:tls is loaded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, 'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\n');
  const script = `import { main } from ${JSON.stringify(MAIN)};
await main(['serve', '--config', ${JSON.stringify(path)}]);
const has = (name) => process.moduleLoadList.includes('NativeModule ' + name);
process.stderr.write([has('net'), has('tls'), has('https')].join());
process.exit(0);`;
  const args = ['--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { env: plainEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  assert.equal(await text(child.stderr), 'true,false,false');
  await rm(folder, { recursive: true });
});
