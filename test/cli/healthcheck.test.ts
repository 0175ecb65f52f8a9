import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLOSED_PORT } from '../net/closed-port.js';
import { patient } from './patient.js';
import { plainEnv } from './plain-env.js';

/** What the command gives the instance for its answer. */
const ANSWER_MS = 2000;
const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));

/** An instance that answers `/readyz` with `status`, and everything else as the proxy port does. */
async function instance(t: TestContext, status: number): Promise<string> {
  const server = createServer((request, response) => {
    const ready = request.url === '/readyz';
    if (!ready) response.setHeader('proxy-status', 'mcp-egress-proxy; error=http_request_error');
    response.writeHead(ready ? status : 400).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `0.0.0.0:${(server.address() as AddressInfo).port}`;
}

async function exitCode(t: TestContext, text: string, env: NodeJS.ProcessEnv = {}): Promise<number | null> {
  const folder = mkdtempSync(join(tmpdir(), 'egress-healthcheck-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'policy.yaml');
  writeFileSync(path, text);
  const child = spawn(process.execPath, [MAIN, 'healthcheck'], {
    env: plainEnv({ ...env, ...patient(ANSWER_MS), EGRESS_CONFIG: path }),
    stdio: 'ignore',
  });
  return new Promise((resolve) => child.on('close', resolve));
}

test('a ready instance is healthy, one that drains is not', async (t) => {
  assert.equal(await exitCode(t, `listen: { admin: "${await instance(t, 200)}" }`), 0);
  assert.equal(await exitCode(t, `listen: { admin: "${await instance(t, 503)}" }`), 1);
});

test('the address may come from the environment', async (t) => {
  const ADMIN = await instance(t, 200);
  assert.equal(await exitCode(t, `listen: { admin: "\${ADMIN:-127.0.0.1:1}" }`, { ADMIN }), 0);
});

test('without an admin API the proxy port answers for it', async (t) => {
  assert.equal(await exitCode(t, `listen: { proxy: "${await instance(t, 200)}", admin: off }`), 0);
});

test('without an admin API, that of metrics is asked', async (t) => {
  for (const [status, code] of [
    [200, 0],
    [503, 1],
  ] as const)
    assert.equal(await exitCode(t, `listen: { admin: off, metrics: "${await instance(t, status)}" }`), code);
});

test('an instance whose file was changed for the worse is still healthy', async (t) => {
  const admin = await instance(t, 200);
  assert.equal(await exitCode(t, `listen: { admin: "${admin}" }\npolicy: { default: pubilc, allow: [ 3 ] }`), 0);
});

test('an instance that does not answer is not healthy', async (t) => {
  assert.equal(await exitCode(t, `listen: { admin: "127.0.0.1:${CLOSED_PORT}" }`), 1);
});
