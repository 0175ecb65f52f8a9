import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plainEnv } from './plain-env.js';

const MAIN = fileURLToPath(new URL('../../proxy/main.js', import.meta.url));
const SHIPPED = fileURLToPath(new URL('../../../config/policy.yaml', import.meta.url));

test('what is for always is in force, and is not written into the policy that came with the program', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'egress-shipped-'));
  const before = await readFile(SHIPPED, 'utf8');
  const listen = { EGRESS_PROXY_LISTEN: '127.0.0.1:0', EGRESS_ADMIN_LISTEN: '127.0.0.1:0' };
  const env = plainEnv({ EGRESS_STATE: state, ...listen });
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    await rm(state, { recursive: true });
  });
  let admin = '';
  for await (const line of createInterface({ input: child.stdout })) {
    admin = /"admin":"([^"]+)"/.exec(line)?.[1] ?? '';
    if (admin !== '') break;
  }
  const token = (await readFile(join(state, 'admin-token'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ effect: 'block', host: 'tracker.example' });
  const answer = await fetch(`http://${admin}/v1/grants`, { method: 'POST', headers, body });
  assert.equal(answer.status, 201);
  const { grant, file } = (await answer.json()) as { grant: { inFile: boolean }; file: Record<string, unknown> };
  assert.deepEqual(
    [grant.inFile, file.applied, file.section, file.line],
    [false, false, 'deny', '- { host: "tracker.example" }'],
  );
  assert.match(String(file.explanation), /copy it.*--config/);
  assert.equal(await readFile(SHIPPED, 'utf8'), before);
});
