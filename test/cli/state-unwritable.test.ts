/** A state folder that can be read and not written to: what it forbids is forbidden. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Instance, LISTEN, request, startInstance } from './instance.js';

const TOKEN = 'k'.repeat(43);
const GRANT = {
  ...{ client: null, address: '93.184.216.34', host: null, ports: [80], internal: false, once: false },
  ...{ created: '2026-01-01T00:00:00.000Z', expires: null, by: 'page', why: null, from: null, inFile: false },
};

async function refusal(instance: Instance, url: string): Promise<string> {
  const logged = instance.line(/"event":"decision"/);
  await request(instance.proxy, url);
  const { reason, rule } = JSON.parse(await logged);
  return `${reason} ${rule}`;
}

test('blocks and pauses in a folder that cannot be written to stay in force, permissions do not, and its token opens', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'egress-unwritable-'));
  t.after(() => rm(state, { recursive: true }));
  const grants = [
    { ...GRANT, id: 'block', effect: 'block' },
    { ...GRANT, id: 'allow', effect: 'allow', address: '93.184.216.35' },
  ];
  await writeFile(join(state, 'grants.json'), JSON.stringify({ version: 1, grants, pauses: [] }));
  await writeFile(join(state, 'admin-token'), `${TOKEN}\n`, { mode: 0o600 });
  // Whoever runs this may write everywhere: so the place of the trial is taken.
  await mkdir(join(state, '.trial'));
  const instance = await startInstance(t, `${LISTEN}policy: { default: none }\n`, { EGRESS_STATE: state });
  assert.ok(instance.log.some((line) => line.includes('"event":"state-unwritable"')));
  assert.equal(await refusal(instance, 'http://93.184.216.34/'), 'address-denied grant:block');
  assert.equal(await refusal(instance, 'http://93.184.216.35/'), 'host-not-allowed default');
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ effect: 'block', host: 'evil.test', for: '1h' });
  assert.equal((await fetch(`${instance.admin}/v1/grants`, { method: 'POST', headers, body })).status, 201);
  const answer = (await (await fetch(`${instance.admin}/v1/grants`, { headers })).json()) as {
    state: { path: string | null; error: string };
    grants: { id: string }[];
  };
  assert.deepEqual([answer.state.path, answer.grants.length], [null, 2]);
  assert.match(answer.state.error, /cannot be written to/);
});
