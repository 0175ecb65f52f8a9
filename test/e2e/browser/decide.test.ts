import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Instance, LISTEN, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';
import { openStreet, PUBLIC, type Street } from './street.js';

const ADMIN = '0123456789abcdef-admin';
const TOOL = '0123456789abcdef-tool';
const CLIENTS = `clients:\n  - { name: github, token: "${TOOL}" }\n  - { name: slack, token: "${TOOL}-2" }\n`;
const NONE = `${LISTEN}admin: { token: ${ADMIN} }\nlimits: { connectTimeout: 2s }\n${CLIENTS}policy: { default: none }\n`;
const URL_ = `http://${PUBLIC}/`;

let street: Street;
let browser: Browser;
before(async () => {
  street = await openStreet();
  browser = await launch(street.browser);
});
after(async () => {
  await browser.close();
  street.close();
});

interface Stand {
  readonly instance: Instance;
  readonly page: Page;
  readonly problems: readonly string[];
  get(url?: string, user?: string): Promise<number>;
}

async function stand(t: TestContext, yaml = NONE): Promise<Stand> {
  const instance = await startInstance(t, yaml, {}, street.within);
  const { page, problems } = await openPage(t, browser);
  await openWith(ADMIN, page, instance.admin);
  return {
    instance,
    page,
    problems,
    get: (url = URL_, user = `github:${TOOL}`) => street.get(instance.proxy, url, user),
  };
}

/** Opens the detail of the newest decision for the text. */
async function openRow(page: Page, text: string): Promise<void> {
  await page.locator('#rows tr', { hasText: text }).first().click();
  await page.locator('#detail[open] dl').waitFor();
}

/** What Chromium logs of answers that the test provokes is no fault of the page. */
function faults(problems: readonly string[]): string[] {
  return problems.filter((text) => !/status of 40[0-9]/.test(text));
}

test('a refused request succeeds after two clicks, and only for that client', { timeout: 240_000 }, async (t) => {
  const { instance, page, problems, get } = await stand(t);
  assert.equal(await get(), 403);
  await openRow(page, PUBLIC);
  await page.getByRole('button', { name: 'Allow 10 minutes' }).click();
  await page.locator('#toast', { hasText: `Allowed: ${PUBLIC}, port 80 for github, 10 minutes` }).waitFor();
  assert.equal(await get(), 200);
  assert.equal(await get(URL_, `slack:${TOOL}-2`), 403);
  assert.equal(await get(`http://${PUBLIC}:81/`), 403);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /Grants/ }).click();
  await page.locator('#grants tr', { hasText: PUBLIC }).waitFor();
  assert.match(await page.locator('#grants td.left').innerText(), /9 min \d+ s left|10 min 0 s left/);
  assert.ok(instance.log.some((line) => line.includes('"rule":"grant:')));
  assert.deepEqual(faults(problems), []);
});

test('undo within ten seconds takes it back', { timeout: 240_000 }, async (t) => {
  const { page, get } = await stand(t);
  assert.equal(await get(), 403);
  await openRow(page, PUBLIC);
  await page.getByRole('button', { name: 'Allow always' }).click();
  await page.locator('#toast').waitFor();
  assert.equal(await get(), 200);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('#toast', { hasText: 'Undone' }).waitFor();
  assert.equal(await get(), 403);
});

test('once is for one request', { timeout: 240_000 }, async (t) => {
  const { page, get } = await stand(t);
  assert.equal(await get(), 403);
  await openRow(page, PUBLIC);
  await page.getByRole('button', { name: 'Allow once' }).click();
  await page.locator('#toast').waitFor();
  assert.equal(await get(), 200);
  assert.equal(await get(), 403);
});

test('a grant ends on time', { timeout: 240_000 }, async (t) => {
  const { instance, page, get } = await stand(t);
  const ended = instance.line(/"event":"grant".*"action":"ended"|"action":"ended".*"event":"grant"/);
  const made = await page.evaluate(
    `fetch('/v1/grants', { method: 'POST', headers: { 'content-type': 'application/json', 'x-egress-key': localStorage.getItem('egress-key') },
       body: JSON.stringify({ effect: 'allow', host: '${PUBLIC}', ports: [80], client: 'github', for: '15s' }) }).then((r) => r.status)`,
  );
  assert.equal(made, 201);
  assert.equal(await get(), 200);
  await page.getByRole('link', { name: /Grants/ }).click();
  await page.locator('#grants td.left', { hasText: /\d s left/ }).waitFor();
  await ended;
  assert.equal(await get(), 403);
  await page.locator('#grants', { hasText: 'Nothing was allowed' }).waitFor();
});

test('a block closes the tunnel that is open, and revoking it lets the next one through', {
  timeout: 240_000,
}, async (t) => {
  const { instance, page, get } = await stand(t, NONE.replace('default: none', 'default: public'));
  const { hostname, port } = new URL(instance.proxy);
  const auth = Buffer.from(`github:${TOOL}`).toString('base64');
  const script = `const s = require('node:net').connect(${port}, '${hostname}');
    s.write('CONNECT ${PUBLIC}:7 HTTP/1.1\\r\\nHost: ${PUBLIC}:7\\r\\nProxy-Authorization: Basic ${auth}\\r\\n\\r\\n');
    s.on('error', () => {}).on('data', (d) => console.log(String(d))).on('close', () => process.exit())`;
  const tunnel = spawn('ip', [...street.within.slice(1), process.execPath, '-e', script]);
  t.after(() => tunnel.kill('SIGKILL'));
  const [answer] = await once(tunnel.stdout, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  const closed = instance.line(/"event":"closed".*"cause":"policy"/);
  const ended = once(tunnel, 'exit');
  await openRow(page, `${PUBLIC}:7`);
  await page.getByRole('button', { name: 'Block 1 hour' }).click();
  await Promise.all([closed, ended]);
  assert.equal(await get(), 403);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /Grants/ }).click();
  await page.getByRole('button', { name: new RegExp(`Revoke ${PUBLIC}`) }).click();
  await page.locator('#toast', { hasText: 'Revoked' }).waitFor();
  assert.equal(await get(), 200);
});

test('a client is paused and resumed, and a notice says so meanwhile', { timeout: 240_000 }, async (t) => {
  const { page, get, problems } = await stand(t, NONE.replace('default: none', 'default: public'));
  assert.equal(await get(), 200);
  await page.getByRole('link', { name: 'Clients' }).click();
  await page.getByRole('button', { name: 'Pause github' }).click();
  await page.locator('#notices', { hasText: 'github is paused' }).waitFor();
  assert.equal(await get(), 403);
  assert.equal(await get(URL_, `slack:${TOOL}-2`), 200);
  await page.locator('#notices').getByRole('button', { name: 'Resume' }).click();
  await page.locator('#notices .notice').waitFor({ state: 'detached' });
  assert.equal(await get(), 200);
  assert.deepEqual(faults(problems), []);
});

test('all are paused, then all let through for a while, from the view of the grants', {
  timeout: 240_000,
}, async (t) => {
  const { page, get } = await stand(t);
  await page.getByRole('link', { name: /Grants/ }).click();
  await page.getByRole('button', { name: 'Let everything through for 10 minutes' }).click();
  await page.locator('#notices', { hasText: 'let through and logged' }).waitFor();
  assert.equal(await get(), 200);
  assert.equal(await get('http://169.254.169.254/'), 403);
  await page.getByRole('button', { name: 'Resume all' }).click();
  await page.locator('#notices .notice').waitFor({ state: 'detached' });
  assert.equal(await get(), 403);
  await page.getByRole('button', { name: 'Refuse everything' }).click();
  await page.locator('#notices', { hasText: 'All clients are paused' }).waitFor();
  assert.equal(await get(), 403);
});

test('a private address takes a second click that names it', { timeout: 240_000 }, async (t) => {
  const { page, get } = await stand(t);
  assert.equal(await get('http://192.0.2.2:9/'), 403);
  await openRow(page, '192.0.2.2:9');
  await page.getByRole('button', { name: 'Allow 1 hour' }).click();
  await page.getByRole('button', { name: 'Leave it closed' }).click();
  assert.equal(await get('http://192.0.2.2:9/'), 403);
  await page.getByRole('button', { name: 'Allow 1 hour' }).click();
  await page.getByRole('button', { name: /Open .*192\.0\.2\.2/ }).click();
  await page.locator('#toast').waitFor();
  assert.equal(await get('http://192.0.2.2:9/'), 502);
});

test('no click opens a metadata service, the proxy itself or what a deny rule refuses', {
  timeout: 240_000,
}, async (t) => {
  const policy = `policy: { default: none, deny: [ { address: "${PUBLIC}/32" } ] }\n`;
  const { instance, page, get } = await stand(t, NONE.replace(/policy: .*\n$/, policy));
  assert.equal(await get('http://169.254.169.254/'), 403);
  assert.equal(await get(), 403);
  assert.equal(await get(`${instance.admin}/`), 403);
  for (const place of ['169.254.169.254', new URL(instance.admin).host]) {
    await openRow(page, place);
    assert.equal(await page.locator('#detail button.allow').count(), 0);
    await page.locator('#detail', { hasText: 'Nothing opens this destination' }).waitFor();
    await page.keyboard.press('Escape');
  }
  await openRow(page, PUBLIC);
  await page.getByRole('button', { name: 'Allow 10 minutes' }).click();
  await page.locator('#detail [role=alert]').waitFor();
  assert.equal(await get(), 403);
});

test('without the token the page asks for it, and opens with it', { timeout: 240_000 }, async (t) => {
  const instance = await startInstance(t, NONE, {}, street.within);
  const { page } = await openPage(t, browser);
  await page.goto(instance.admin);
  await page.getByLabel('Admin token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#login-problem:not(:empty)').waitFor();
  assert.equal(await page.locator('#rows').count(), 0);
  await page.getByLabel('Admin token').fill(ADMIN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#connection[data-state="live"]').waitFor();
  assert.equal(await page.locator('#login').isVisible(), false);
  assert.equal(await page.evaluate('document.cookie'), '');
});

test('a question is answered on the page, and the retry gets through', { timeout: 240_000 }, async (t) => {
  const { page, get } = await stand(t, NONE.replace('default: none', 'default: none, ask: { hold: 0s }'));
  assert.equal(await get(), 403);
  const question = page.locator('#questions li', { hasText: PUBLIC });
  await question.getByRole('button', { name: 'Allow 1 hour' }).click();
  await question.waitFor({ state: 'detached' });
  assert.equal(await get(), 200);
});

test('a request that is held gets its answer from the page', { timeout: 240_000 }, async (t) => {
  const { page, get } = await stand(t, NONE.replace('default: none', 'default: none, ask: { hold: 30s }'));
  const answer = get();
  await page.locator('#questions li', { hasText: PUBLIC }).getByRole('button', { name: 'Allow once' }).click();
  assert.equal(await answer, 200);
});

test('a policy file that is refused is on the page with its errors, and one that is taken with its changes', {
  timeout: 240_000,
}, async (t) => {
  const { instance, page } = await stand(t);
  const refused = instance.event('reload-failed');
  await instance.configure(`${NONE}nonsense: 1\n`);
  await refused;
  await page.locator('#notices', { hasText: 'nonsense' }).waitFor();
  const taken = instance.event('reloaded');
  await instance.configure(NONE.replace('default: none', 'default: public'));
  await taken;
  await page.locator('#notices .notice').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Policy' }).click();
  await page.locator('#policy li', { hasText: 'policy.default: none, now public' }).waitFor();
});
