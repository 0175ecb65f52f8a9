import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LISTEN, startInstance } from './instance.js';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

const MISTAKEN = `version: 1
listen: { proxy: nowhere }
dns: { timeout: soon }
policy:
  default: open
  allow: [ { host: 10.0.0.1 } ]
  internal: [ { host: n8n } ]
limit: { connections: 5 }
`;

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-test-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test('a client by an address that any container may get is a warning at the start and after a reload', async (t) => {
  const client = (address: string): string => `${LISTEN}clients: [ { name: nas, address: ${address}/32 } ]\n`;
  const instance = await startInstance(t, client('172.31.250.7'), { EGRESS_TOOLS_RANGE: '172.31.250.0/25' });
  const warnings = () => instance.log.filter((line) => line.includes('"event":"config-warning"'));
  assert.equal(warnings().length, 1);
  assert.match(warnings()[0] ?? '', /"path":"clients\[0\]\.address".*whoever has 172\.31\.250\.7\/32 is taken for nas/);
  const reloaded = instance.event('reloaded');
  await instance.configure(client('172.31.250.200'));
  await reloaded;
  assert.equal(warnings().length, 1);
  const again = instance.event('config-warning');
  await instance.configure(client('172.31.250.8'));
  await again;
});

test('the addresses of the host are refused, in a file that has no key for them', async (t) => {
  const env = { EGRESS_HOST_ADDRESSES: 'gateway,45.45.45.2' };
  const instance = await startInstance(t, `${LISTEN}policy: { default: public }\n`, env);
  const check = async (target: string): Promise<unknown> => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ target }) };
    const verdict = (await (await fetch(`${instance.admin}/v1/check`, init)).json()) as { readonly rule: unknown };
    return verdict.rule;
  };
  assert.deepEqual([await check('45.45.45.2:8811'), await check('45.45.45.3:8811')], ['never:host', 'default']);
});

test('six mistakes in EGRESS_CONFIG print six errors with path, value and right form, and exit 78', async (t) => {
  const path = join(await folderOf(t), 'policy.yaml');
  await writeFile(path, MISTAKEN);
  const child = spawn(process.execPath, [MAIN], { env: plainEnv({ EGRESS_CONFIG: path }) });
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 78);
  const lines = errors.trim().split('\n').slice(1);
  assert.equal(lines.length, 6, errors);
  const expected = [
    ['listen.proxy', 'nowhere', '0.0.0.0:3128'],
    ['dns.timeout', 'soon', '500ms'],
    ['policy.default', 'open', 'public'],
    ['policy.allow[0].host', '10.0.0.1', 'address'],
    ['policy.internal[0].ports', 'nothing', '443'],
    ['limit', 'limit', 'limits'],
  ];
  expected.forEach((parts, i) => {
    for (const part of parts) assert.ok(lines[i]?.includes(part), `${part} in: ${lines[i]}`);
  });
});

test('a bad reload keeps the policy in force, says so in the log and raises a metric; a good one takes over', async (t) => {
  const policy = (rules: string): string => `${LISTEN}policy: { default: none, ${rules} }\n`;
  const { admin, child, configure, event, line } = await startInstance(t, policy('allow: [ { host: before.test } ]'));
  const served = async (path: string): Promise<string> => (await fetch(`${admin}${path}`)).text();

  const failed = line(/"event":"reload-failed"/);
  await configure(policy('allow: [ { hosts: after.test } ]'));
  child.kill('SIGHUP');
  assert.match(await failed, /policy\.allow\[0\]\.hosts/);
  assert.match(await served('/metrics'), /^egress_policy_reload_failures_total 1$/m);
  assert.match(await served('/v1/policy'), /before\.test/);

  const reloaded = event('reloaded');
  await configure(policy('allow: [ { host: after.test } ]'));
  child.kill('SIGHUP');
  await reloaded;
  assert.match(await served('/v1/policy'), /after\.test/);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});
