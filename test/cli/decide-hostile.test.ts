import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { HOSTILE } from '../observe/records.js';
import { residentMemory } from '../soak/process-state.js';
import { type Instance, LISTEN, startInstance } from './instance.js';

const TOKEN = '0123456789abcdef-admin';
const POLICY = `${LISTEN}admin: { token: ${TOKEN} }\npolicy: { default: none }\nclients: [{ name: github, token: 0123456789abcdef }]\n`;
const GRANT = { effect: 'allow', host: 'evil.example', ports: [443] };

interface Answer {
  readonly status: number;
  readonly cookie: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is what the tests look at
  readonly body: any;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Session {
  readonly cookie: string;
  readonly 'x-egress-key': string;
}

interface Stand {
  readonly instance: Instance;
  readonly state: string;
  ask(asked: Asked): Promise<Answer>;
  /** The cookie of a browser that has shown the token, with the key of its page. */
  signIn(): Promise<Session>;
}

async function stand(t: { after(end: () => Promise<void>): unknown }, policy = POLICY): Promise<Stand> {
  const state = await mkdtemp(join(tmpdir(), 'egress-hostile-'));
  t.after(() => rm(state, { recursive: true }));
  const instance = await startInstance(t, policy, { EGRESS_STATE: state });
  const { hostname, port, host } = new URL(instance.admin);
  const ask = async ({ method = 'POST', path = '/v1/grants', headers = {}, body = '' }: Asked): Promise<Answer> => {
    const all = { host, 'content-length': String(Buffer.byteLength(body)), ...headers };
    const sent = http.request({ host: hostname, port, method, path, headers: all, agent: false }).end(body);
    const [response] = await once(sent, 'response');
    const text = await json(response).catch(() => null);
    const [cookie = null] = response.headers['set-cookie'] ?? [];
    return { status: response.statusCode, cookie: cookie?.split(';')[0] ?? null, body: text };
  };
  return {
    instance,
    state,
    ask,
    async signIn() {
      const body = JSON.stringify({ token: TOKEN });
      const { status, cookie, body: answer } = await ask({ path: '/v1/session', headers: JSON_BODY, body });
      assert.equal(status, 200);
      const key = (answer as { readonly key: string }).key;
      return { cookie: cookie ?? assert.fail(), 'x-egress-key': key };
    },
  };
}

const JSON_BODY = { 'content-type': 'application/json' };
const BEARER = { authorization: `Bearer ${TOKEN}` };

async function granted({ ask }: Stand): Promise<unknown[]> {
  const { status, body } = await ask({ method: 'GET', headers: BEARER });
  assert.equal(status, 200);
  return [...body.grants, ...body.pauses];
}

/** What pages of other origins and tools can send: with the cookie that a browser adds and even the page's key, or with a guess. */
function attempts(session: Session, host: string): Readonly<Record<string, Asked>> {
  const body = JSON.stringify(GRANT);
  const own = { ...JSON_BODY, ...session, origin: `http://${host}` };
  return {
    'the cookie without the key': { headers: { ...own, 'x-egress-key': '' }, body },
    'the cookie with another key': { headers: { ...own, 'x-egress-key': '0'.repeat(64) }, body },
    'the key in the URL': {
      path: `/v1/grants?key=${session['x-egress-key']}`,
      headers: { ...own, 'x-egress-key': '' },
      body,
    },
    'no token': { headers: JSON_BODY, body },
    'a guess': { headers: { ...JSON_BODY, authorization: `Bearer ${TOKEN}x` }, body },
    'a part of the token': { headers: { ...JSON_BODY, authorization: `Bearer ${TOKEN.slice(0, -1)}` }, body },
    'an empty token': { headers: { ...JSON_BODY, authorization: 'Bearer ' }, body },
    'another cookie': { headers: { ...own, cookie: `egress_admin=${'0'.repeat(64)}` }, body },
    'a form': { headers: { ...own, 'content-type': 'application/x-www-form-urlencoded' }, body: 'effect=allow' },
    'a form of text': { headers: { ...own, 'content-type': 'text/plain' }, body },
    'a form with parts': { headers: { ...own, 'content-type': 'multipart/form-data; boundary=x' }, body },
    'no content type': { headers: { ...session, origin: `http://${host}` }, body },
    'another origin': { headers: { ...own, origin: 'http://evil.example' }, body },
    'no origin that can be told': { headers: { ...own, origin: 'null' }, body },
    'no origin at all': { headers: { ...JSON_BODY, ...session }, body },
    'another site': { headers: { ...own, 'sec-fetch-site': 'cross-site' }, body },
    'another port of this host': { headers: { ...own, origin: 'http://127.0.0.1:1' }, body },
    'a name that leads here': { headers: { ...own, host: 'rebind.example', origin: 'http://rebind.example' }, body },
    'an image': { method: 'GET', path: '/v1/grants?effect=allow&host=evil.example', headers: { ...session } },
    'an image of a pause': { method: 'GET', path: '/v1/pause?mode=report&for=1h', headers: { ...session } },
    'the token in the URL': { path: `/v1/grants?token=${TOKEN}`, headers: JSON_BODY, body },
    'another method': { method: 'PUT', headers: own, body },
    'a method in a field': { method: 'GET', headers: { ...own, 'x-http-method-override': 'POST' }, body },
    'a pause of all': {
      path: '/v1/pause',
      headers: { ...JSON_BODY, ...session },
      body: '{"mode":"report","for":"1h"}',
    },
    'a websocket': {
      method: 'GET',
      headers: { ...own, connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-key': 'x'.repeat(24) },
    },
  };
}

/** One for all attempts: each of them leaves it as it was. */
let attacked: Stand;
const ends: (() => Promise<void>)[] = [];
before(async () => {
  attacked = await stand({ after: (end) => ends.push(end) });
});
after(async () => {
  for (const end of ends) await end();
});

for (const name of Object.keys(attempts({ cookie: '', 'x-egress-key': '' }, ''))) {
  test(`by ${name} nothing is granted`, async () => {
    const here = attacked;
    const { host } = new URL(here.instance.admin);
    const asked = attempts(await here.signIn(), host)[name] ?? assert.fail();
    const { status } = await here.ask(asked);
    if (asked.method !== 'GET') assert.ok(status >= 400 && status < 500, String(status));
    assert.deepEqual(await granted(here), []);
  });
}

test('a cookie is of no use after its session has ended, and the token is', async (t) => {
  const here = await stand(t);
  const { host } = new URL(here.instance.admin);
  const session = await here.signIn();
  const headers = { ...JSON_BODY, ...session, origin: `http://${host}` };
  const write = (ports: number[]) => here.ask({ headers, body: JSON.stringify({ ...GRANT, ports, for: '1h' }) });
  assert.equal((await write([443])).status, 201);
  assert.equal((await here.ask({ method: 'DELETE', path: '/v1/session', headers, body: '{}' })).status, 200);
  assert.equal((await write([444])).status, 401);
  assert.equal((await granted(here)).length, 1);
});

const HOSTS = [
  ...HOSTILE,
  'a'.repeat(300),
  `${'a'.repeat(64)}.example`,
  '- { host: x }',
  'x", clients: ["nobody"] } #',
  '*',
  '*.',
  '0x7f.1',
  '127.1',
  '[::1%lo]',
  'user@evil.example',
  'evil.example/path',
  'evil.example:443',
  '',
];

test('an invalid host is refused with its mistake, and neither log nor state has anything of it', async (t) => {
  const here = await stand(t);
  for (const host of HOSTS) {
    const body = JSON.stringify({ ...GRANT, host });
    const answer = await here.ask({ headers: { ...JSON_BODY, ...BEARER }, body });
    assert.ok([400, 403, 409].includes(answer.status), `${JSON.stringify(host)}: ${answer.status}`);
    assert.equal(typeof answer.body.explanation, 'string');
    assert.doesNotMatch(JSON.stringify(answer.body), /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u);
  }
  assert.deepEqual(await granted(here), []);
  assert.doesNotMatch(here.instance.log.join('\n'), /"event":"grant"/);
  for (const name of await readdir(here.state)) {
    assert.doesNotMatch(await readFile(join(here.state, name), 'utf8'), /evil|onerror/);
  }
});

for (const [host, shown] of [
  ['BÜCHER.example', 'xn--bcher-kva.example'],
  ['Api.Example.', 'api.example'],
] as const) {
  test(`${host} is granted as the name that is asked for, ${shown}, or not at all`, async (t) => {
    const here = await stand(t);
    const body = JSON.stringify({ ...GRANT, host, for: '1h' });
    const { status, body: answer } = await here.ask({ headers: { ...JSON_BODY, ...BEARER }, body });
    if (status === 201) assert.equal(answer.grant.host, shown);
    else assert.equal(status, 400);
  });
}

test('nothing opens what is never open, nor what a deny rule of the file refuses', async (t) => {
  const here = await stand(t);
  const reloaded = here.instance.event('reloaded');
  await here.instance.configure(POLICY.replace('default: none', 'default: none, deny: [{ host: "*.evil.example" }]'));
  await reloaded;
  const { port } = new URL(here.instance.admin);
  const own = { host: '127.0.0.1', ports: [Number(port)] };
  for (const [wanted, error] of [
    [{ host: '169.254.169.254' }, 'never'],
    [{ host: 'metadata.google.internal' }, 'never'],
    [{ host: '::ffff:169.254.169.254' }, 'never'],
    [{ host: '224.0.0.1' }, 'never'],
    [{ host: '0.0.0.0' }, 'never'],
    [own, 'never'],
    [{ host: 'api.evil.example' }, 'denied-by-file'],
  ] as const) {
    for (const confirm of [{}, { confirm: 'internal' }]) {
      const body = JSON.stringify({ ...GRANT, ...wanted, ...confirm });
      const answer = await here.ask({ headers: { ...JSON_BODY, ...BEARER }, body });
      assert.equal(answer.body.error, error, JSON.stringify([wanted, confirm, answer.body]));
    }
  }
  assert.deepEqual(await granted(here), []);
});

test('ten thousand questions of one tool are twenty, and leave page, log, state and memory as they were', {
  timeout: 240_000,
}, async (t) => {
  const here = await stand(t, POLICY.replace('default: none', 'default: none, ask: { hold: 0s }'));
  const { instance, ask, state } = here;
  const read = async (path: string): Promise<Answer> => ask({ method: 'GET', path, headers: BEARER });
  await floodOf(instance, 0, 1000);
  const atFirst = residentMemory(instance.child.pid ?? 0);
  await floodOf(instance, 1000, 10_000);
  const { questions, folded } = (await read('/v1/questions')).body;
  assert.equal(questions.length, 20);
  assert.deepEqual(
    folded.map(({ more }: { more: number }) => more),
    [9980],
  );
  const grown = residentMemory(instance.child.pid ?? 0) - atFirst;
  assert.ok(grown < 64, `${grown} MiB more`);
  assert.deepEqual(await granted(here), []);
  assert.equal((await read('/')).status, 200);
  assert.deepEqual(await readdir(state), []);
  for (const line of instance.log) assert.equal(typeof JSON.parse(line).event, 'string', line);
});

/** GETs by one client, on a connection that it keeps, from host number `from` on; each is refused. */
async function floodOf({ proxy }: Instance, from: number, to: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const { hostname, port } = new URL(proxy);
  let next = from;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < to; i = next++) {
      const host = `h${i}.example`;
      const sent = http.request({ host: hostname, port, path: `http://${host}/`, headers: { host }, agent }).end();
      const [response] = await once(sent, 'response');
      assert.equal(response.statusCode, 403);
      await once(response.resume(), 'end');
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  agent.destroy();
}
