import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LISTEN, request, startInstance } from './instance.js';

const METADATA = 'http://169.254.169.254/';

test('a token in a file is rotated without a gap and without a restart, for clients and for the admin API', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egress-secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = (name: string): string => `"\${file:${join(folder, name)}}"`;
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), `${text}\n`);
  await Promise.all([write('client', 'client-1'), write('admin', 'admin-1'), write('next', 'client-2')]);
  const yaml = `${LISTEN}admin: { token: ${file('admin')} }\nclients: [{ name: github, token: ${file('client')}, next: ${file('next')} }]\n`;
  const instance = await startInstance(t, yaml);
  const client = (token: string) => request(instance.proxy, METADATA, `github:${token}`);
  const admin = async (token: string) =>
    (await fetch(`${instance.admin}/v1/policy`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.deepEqual([await client('client-1'), await client('client-2'), await client('client-3')], [403, 403, 407]);
  assert.deepEqual([await admin('admin-1'), await admin('admin-2')], [200, 401]);

  const reloaded = instance.event('reloaded');
  await Promise.all([write('client', 'client-2'), write('next', 'client-3'), write('admin', 'admin-2')]);
  instance.child.kill('SIGHUP');
  await reloaded;
  assert.deepEqual([await client('client-1'), await client('client-2'), await client('client-3')], [407, 403, 403]);
  assert.deepEqual([await admin('admin-1'), await admin('admin-2')], [401, 200]);

  const partly = instance.event('reload-partial');
  await instance.configure(`${LISTEN}clients: []\n`);
  instance.child.kill('SIGHUP');
  await partly;
  assert.deepEqual([await admin('admin-2'), await admin('')], [200, 401], 'a listener with a token keeps it');
  assert.ok(!instance.log.join('\n').match(/client-[123]|admin-[12]/), 'no token is in the log');
});
