import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { LISTEN, request, startInstance } from '../../cli/instance.js';
import { launch, live, openPage } from './browser.js';

const TOKEN = '0123456789abcdef';
const CLIENTS = `clients:\n  - { name: github, token: "${TOKEN}" }\n`;

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a refused request is on the page by itself, with who, where and why', async (t) => {
  const instance = await startInstance(t, `${LISTEN}${CLIENTS}policy: { default: public }\n`);
  const { page, problems } = await openPage(t, browser);
  await page.goto(instance.admin);
  await live(page);
  const row = page.locator('#rows tr', { hasText: '169.254.169.254' });
  const shown = row.waitFor();
  assert.equal(await request(instance.proxy, 'http://169.254.169.254/', `github:${TOKEN}`), 403);
  await shown;
  const text = await row.innerText();
  for (const part of ['denied', 'github', '169.254.169.254:80', 'metadata service'])
    assert.ok(text.includes(part), text);
  await page.locator('#total-deny', { hasText: '1' }).waitFor();
  assert.deepEqual(problems, []);
});

test('the line that the page shows, pasted into the policy, turns the next request into an allowed one', async (t) => {
  // Loopback stands for the service of the stack: nothing else answers here without DNS.
  const policy = (internal: string) => `${LISTEN}${CLIENTS}policy:\n  default: none\n  internal:\n    ${internal}\n`;
  const instance = await startInstance(t, policy('- { address: 127.0.0.9/32, ports: [1] }'));
  const { page, problems } = await openPage(t, browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(instance.admin);
  await live(page);
  const target = 'http://127.0.0.77:9/';
  assert.equal(await request(instance.proxy, target, `github:${TOKEN}`), 403);
  await page.locator('#rows a', { hasText: '127.0.0.77:9' }).click();
  await page.getByRole('button', { name: 'Copy the line for policy.internal' }).click();
  const line = await page.evaluate('navigator.clipboard.readText()');
  assert.equal(line, '- { address: "127.0.0.77/32", ports: [9], clients: ["github"] }');
  const reloaded = instance.event('reloaded');
  await instance.configure(policy(line));
  await reloaded;
  // Nobody listens there: what is allowed is dialled, and the dial fails.
  assert.equal(await request(instance.proxy, target, `github:${TOKEN}`), 502);
  assert.equal(await request(instance.proxy, target), 407); // credentials would change it
  assert.deepEqual(problems, []);
});

test('filters live in the URL, hold for list and stream, and go back with the browser', async (t) => {
  const instance = await startInstance(t, `${LISTEN}${CLIENTS}policy: { default: public }\n`);
  const { page, problems } = await openPage(t, browser);
  await request(instance.proxy, 'http://10.0.0.1/');
  await request(instance.proxy, 'http://169.254.169.254/', `github:${TOKEN}`);
  await page.goto(`${instance.admin}/?client=github`);
  await live(page);
  const hosts = () => page.locator('#rows .destination').allInnerTexts();
  await page.locator('#rows tr').first().waitFor();
  assert.deepEqual(await hosts(), ['169.254.169.254:80']);
  await request(instance.proxy, 'http://10.0.0.2/');
  await request(instance.proxy, 'http://10.0.0.3/', `github:${TOKEN}`);
  await page.locator('#rows tr', { hasText: '10.0.0.3' }).waitFor();
  assert.deepEqual(await hosts(), ['10.0.0.3:80', '169.254.169.254:80']);
  await page.getByLabel('Reason').selectOption('metadata-address');
  await page.waitForURL(/reason=metadata-address/);
  await page.locator('#rows tr', { hasText: '10.0.0.3' }).waitFor({ state: 'detached' });
  assert.deepEqual(await hosts(), ['169.254.169.254:80']);
  await page.goBack();
  await page.locator('#rows tr', { hasText: '10.0.0.3' }).waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('#rows tr', { hasText: '10.0.0.1' }).waitFor();
  assert.equal(new URL(page.url()).search, '');
  assert.deepEqual(problems, []);
});

test('clients, policy and check have their views, and the detail its own URL', async (t) => {
  const instance = await startInstance(
    t,
    `${LISTEN}${CLIENTS}policy: { default: none, allow: [ { host: "*.github.com", clients: [github] } ] }\n`,
  );
  await request(instance.proxy, 'http://10.0.0.1/', `github:${TOKEN}`);
  const { page, problems } = await openPage(t, browser);
  await page.goto(`${instance.admin}/?view=clients`);
  await page.locator('#clients h3', { hasText: 'github' }).waitFor();
  await page.getByRole('link', { name: 'Policy' }).click();
  await page.locator('#policy td', { hasText: '*.github.com' }).waitFor();
  assert.ok(!(await page.content()).includes(TOKEN));
  await page.getByRole('link', { name: 'Check' }).click();
  await page.getByLabel('URL or host:port').fill('http://169.254.169.254/');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.locator('#check-result', { hasText: 'would be denied' }).waitFor();
  await page.getByLabel('URL or host:port').fill('169.254.169.254');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.locator('#check-result', { hasText: '169.254.169.254:443' }).waitFor();
  await page.getByRole('link', { name: 'Decisions' }).click();
  await page.locator('#rows a').first().click();
  await page.waitForURL(/id=/);
  await page.reload();
  await page.locator('#detail[open] dl').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForURL((url) => !url.search.includes('id='));
  assert.deepEqual(problems, []);
});

test('the list is reached and opened by keyboard alone', async (t) => {
  const instance = await startInstance(t, `${LISTEN}policy: { default: public }\n`);
  await request(instance.proxy, 'http://10.0.0.1/');
  const { page } = await openPage(t, browser);
  await page.goto(instance.admin);
  await page.locator('#rows tr').waitFor();
  const isReached = () => page.evaluate("document.activeElement.matches('#rows a')");
  for (let i = 0; i < 30 && !(await isReached()); i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('#detail[open] dl').waitFor();
});

test('a page that loses the proxy says so, and comes back by itself', { timeout: 240_000 }, async (t) => {
  const instance = await startInstance(t, `${LISTEN}policy: { default: public }\n`);
  const { page } = await openPage(t, browser);
  await page.goto(instance.admin);
  await live(page);
  instance.child.kill('SIGSTOP');
  await page.locator('#connection[data-state="stale"]').waitFor();
  instance.child.kill('SIGCONT');
  await live(page);
  const row = page.locator('#rows tr', { hasText: '10.0.0.9' }).waitFor();
  await request(instance.proxy, 'http://10.0.0.9/');
  await row;
});

test('what could not be reached is no problem any more once the server is back', { timeout: 240_000 }, async (t) => {
  const instance = await startInstance(t, `${LISTEN}policy: { default: public }\n`);
  const { page } = await openPage(t, browser);
  await page.goto(instance.admin);
  await live(page);
  await page.context().setOffline(true);
  await page.getByRole('link', { name: 'Top' }).click();
  await page.locator('#problem:not([hidden])').waitFor();
  await page.context().setOffline(false);
  await page.getByRole('link', { name: 'Clients' }).click();
  await page.getByRole('link', { name: 'Top' }).click();
  await page.locator('#top h3').first().waitFor();
  await page.locator('#problem').waitFor({ state: 'hidden' });
});

test('with a token the page opens once by URL, then by cookie, and not without', async (t) => {
  const instance = await startInstance(t, `${LISTEN}admin: { token: ${TOKEN} }\npolicy: { default: public }\n`);
  const { page, problems } = await openPage(t, browser);
  const bare = await page.goto(instance.admin);
  assert.equal(bare?.status(), 401);
  await page.goto(`${instance.admin}/?token=${TOKEN}`);
  await live(page);
  assert.equal(page.url(), `${instance.admin}/`);
  assert.equal(await page.evaluate('document.cookie'), '');
  await page.reload();
  await live(page);
  // Chromium logs the refusal at the start; a script or rule that breaks would log something else.
  assert.deepEqual(
    problems.filter((text) => !text.includes('401')),
    [],
  );
});
