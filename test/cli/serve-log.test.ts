import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LISTEN, request, startInstance } from './instance.js';

const POLICY = 'policy: { default: public }\n';

test('what was refused is there again after the process was killed', { timeout: 240_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'serve-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'decisions.log');
  const yaml = `${LISTEN}${POLICY}log: { file: { path: ${path}, maxSize: 1MiB, keep: 2 } }\n`;
  const first = await startInstance(t, yaml);
  const written = (async () => {
    for await (const _ of watch(folder)) if (readFileSync(path, 'utf8').includes('169.254.169.254')) return;
  })();
  assert.equal(await request(first.proxy, 'http://169.254.169.254/'), 403);
  await written;
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await startInstance(t, yaml);
  assert.equal(await request(second.proxy, 'http://10.0.0.1/'), 403);
  const answer = await (await fetch(`${second.admin}/v1/decisions`)).text();
  const hosts = [...answer.matchAll(/"host":"([^"]*)"/g)].map(([, host]) => host);
  assert.deepEqual(hosts, ['10.0.0.1', '169.254.169.254']);
  const metrics = await (await fetch(`${second.admin}/metrics`)).text();
  assert.match(metrics, /^egress_requests_total\{outcome="deny",reason="address-prohibited",door="absolute"\} 1$/m);
  assert.doesNotMatch(metrics, /metadata-address".*\} [1-9]/);
});

test('a log for people has a line for each decision, and no colour in a pipe', { timeout: 240_000 }, async (t) => {
  const instance = await startInstance(t, `${LISTEN}${POLICY}log: { format: pretty }\n`);
  const line = instance.line(/169\.254\.169\.254/);
  await request(instance.proxy, 'http://169.254.169.254/');
  assert.match(
    await line,
    /^\d\d:\d\d:\d\d\.\d{3} deny {2}127\.0\.0\.1 +169\.254\.169\.254:80 +absolute +metadata-address/,
  );
});

test('every line says which instance wrote it, and the API shows the same', { timeout: 240_000 }, async (t) => {
  const listen = LISTEN.replace('}', ', metrics: "127.0.0.1:0" }');
  const instance = await startInstance(t, `${listen}${POLICY}`, { POD_NAME: 'egress-proxy-7d4b9-abcde' });
  const line = instance.line(/169\.254\.169\.254/);
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/'), 403);
  const decided = JSON.parse(await line);
  assert.match(decided.id, /^[0-9a-z]{9}-[0-9a-z]{4}-[0-9a-z]{5}$/);
  const reloaded = instance.line(/"event":"reloaded"/);
  await instance.configure(`${listen}policy: { default: none }\n`);
  instance.child.kill('SIGHUP');
  await reloaded;
  for (const text of instance.log) assert.equal(JSON.parse(text).instance, 'egress-proxy-7d4b9-abcde', text);
  const found = await (await fetch(`${instance.admin}/v1/decisions/${decided.id}`)).text();
  assert.equal(JSON.parse(found).record.instance, 'egress-proxy-7d4b9-abcde');
});

test('the listener of metrics is the proxy itself, and shows what the admin API does', {
  timeout: 240_000,
}, async (t) => {
  const instance = await startInstance(t, `${LISTEN.replace('}', ', metrics: "127.0.0.1:0" }')}${POLICY}`);
  const line = instance.line(/"reason":"own-listener"/);
  assert.equal(await request(instance.proxy, `${instance.metrics}/metrics`), 403);
  await line;
  const metrics = await (await fetch(`${instance.metrics}/metrics`)).text();
  assert.match(metrics, /^egress_requests_total\{outcome="deny",reason="own-listener",door="absolute"\} 1$/m);
  assert.equal(
    await (await fetch(`${instance.metrics}/readyz`)).text(),
    await (await fetch(`${instance.admin}/readyz`)).text(),
  );
  assert.equal((await fetch(`${instance.metrics}/v1/decisions`)).status, 404);
});
