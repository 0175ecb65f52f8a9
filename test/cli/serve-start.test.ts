import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './plain-env.js';

const LIMIT = { timeout: 240_000 };
const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

/** Both take the port on 127.0.0.1; `key` and `variable` are what a user can change. */
const TAKEN = [
  {
    take: async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    },
    listeners: (port: number) => `listen: { proxy: "127.0.0.1:0", admin: "127.0.0.1:${port}" }\n`,
    key: 'listen.admin',
    variable: 'EGRESS_ADMIN_LISTEN',
  },
  {
    take: async () => {
      const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
      await once(socket, 'listening');
      return socket;
    },
    listeners: (port: number) =>
      `listen: { proxy: "127.0.0.1:0", admin: "off" }\nsteer: { dns: "127.0.0.1:${port}", http: "127.0.0.1:0", tls: "127.0.0.1:0" }\n`,
    key: 'steer.dns',
    variable: 'EGRESS_STEER_DNS',
  },
];

for (const { take, listeners, key, variable } of TAKEN) {
  test(`serve exits with 1 and names key and variable where the port of ${key} is taken`, LIMIT, async (t) => {
    const taken = await take();
    const at = taken.address();
    if (at === null || typeof at === 'string') throw new Error('no port');
    const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
    const path = join(folder, 'policy.yaml');
    await writeFile(path, `version: 1\n${listeners(at.port)}`);
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', path], {
      env: plainEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 1);
    assert.ok(said.includes(`something else listens there (change ${key}, or ${variable} with the shipped conf`), said);
    taken.close();
    await rm(folder, { recursive: true });
  });
}

test('serve drains if it is stopped before its admin API is there', LIMIT, async (t) => {
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
  t.after(() => child.kill('SIGKILL'));
  const [log, exited] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.deepEqual(exited, [0, null]);
  assert.match(log, /"event":"stopped"/);
  await rm(folder, { recursive: true });
});

test('serve is up, with its admin API, before node:tls is loaded', LIMIT, async (t) => {
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
  t.after(() => child.kill('SIGKILL'));
  assert.equal(await text(child.stderr), 'true,false,false');
  await rm(folder, { recursive: true });
});
