/** The key of a session as the page keeps it: its own scripts, in place of a browser, against the API. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adminWith } from './build.js';

const TOKEN = '0123456789abcdef';
const HOST = 'localhost:9180';
const PAGE = new URL('../../proxy/admin/page/', import.meta.url);

interface Api {
  keepKey(key: string): void;
  keepGivenKey(): void;
  ask(path: string, body?: object): Promise<{ readonly canWrite: boolean; readonly key: string }>;
}

interface Session {
  openSession(): Promise<boolean>;
}

/** A browser that is signed in by the token in the URL: its storage and cookie are those of all its tabs. */
async function signedIn(t: TestContext) {
  const { app } = adminWith({ token: TOKEN });
  const jar = { cookie: '' };
  const inject = async (url: string, init: RequestInit = {}) => {
    const headers = { host: HOST, ...jar, ...Object.fromEntries(new Headers(init.headers)) };
    const own = init.method === 'POST' ? { origin: `http://${HOST}` } : {};
    const method = init.method === 'POST' ? 'POST' : 'GET';
    const answer = await app.inject({ method, url, headers: { ...headers, ...own }, payload: String(init.body ?? '') });
    jar.cookie = String(answer.headers['set-cookie'] ?? jar.cookie).split(';')[0] ?? '';
    return answer;
  };
  const stored = new Map<string, string>();
  const browser = {
    location: { hash: '', pathname: '/', search: '' },
    history: { replaceState: () => undefined },
    localStorage: {
      getItem: (name: string) => stored.get(name) ?? null,
      setItem: (name: string, value: string) => stored.set(name, value),
    },
    document: { getElementById: () => ({}) },
    fetch: async (url: string, init: RequestInit) => {
      const { statusCode, body } = await inject(url, init);
      return new Response(body, { status: statusCode });
    },
  };
  for (const [name, value] of Object.entries(browser)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => {
      if (before === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, before);
    });
  }
  const { headers } = await inject(`/?token=${TOKEN}`);
  return { location: browser.location, stored, hash: String(headers.location).slice(1) };
}

const load = (file: string) => import(new URL(file, PAGE).href);

test('who signs in with another tab is signed in with this one, too', async (t) => {
  const { hash, stored } = await signedIn(t);
  stored.set('egress-key', hash.slice('#key='.length));
  const one: Api = await load('api.js?one');
  assert.equal((await one.ask('/v1/session')).canWrite, true);
  const other: Api = await load('api.js?other');
  other.keepKey((await other.ask('/v1/session', { token: TOKEN })).key);
  assert.equal((await other.ask('/v1/session')).canWrite, true);
  assert.equal((await one.ask('/v1/session')).canWrite, true);
});

test('a link with a key that opens nothing signs nobody out', async (t) => {
  const { location, hash, stored } = await signedIn(t);
  const key = hash.slice('#key='.length);
  stored.set('egress-key', key);
  location.hash = `#key=${'0'.repeat(64)}`;
  const { openSession }: Session = await load('session.js');
  assert.equal(await openSession(), true);
  assert.equal(stored.get('egress-key'), key);
});

test('the key of a link that signs in is kept', async (t) => {
  const { location, hash, stored } = await signedIn(t);
  stored.set('egress-key', '0'.repeat(64));
  location.hash = hash;
  const api: Api = await load('api.js?linked');
  assert.equal((await api.ask('/v1/session')).canWrite, true);
  api.keepGivenKey();
  assert.equal(stored.get('egress-key'), hash.slice('#key='.length));
});
