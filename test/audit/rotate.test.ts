import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rotateCommand } from '../../proxy/cli/rotate.js';
import { runCommand } from '../cli/run-command.js';
import { withFiles } from './audit.js';
import { secretsOf } from './bad-stack.js';
import { hardened } from './stack.js';
import { composeJson } from './stack-json.js';

function rotate(...args: readonly string[]) {
  return runCommand(rotateCommand, ['--no-engine', '--shell', 'sh', ...args]);
}

test('a token of the stack: the system makes it, who checks it starts before who presents it, and it is looked at', async () => {
  const stack = hardened();
  await withFiles(stack, async (folder) => {
    const [env, compose] = [join(folder, '.env'), join(folder, 'compose.json')];
    writeFileSync(compose, JSON.stringify(composeJson(stack)));
    const { code, out, err } = await rotate('--env', env, '--compose', compose, 'OPS_CONTROLLER_TOKEN');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /"\$\(openssl rand -hex 32\)" >> /);
    const started = [...out.matchAll(/docker compose up -d (\S+)/g)].map(([, service]) => service);
    assert.deepEqual(started, ['ops-controller', 'dashboard']);
    assert.match(out, /egress-proxy audit --env .* --only .*token-stale-in-container/);
    for (const [name, secret] of secretsOf(stack)) assert.ok(!out.includes(secret), name);
  });
});

test('OpenClaw: its file is written before it starts, and clients are paired again', async () => {
  const { out } = await rotate('OPENCLAW_GATEWAY_TOKEN');
  const started = [...out.matchAll(/docker compose up -d (\S+)/g)].map(([, service]) => service);
  assert.deepEqual(started.slice(0, 2), ['openclaw-config-sync', 'openclaw-gateway']);
  assert.match(out, /Pair the clients of OpenClaw again/);
});

test('a key of a provider is made and revoked there, and typed in without echo', async () => {
  const { out } = await rotate('GITHUB_PERSONAL_ACCESS_TOKEN');
  assert.match(out, /^1\. {2}Create a new one at its provider/);
  assert.match(out, /stty -echo; read -r value/);
  assert.match(out, /Revoke the old one at its provider/);
  assert.doesNotMatch(out, /openssl/);
});

test("the proxy's own tokens have a second one during a rotation", async () => {
  for (const [name, file] of [
    ['admin', 'egress_admin'],
    ['client:github', 'egress_client_github'],
  ]) {
    const { code, out } = await rotate(name ?? '');
    assert.equal(code, 0);
    assert.match(out, new RegExp(`next: "\\$\\{file:/run/secrets/${file}_next\\}"`));
    assert.match(out, /nothing restarts/);
  }
});

test('PowerShell has commands of its own', async () => {
  const { out } = await runCommand(rotateCommand, ['--no-engine', '--shell', 'powershell', 'OPS_CONTROLLER_TOKEN']);
  assert.match(out, /RandomNumberGenerator/);
  assert.doesNotMatch(out, /\bsed\b|openssl/);
});

test('an argument that is not a name is a usage error', async () => {
  for (const args of [[], ['A B'], ['A;B'], ['client:'], ['A', 'B']]) assert.equal((await rotate(...args)).code, 2);
});
