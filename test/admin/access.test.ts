import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionRecord } from '../observe/records.js';
import { adminWith } from './build.js';

const TOKEN = 'correct-horse-battery';
const bearer = { authorization: `Bearer ${TOKEN}` };

async function statusOf(
  token: string | null,
  headers: Record<string, string>,
  url = '/v1/decisions',
): Promise<{ status: number; error: string | undefined }> {
  const { app } = adminWith({ token });
  const response = await app.inject({ url, headers: { host: '127.0.0.1:9180', ...headers } });
  return { status: response.statusCode, error: response.statusCode < 400 ? undefined : response.json().error };
}

test('a listener that is not on loopback cannot be built without a token', () => {
  assert.throws(() => adminWith({ token: null, loopback: false }), /needs a token/);
  assert.doesNotThrow(() => adminWith({ token: TOKEN, loopback: false }));
});

test('with a token nothing answers without it', async () => {
  const { app } = adminWith({ token: TOKEN });
  for (const url of ['/', '/page.js', '/metrics', '/v1/decisions', '/v1/decisions/stream', '/v1/policy', '/nothing']) {
    const response = await app.inject({ url });
    assert.equal(response.statusCode, 401, url);
    assert.equal(response.json().error, 'unauthenticated');
    assert.match(String(response.headers['www-authenticate']), /^Bearer /);
  }
  const check = await app.inject({ method: 'POST', url: '/v1/check', payload: { target: 'http://example.com/' } });
  assert.equal(check.statusCode, 401);
});

test('a browser without the token gets a form for it, with no data and the status of a refusal', async () => {
  const { app, add } = adminWith({ token: TOKEN });
  add(decisionRecord({ host: 'secret.example' }));
  const page = await app.inject({ url: '/', headers: { accept: 'text/html,application/xhtml+xml' } });
  assert.equal(page.statusCode, 401);
  assert.match(page.body, /<form id="login"/);
  const parts = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
  assert.ok(parts.length > 1);
  for (const url of [...parts, '/session.js', '/api.js', '/dom.js']) {
    const part = await app.inject({ url });
    assert.equal(part.statusCode, 200, url);
    for (const [, name] of part.body.matchAll(/from '\.(\/[^']+)'/g)) {
      assert.equal((await app.inject({ url: name ?? '' })).statusCode, 200, name);
    }
  }
  for (const url of ['/v1/decisions', '/index.html', '/sign-in.html']) {
    const response = await app.inject({ url, headers: { accept: 'text/html' } });
    assert.equal(response.statusCode, 401, url);
    assert.equal(response.json().error, 'unauthenticated');
  }
});

test('the token in a header opens, and nothing like it does', async () => {
  assert.equal((await statusOf(TOKEN, bearer)).status, 200);
  for (const authorization of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, 'Bearer ', `Basic ${TOKEN}`, TOKEN]) {
    assert.equal((await statusOf(TOKEN, { authorization })).status, 401, authorization);
  }
});

test('the token once in the URL gives a cookie of this site only, and a URL with a key for the page in its place', async () => {
  const { app } = adminWith({ token: TOKEN });
  const first = await app.inject({ url: `/?token=${TOKEN}`, headers: { host: 'localhost:9180' } });
  const [, key = ''] = /^\/#key=([0-9a-f]{64})$/.exec(String(first.headers.location)) ?? [];
  assert.equal(first.statusCode, 303);
  const cookie = String(first.headers['set-cookie']);
  assert.match(cookie, /^egress_admin=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/);
  assert.ok(!cookie.includes(TOKEN));
  const headers = { host: 'localhost:9180', cookie: cookie.split(';')[0] ?? '' };
  assert.equal((await app.inject({ url: '/', headers })).statusCode, 200);
  assert.equal((await app.inject({ url: '/v1/decisions', headers })).statusCode, 401, 'by itself it opens nothing');
  const whole = { ...headers, 'x-egress-key': key };
  assert.equal((await app.inject({ url: '/v1/decisions', headers: whole })).statusCode, 200);
  const other = await adminWith({ token: 'changed' }).app.inject({ url: '/', headers });
  assert.equal(other.statusCode, 401, 'the cookie is void when the token changes');
  const wrong = await app.inject({ url: '/?token=wrong' });
  assert.deepEqual([wrong.statusCode, wrong.headers['set-cookie']], [401, undefined]);
});

for (const host of ['127.0.0.1:9180', 'localhost:9180', 'localhost', '[::1]:9180', '192.168.1.5', 'a.localhost']) {
  test(`Host ${host} is answered`, async () => {
    assert.equal((await statusOf(null, { host })).status, 200);
  });
}

for (const host of [
  'rebind.example.com',
  'rebind.example.com:9180',
  'localhost.example.com',
  '127.0.0.1.example.com',
  'egress-proxy:9180',
  'notlocalhost',
]) {
  test(`Host ${host} is a foreign one unless the token comes in a header`, async () => {
    assert.deepEqual(await statusOf(null, { host }), { status: 403, error: 'foreign-host' });
    const cookie = `egress_admin=${'0'.repeat(64)}`;
    assert.deepEqual(await statusOf(TOKEN, { host, cookie }), { status: 403, error: 'foreign-host' });
    assert.equal((await statusOf(TOKEN, { host, ...bearer })).status, 200);
  });
}

for (const host of ['a b', '127.0.0.1:9180, evil.example', 'user@127.0.0.1', '127.0.0.1:99999']) {
  test(`Host "${host}" is a bad one`, async () => {
    assert.deepEqual(await statusOf(null, { host }), { status: 400, error: 'bad-host' });
  });
}

for (const headers of [
  { origin: 'http://evil.example' },
  { origin: 'null' },
  { origin: 'https://127.0.0.1:9180' },
  { origin: 'http://127.0.0.1:8080' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
]) {
  test(`${JSON.stringify(headers)} is refused, with the token too`, async () => {
    assert.deepEqual(await statusOf(null, headers), { status: 403, error: 'foreign-origin' });
    assert.deepEqual(await statusOf(TOKEN, { ...headers, ...bearer }), { status: 403, error: 'foreign-origin' });
  });
}

test('the own origin is answered, and a link from elsewhere opens the page', async () => {
  const own = { origin: 'http://127.0.0.1:9180', 'sec-fetch-site': 'same-origin' };
  assert.equal((await statusOf(null, own)).status, 200);
  assert.equal((await statusOf(null, { 'sec-fetch-site': 'cross-site' }, '/')).status, 200);
});

test('every answer has a policy that lets nothing foreign in, and is not kept', async () => {
  const { app } = adminWith();
  for (const url of ['/', '/page.js', '/v1/decisions', '/nothing']) {
    const { headers } = await app.inject({ url });
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/, url);
    assert.match(policy, /frame-ancestors 'none'/, url);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/, url);
    assert.equal(headers['x-content-type-options'], 'nosniff', url);
    assert.equal(headers['cache-control'], 'no-store', url);
    assert.equal(headers['access-control-allow-origin'], undefined, url);
  }
});

test('the second token opens as the first one does, and a new one counts at once', async () => {
  const tokens: { token: string | null; next: string | null } = { token: TOKEN, next: 'the-second-token' };
  const { app } = adminWith({
    get token() {
      return tokens.token;
    },
    get next() {
      return tokens.next;
    },
  });
  const status = async (token: string) => {
    const headers = { host: 'localhost:9180', authorization: `Bearer ${token}` };
    return (await app.inject({ url: '/v1/policy', headers })).statusCode;
  };
  assert.deepEqual([await status(TOKEN), await status('the-second-token')], [200, 200]);
  tokens.token = 'the-second-token';
  tokens.next = null;
  assert.deepEqual([await status(TOKEN), await status('the-second-token'), await status('null')], [401, 200, 401]);
});
