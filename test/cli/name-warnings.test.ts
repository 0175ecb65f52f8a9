/** A tool asks for a name that looks like an allowed one: whoever decides is told, wherever that is decided. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Command } from '../../proxy/cli/command.js';
import { allowCommand, grantsCommand } from '../../proxy/cli/decide.js';
import { startFakeDns, table } from '../http/fake-dns.js';
import { type Instance, LISTEN, request, startInstance } from './instance.js';
import { type Ran, runCommand } from './run-command.js';

const TOKEN = '0123456789abcdef-admin';
const POLICY = `${LISTEN}admin: { token: ${TOKEN} }\npolicy: { default: none, ask: { hold: 0s }, allow: [{ host: api.github.com }] }\n`;
const LIKE_GITHUB = 'It looks like api.github.com, which is allowed, but is another name.';

interface Stand {
  readonly instance: Instance;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the API, which the assertions look into.
  send(method: 'GET' | 'POST', path: string, body?: object): Promise<any>;
  run(command: Command, ...argv: string[]): Promise<Ran>;
}

async function stand(t: TestContext): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-names-'));
  t.after(() => rm(folder, { recursive: true }));
  const dns = await startFakeDns(table({}, 0));
  t.after(() => dns.close());
  const instance = await startInstance(t, `${POLICY}dns: { servers: ["${dns.server}"] }\n`, {
    EGRESS_STATE: join(folder, 'state'),
  });
  const path = join(folder, 'policy.yaml');
  await writeFile(
    path,
    `version: 1\nlisten: { admin: "${new URL(instance.admin).host}" }\nadmin: { token: ${TOKEN} }\n`,
  );
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  return {
    instance,
    async send(method, at, body) {
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await fetch(`${instance.admin}${at}`, { method, headers, ...content })).json();
    },
    run: (command, ...argv) => runCommand(command, [...argv, '--config', path]),
  };
}

test('a question and a decision about a look-alike say which allowed name it looks like', async (t) => {
  const { instance, send } = await stand(t);
  for (const host of ['api.githuh.com', 'xn--80ak6aa92e.com', 'a.example'])
    await request(instance.proxy, `http://${host}/`);
  const { questions } = await send('GET', '/v1/questions');
  const warnings = new Map<string, string | null>(
    questions.map(({ host, warning }: { host: string; warning: string | null }) => [host, warning]),
  );
  assert.equal(warnings.get('api.githuh.com'), LIKE_GITHUB);
  assert.match(warnings.get('xn--80ak6aa92e.com') ?? '', /letters of Cyrillic .* reads like "apple"/);
  assert.equal(warnings.get('a.example'), null);
  const [{ id }] = await send('GET', '/v1/decisions?host=api.githuh.com');
  assert.equal((await send('GET', `/v1/decisions/${id}`)).warning, LIKE_GITHUB);
  assert.deepEqual(await send('GET', '/v1/look-alikes?host=API.githuh.com'), { warning: LIKE_GITHUB });
  assert.deepEqual(await send('GET', '/v1/look-alikes?host=%3Cb%3E'), { warning: null });
  assert.equal((await send('GET', '/v1/look-alikes')).error, 'bad-request');
});

test('a grant for a look-alike is marked as that, and one for the name that it looks like is not', async (t) => {
  const { run, send } = await stand(t);
  const allowed = await run(allowCommand, 'api.githuh.com:443', '--for', '10m');
  assert.equal(allowed.code, 0, allowed.err);
  assert.ok(allowed.out.includes(`\n  warning: ${LIKE_GITHUB}\n`), allowed.out);
  await run(allowCommand, '*.xn--80ak6aa92e.com', '--for', '10m');
  const listed = await run(grantsCommand);
  assert.ok(listed.out.includes(LIKE_GITHUB), listed.out);
  assert.match(listed.out, /allow \*\.xn--80ak6aa92e\.com .*\n {2}warning: "xn--80ak6aa92e" is encoded/);
  const block = { effect: 'block', host: 'api.gthub.com', for: '1h' };
  assert.equal((await send('POST', '/v1/grants', block)).grant.warning, null);
  const uploads = { effect: 'allow', host: 'uploads.github.com', for: '1h' };
  assert.equal((await send('POST', '/v1/grants', uploads)).grant.warning, null);
});

test('what is granted counts as allowed, as long as it is', async (t) => {
  const { send, instance } = await stand(t);
  const answer = () => send('GET', '/v1/look-alikes?host=index.exarnples.org');
  assert.deepEqual(await answer(), { warning: null });
  const { grant } = await send('POST', '/v1/grants', { effect: 'allow', host: 'index.examples.org', for: '1h' });
  assert.match((await answer()).warning, /^It looks like index\.examples\.org/);
  await fetch(`${instance.admin}/v1/grants/${grant.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.deepEqual(await answer(), { warning: null });
});
