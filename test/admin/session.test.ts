import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Sessions } from '../../proxy/admin/sessions.js';
import { adminWith } from './build.js';

const TOKEN = '0123456789abcdef-token';
const HOUR = 3_600_000;
const HOST = 'localhost:9180';

/** A browser that is signed in where it says so, and a clock that the test moves. */
function stand(tokens: { token: string | null; next?: string | null } = { token: TOKEN }) {
  const clock = { ms: 0 };
  const keys = new Map<string, string>();
  const { app } = adminWith({
    now: () => clock.ms,
    get token() {
      return tokens.token;
    },
    get next() {
      return tokens.next ?? null;
    },
  });
  const headers = { host: HOST, origin: `http://${HOST}`, 'content-type': 'application/json' };
  const signIn = async (cookie = '', token = TOKEN): Promise<string> => {
    const payload = { token };
    const answer = await app.inject({ method: 'POST', url: '/v1/session', headers: { ...headers, cookie }, payload });
    assert.equal(answer.statusCode, 200);
    const value = String(answer.headers['set-cookie']).split(';')[0] ?? '';
    keys.set(value, answer.json().key);
    return value;
  };
  /** As the page does it, which has the key of its cookie. */
  const withKey = (value: string) => ({ cookie: value, 'x-egress-key': keys.get(value) ?? '' });
  const isIn = async (value: string): Promise<boolean> => {
    const { statusCode } = await app.inject({ url: '/v1/decisions', headers: { host: HOST, ...withKey(value) } });
    return statusCode === 200;
  };
  const signOut = (more: Readonly<Record<string, string>>) =>
    app.inject({ method: 'DELETE', url: '/v1/session', headers: { ...headers, ...more }, payload: {} });
  return { app, clock, tokens, keys, withKey, signIn, isIn, signOut };
}

test('a cookie is for this site and for HTTP alone, is new with each sign-in, and is nothing of the token', async () => {
  const { app, signIn, isIn } = stand();
  const { headers } = await app.inject({ url: `/?token=${TOKEN}`, headers: { host: HOST } });
  assert.match(String(headers['set-cookie']), /^egress_admin=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/);
  const [one, other] = [await signIn(), await signIn()];
  assert.notEqual(one, other);
  assert.deepEqual([await isIn(one), await isIn(other)], [true, true]);
});

test('whoever signs in again has a new cookie, and the one before is void', async () => {
  const { signIn, isIn } = stand();
  const before = await signIn();
  const after = await signIn(before);
  assert.deepEqual([await isIn(before), await isIn(after)], [false, true]);
});

test('a session that is not used for two hours is over, and one that is used goes on', async () => {
  const { clock, signIn, isIn } = stand();
  const [used, idle] = [await signIn(), await signIn()];
  clock.ms += 2 * HOUR - 1;
  assert.equal(await isIn(used), true);
  clock.ms += 1;
  assert.deepEqual([await isIn(used), await isIn(idle)], [true, false]);
});

test('a session is over after twelve hours, however much it is used', async () => {
  const { clock, signIn, isIn } = stand();
  const cookie = await signIn();
  for (let hour = 1; hour < 12; hour++) {
    clock.ms += HOUR;
    assert.equal(await isIn(cookie), true, `${hour}`);
  }
  clock.ms += HOUR;
  assert.equal(await isIn(cookie), false);
});

test('signing out ends the session of this browser; with the token in a field, those of all', async () => {
  const { signIn, isIn, signOut, withKey } = stand();
  const [one, other] = [await signIn(), await signIn()];
  const answer = await signOut(withKey(one));
  assert.match(String(answer.headers['set-cookie']), /^egress_admin=; .*Max-Age=0$/);
  assert.deepEqual([await isIn(one), await isIn(other)], [false, true]);
  assert.equal((await signOut({ authorization: `Bearer ${TOKEN}` })).statusCode, 200);
  assert.equal(await isIn(other), false);
});

test('a session ends with its token, and not with another one', async () => {
  const { tokens, signIn, isIn } = stand({ token: TOKEN, next: 'the-second-token' });
  const [first, second] = [await signIn(), await signIn('', 'the-second-token')];
  tokens.token = 'the-second-token';
  tokens.next = null;
  assert.deepEqual([await isIn(first), await isIn(second)], [false, true]);
  tokens.token = TOKEN;
  assert.equal(await isIn(first), false, 'and is not back with it');
});

test('no other process takes the cookie, as after a restart', async () => {
  const cookie = await stand().signIn();
  assert.equal(await stand().isIn(cookie), false);
});

test('of more browsers than a hundred the one that was used longest ago is signed out', async () => {
  const { signIn, isIn } = stand();
  const [first, second] = [await signIn(), await signIn()];
  assert.equal(await isIn(first), true);
  for (let i = 0; i < 99; i++) await signIn();
  assert.deepEqual([await isIn(first), await isIn(second)], [true, false]);
});

test('the stream of a browser ends when it signs out, and does not keep an idle session open', {
  timeout: 240_000,
}, async (t) => {
  const { app, clock, signIn, isIn, signOut, withKey } = stand();
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  /** Resolves when the stream is there; what it returns, when it has ended. */
  const stream = async (cookie: string): Promise<{ readonly ended: Promise<void> }> => {
    const [response] = await once(get({ port, path: '/v1/decisions/stream', headers: withKey(cookie) }), 'response');
    assert.equal(response.statusCode, 200);
    response.on('error', () => undefined).resume();
    return { ended: new Promise((resolve) => response.on('close', resolve)) };
  };
  const cookie = await signIn();
  const { ended } = await stream(cookie);
  await signOut(withKey(cookie));
  await ended;
  const idle = await signIn();
  const { ended: over } = await stream(idle);
  clock.ms += 2 * HOUR;
  await over;
  assert.equal(await isIn(idle), false);
});

test('a cookie that another server of this host was sent opens nothing by itself, and nor does the key', async () => {
  const { app, keys, signIn } = stand();
  const [cookie, other] = [await signIn(), await signIn()];
  const key = keys.get(cookie) ?? assert.fail();
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.ok(!cookie.includes(key));
  const own = { host: HOST, origin: `http://${HOST}`, 'content-type': 'application/json' };
  const wrong: readonly Readonly<Record<string, string>>[] = [
    { cookie },
    { 'x-egress-key': key },
    { cookie, 'x-egress-key': '' },
    { cookie, 'x-egress-key': '0'.repeat(64) },
    { cookie, 'x-egress-key': keys.get(other) ?? '' },
    { cookie, 'x-egress-key': cookie.split('=')[1] ?? '' },
  ];
  for (const headers of wrong) {
    for (const url of [
      '/v1/decisions',
      '/v1/policy',
      '/v1/decisions/stream',
      '/v1/decisions/export?format=csv',
      '/metrics',
    ])
      assert.equal((await app.inject({ url, headers: { ...own, ...headers } })).statusCode, 401, url);
    const sent = { headers: { ...own, ...headers }, payload: {} };
    assert.equal((await app.inject({ method: 'DELETE', url: '/v1/session', ...sent })).statusCode, 401);
    assert.equal((await app.inject({ url: '/v1/session', headers: { ...own, ...headers } })).json().canWrite, false);
  }
  const inQuery = `key=${key}`;
  assert.equal((await app.inject({ url: `/v1/decisions?${inQuery}`, headers: { ...own, cookie } })).statusCode, 200);
  const written = {
    method: 'DELETE',
    url: `/v1/session?${inQuery}`,
    headers: { ...own, cookie },
    payload: {},
  } as const;
  assert.equal((await app.inject(written)).statusCode, 401, 'who writes shows it in a field');
  const page = await app.inject({ url: '/', headers: { host: HOST, cookie } });
  assert.equal(page.statusCode, 200, "the page is nobody's secret, and asks for the token");
});

test('whoever sets the wall clock neither ends a session nor makes it last longer', (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const sessions = new Sessions();
  const session = sessions.start(TOKEN);
  t.mock.timers.setTime(13 * HOUR);
  assert.equal(sessions.admits(session, [TOKEN]), true);
});
