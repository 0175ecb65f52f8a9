import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Instance, LISTEN, startInstance } from '../../cli/instance.js';
import { openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const POLICY = `${LISTEN}admin: { token: ${ADMIN} }\npolicy: { default: none }\n`;
const GRANT = JSON.stringify({ effect: 'allow', host: 'evil.example', ports: [443] });

let browser: Browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // A name that leads to this machine by now: what is left to do of a rebinding.
    args: ['--no-sandbox', '--host-resolver-rules=MAP *.example 127.0.0.1'],
  });
});
after(() => browser.close());

interface Stand {
  readonly instance: Instance;
  /** In a browser that is signed in. */
  readonly page: Page;
  /** The port of a page of somebody else's. */
  readonly evil: number;
  nothingGranted(): Promise<void>;
}

async function stand(t: TestContext): Promise<Stand> {
  const instance = await startInstance(t, POLICY, { EGRESS_STATE: '' });
  const server = http.createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><body></body>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { page } = await openPage(t, browser);
  await openWith(ADMIN, page, instance.admin);
  return {
    instance,
    page,
    evil: (server.address() as AddressInfo).port,
    async nothingGranted() {
      const headers = { authorization: `Bearer ${ADMIN}` };
      const answer = await fetch(`${instance.admin}/v1/grants`, { headers });
      const { grants, pauses } = (await answer.json()) as { grants: []; pauses: [] };
      assert.deepEqual([...grants, ...pauses], []);
    },
  };
}

/** What a page can do, as a script; each resolves when the browser has the answer, or none. `at`: the admin API. */
const FORGERIES: Readonly<Record<string, (at: string) => string>> = {
  'a form': (at) => form(`${at}/v1/grants`, 'application/x-www-form-urlencoded'),
  'a form of plain text that is JSON': (at) => form(`${at}/v1/grants`, 'text/plain'),
  'a form with parts': (at) => form(`${at}/v1/grants`, 'multipart/form-data'),
  'a form that pauses': (at) => form(`${at}/v1/pause`, 'text/plain'),
  'fetch without CORS': (at) => sent(`${at}/v1/grants`, `mode: 'no-cors', body: '${GRANT}'`),
  'fetch without CORS, as JSON': (at) =>
    sent(`${at}/v1/grants`, `mode: 'no-cors', headers: { 'content-type': 'application/json' }, body: '${GRANT}'`),
  'fetch with CORS, as JSON': (at) =>
    sent(`${at}/v1/grants`, `headers: { 'content-type': 'application/json' }, body: '${GRANT}'`),
  'fetch with a made-up method': (at) => sent(`${at}/v1/grants/x`, "method: 'DELETE'"),
  'a beacon': (at) =>
    `navigator.sendBeacon('${at}/v1/grants', new Blob(['${GRANT}'], { type: 'text/plain' })); new Promise((r) => setTimeout(r, 300))`,
  'an image': (at) =>
    `new Promise((r) => { const i = new Image(); i.onload = i.onerror = r; i.src = '${at}/v1/grants?effect=allow&host=evil.example'; })`,
  'a websocket': (at) =>
    `new Promise((r) => { const s = new WebSocket('${at.replace('http', 'ws')}/v1/grants'); s.onopen = () => s.send('${GRANT}'); s.onclose = s.onerror = r; })`,
  'a frame': (at) =>
    `new Promise((r) => { const f = document.createElement('iframe'); f.onload = f.onerror = r; f.src = '${at}/'; document.body.append(f); })`,
};

/** In a frame, so that the page stays. */
function form(action: string, type: string): string {
  return `new Promise((r) => {
    const frame = document.createElement('iframe'); frame.name = 'sink'; document.body.append(frame);
    const form = document.createElement('form'); form.method = 'post'; form.target = 'sink'; form.enctype = '${type}'; form.action = '${action}';
    const input = document.createElement('input'); input.name = ${JSON.stringify(`${GRANT.slice(0, -1)},"why":"`)}; input.value = '"}';
    form.append(input); document.body.append(form);
    frame.onload = () => frame.contentWindow.location.href !== 'about:blank' && r();
    setTimeout(r, 2000); form.submit(); })`;
}

function sent(url: string, options: string): string {
  return `fetch('${url}', { method: 'POST', credentials: 'include', ${options} }).then((r) => r.status, (e) => String(e))`;
}

test('the page itself can grant, by its cookie and the key in its own storage: what the others lack is to be the page', async (t) => {
  const { page } = await stand(t);
  const own = (fields: string) =>
    page.evaluate(
      `fetch('/v1/grants', { method: 'POST', headers: { 'content-type': 'application/json', ${fields} }, body: '${GRANT}' }).then((r) => r.status)`,
    );
  assert.equal(await own(''), 401);
  assert.equal(await own("'x-egress-key': localStorage.getItem('egress-key')"), 201);
});

test('what a server on another port of this host is sent opens nothing to it', { timeout: 240_000 }, async (t) => {
  const { instance, page, nothingGranted } = await stand(t);
  const seen: http.IncomingHttpHeaders[] = [];
  const server = http.createServer(({ headers }, response) => {
    seen.push(headers);
    response.setHeader('set-cookie', ['egress_admin=planted; Path=/', 'egress_admin=planted; Path=/v1']);
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  assert.equal(await page.evaluate("localStorage.getItem('egress-key')"), null, 'storage is by port');
  const cookie = seen.map((headers) => headers.cookie).find((text) => text?.includes('egress_admin=')) ?? assert.fail();
  // It is the same machine: it says what it likes.
  const headers = {
    cookie,
    origin: instance.admin,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
  };
  for (const path of ['/v1/decisions', '/v1/policy', '/v1/grants', '/v1/questions', '/v1/decisions/stream', '/metrics'])
    assert.equal((await fetch(`${instance.admin}${path}`, { headers })).status, 401, path);
  for (const path of ['/v1/grants', '/v1/pause', '/v1/check'])
    assert.equal((await fetch(`${instance.admin}${path}`, { method: 'POST', headers, body: GRANT })).status, 401, path);
  await nothingGranted();
  // What it planted takes no session over, and the person is asked again.
  await page.goto(instance.admin);
  await page.getByLabel('Admin token').fill(ADMIN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#connection[data-state="live"]').waitFor();
});

for (const [how, script] of Object.entries(FORGERIES)) {
  test(`${how} of another page in a browser that is signed in grants nothing`, { timeout: 240_000 }, async (t) => {
    const { instance, page, evil, nothingGranted } = await stand(t);
    // Of the same site, to which the cookie goes with every request, and of another one.
    for (const place of [`http://127.0.0.1:${evil}/`, `http://evil.example:${evil}/`]) {
      await page.goto(place);
      await page.evaluate(script(instance.admin)).catch(() => undefined);
      await nothingGranted();
    }
  });
}

test('a name that was bound to this machine gets neither the page nor a grant', { timeout: 240_000 }, async (t) => {
  const { instance, page, nothingGranted } = await stand(t);
  const rebound = `http://rebind.example:${new URL(instance.admin).port}`;
  const answer = await page.goto(`${rebound}/`);
  assert.equal(answer?.status(), 403);
  const own = await page.evaluate(
    `fetch('/v1/grants', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '${GRANT}' }).then((r) => r.status, String)`,
  );
  assert.equal(own, 403);
  await nothingGranted();
  const signedIn = await page.goto(`${rebound}/?token=${ADMIN}`);
  assert.equal(signedIn?.status(), 403, 'with the token in the address, too');
});
