import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

test('serve exits with 1 where one of its listeners cannot be opened', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const at = taken.address();
  if (at === null || typeof at === 'string') throw new Error('no port');
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, `version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:${at.port}" }\n`);
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', path], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  assert.equal(code, 1);
  taken.close();
  await rm(folder, { recursive: true });
});
