/** Names and addresses on the page: which ones to look at twice, and where they take a new line. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { LISTEN, request, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';
import { openStreet, PUBLIC } from './street.js';

const ADMIN = '0123456789abcdef-admin';
const ASKING = `${LISTEN}admin: { token: ${ADMIN} }\npolicy: { default: none, ask: { hold: 0s }, allow: [{ host: api.github.com }] }\n`;
const LIKE_GITHUB = 'Look twice: It looks like api.github.com, which is allowed, but is another name.';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a look-alike has its warning with the question, with the decision and with the grant', {
  timeout: 60_000,
}, async (t) => {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser);
  await openWith(ADMIN, page, instance.admin);
  for (const host of ['api.githuh.com', 'xn--80ak6aa92e.com', 'honest.example'])
    await request(instance.proxy, `http://${host}/`);
  const item = (host: string) => page.locator('#questions li', { hasText: host });
  assert.equal(await item('api.githuh.com').locator('.warning').innerText(), LIKE_GITHUB);
  const encoded = await item('xn--80ak6aa92e.com').innerText();
  assert.match(encoded, /"xn--80ak6aa92e" is encoded: .*Cyrillic.* reads like "apple"/);
  assert.ok(!/[\u0400-\u04ff]/.test(await page.locator('body').innerText()), 'never decoded');
  assert.equal(await item('honest.example').locator('.warning').count(), 0);
  await page.locator('#rows tr', { hasText: 'api.githuh.com' }).first().click();
  assert.equal(await page.locator('#detail .warning').innerText(), LIKE_GITHUB);
  await page.getByRole('button', { name: 'Allow 10 minutes' }).last().click();
  await page.locator('#toast', { hasText: 'It looks like api.github.com' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: /Grants/ }).click();
  assert.equal(await page.locator('#grants .warning').innerText(), LIKE_GITHUB);
});

test('on a phone the list of the largest breaks no address within a number, and nothing is wider than the screen', {
  timeout: 60_000,
}, async (t) => {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser, { viewport: { width: 320, height: 900 } });
  await openWith(ADMIN, page, instance.admin);
  const long = `${'long-'.repeat(12)}abc.example`;
  for (const host of ['192.168.100.200', '[2001:db8:85a3:8d3:1319:8a2e:370:7348]', '169.254.169.254', long])
    await request(instance.proxy, `http://${host}:44300/`);
  await page.getByRole('link', { name: 'Top' }).click();
  await page.locator('#top .refusals tbody tr').nth(3).waitFor();
  const broken = await page.evaluate(`[...document.querySelectorAll('#top .destination a')]
    .flatMap((link) => [...link.childNodes])
    .filter((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return node.nodeType === 3 && new Set([...range.getClientRects()].map(({ top }) => top)).size > 1;
    })
    .map((node) => node.data)`);
  assert.deepEqual([...new Set(broken as string[])], [`${'long-'.repeat(12)}abc.`], 'only a label longer than a line');
  assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true);
});

test('in mode report the list says what would happen, as nobody is asked', { timeout: 60_000 }, async (t) => {
  const street = await openStreet();
  t.after(() => street.close());
  const outside = await launch(street.browser);
  t.after(() => outside.close());
  const yaml = ASKING.replace('default: none', 'mode: report, default: none');
  const instance = await startInstance(t, yaml, { EGRESS_STATE: '' }, street.within);
  const { page } = await openPage(t, outside);
  await openWith(ADMIN, page, instance.admin);
  assert.equal(await street.get(instance.proxy, `http://${PUBLIC}/`), 200);
  const row = page.locator('#rows tr').first();
  await row.waitFor();
  assert.match(await row.innerText(), /would be asked[\s\S]*Nobody has allowed this yet\. Whoever runs the proxy can/);
  assert.equal(await page.locator('#questions li').count(), 0);
  await row.click();
  await page
    .locator('#detail', { hasText: 'It was let through, as mode report does; enforced, it would become a question.' })
    .waitFor();
});
