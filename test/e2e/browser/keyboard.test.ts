/** Deciding by the keyboard alone. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type Instance, LISTEN, request, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const ASKING = `${LISTEN}admin: { token: ${ADMIN} }\npolicy: { default: none, ask: { hold: 0s } }\n`;

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function stand(t: TestContext): Promise<{ readonly page: Page; readonly instance: Instance }> {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser);
  await openWith(ADMIN, page, instance.admin);
  return { page, instance };
}

const focused = (page: Page) => page.evaluate('document.activeElement?.id || document.activeElement?.textContent');

test('by keys alone: a row is opened, allowed and undone within the dialog, and the focus is back', {
  timeout: 60_000,
}, async (t) => {
  const { page, instance } = await stand(t);
  await request(instance.proxy, 'http://a.example/');
  const link = page.locator('#rows a', { hasText: 'a.example' });
  await link.waitFor();
  await link.focus();
  await page.keyboard.press('Enter');
  await page.locator('#detail[open] dl').waitFor();
  for (let i = 0; i < 10 && (await focused(page)) !== 'Allow 10 minutes'; i++) await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Allow 10 minutes');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid', 'the focus is to be seen');
  await page.keyboard.press('Enter');
  await page.locator('#toast', { hasText: 'Allowed' }).waitFor();
  for (let i = 0; i < 30 && (await focused(page)) !== 'Undo'; i++) await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Undo', 'it can be reached while the dialog is open');
  await page.keyboard.press('Enter');
  await page.locator('#toast', { hasText: 'Undone' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#detail').waitFor({ state: 'hidden' });
  assert.match(String(await focused(page)), /a\.example/);
});

test('a question that is asked again takes no focus away, and nor does a new one', {
  timeout: 60_000,
}, async (t) => {
  const { page, instance } = await stand(t);
  await request(instance.proxy, 'http://a.example/');
  const first = page.locator('#questions li', { hasText: 'a.example' });
  await first.getByRole('button', { name: 'Allow 1 hour' }).focus();
  await request(instance.proxy, 'http://b.example/');
  await page.locator('#questions li', { hasText: 'b.example' }).waitFor();
  await request(instance.proxy, 'http://a.example/');
  await first.locator('.hint', { hasText: '2 times' }).waitFor({ timeout: 20_000 });
  assert.equal(await focused(page), 'Allow 1 hour');
  await page.keyboard.press('Enter');
  await first.waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'questions-title', 'nothing that a second press would answer');
});
