/** Deciding by the keyboard alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { request } from '../../cli/instance.js';
import { dismiss, openAsking } from './asking.js';
import { launch } from './browser.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const focused = (page: Page) => page.evaluate('document.activeElement?.id || document.activeElement?.textContent');

test('by keys alone: a row is opened, allowed and undone within the dialog, and the focus is back', {
  timeout: 240_000,
}, async (t) => {
  const { page, instance } = await openAsking(t, browser);
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
  timeout: 240_000,
}, async (t) => {
  const { page, instance } = await openAsking(t, browser);
  await request(instance.proxy, 'http://a.example/');
  const first = page.locator('#questions li', { hasText: 'a.example' });
  await first.getByRole('button', { name: 'Allow 1 hour' }).focus();
  await request(instance.proxy, 'http://b.example/');
  await page.locator('#questions li', { hasText: 'b.example' }).waitFor();
  await request(instance.proxy, 'http://a.example/');
  await first.locator('.hint', { hasText: '2 times' }).waitFor();
  assert.equal(await focused(page), 'Allow 1 hour');
  await page.keyboard.press('Enter');
  await first.waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'questions-title', 'nothing that a second press would answer');
});

test('Tab goes round within the dialog, forwards and back, and never to what is behind it', {
  timeout: 240_000,
}, async (t) => {
  const { page, instance } = await openAsking(t, browser);
  await request(instance.proxy, 'http://a.example/');
  await page.locator('#rows a', { hasText: 'a.example' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#detail[open] dl').waitFor();
  const count = Number(
    await page.evaluate(`document.querySelectorAll('#detail :is(button, select, a, [tabindex="0"])').length`),
  );
  // The browser's own controls have a turn, too: then the body has the focus.
  const isWithin = `document.activeElement === document.body || document.activeElement.closest('#detail') !== null`;
  for (const key of ['Tab', 'Shift+Tab']) {
    const seen = new Set<string>();
    for (let i = 0; i < 2 * count + 4; i++) {
      await page.keyboard.press(key);
      assert.equal(await page.evaluate(isWithin), true, `${key} ${i}: ${await focused(page)}`);
      seen.add(String(await focused(page)));
    }
    for (const name of ['detail-close', 'Allow once', 'Allow always']) assert.ok(seen.has(name), `${key}: ${name}`);
  }
});

test('by keys alone: what is asked for is blocked', { timeout: 240_000 }, async (t) => {
  const { page, instance } = await openAsking(t, browser);
  await request(instance.proxy, 'http://a.example/');
  const first = page.locator('#questions li', { hasText: 'a.example' });
  await first.getByRole('button', { name: 'Allow once' }).focus();
  for (let i = 0; i < 10 && (await focused(page)) !== 'Block always'; i++) await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Block always');
  await page.keyboard.press('Space');
  await page.locator('#toast', { hasText: 'Blocked: a.example' }).waitFor();
  const refused = instance.line(/"host-denied"/);
  await request(instance.proxy, 'http://a.example/');
  await refused;
});

test('what is under the pointer stays there while questions end and come, until the pointer leaves', {
  timeout: 240_000,
}, async (t) => {
  const { page, instance } = await openAsking(t, browser);
  for (const name of ['a', 'b', 'c']) await request(instance.proxy, `http://${name}.example/`);
  const item = (name: string) => page.locator('#questions li', { hasText: `${name}.example` });
  await item('c').waitFor();
  const button = item('b').getByRole('button', { name: 'Allow once' });
  await button.hover();
  const before = await button.boundingBox();
  await dismiss(instance, 'a.example');
  await item('a').getByText('Answered, or no longer asked.').waitFor();
  assert.equal(await item('a').getByRole('button').count(), 0);
  assert.deepEqual(await button.boundingBox(), before, 'nothing has moved');
  await page.mouse.move(0, 0);
  await item('a').waitFor({ state: 'detached' });
});

test('what is under the pointer stays there when the text of a question above it grows', {
  timeout: 240_000,
}, async (t) => {
  const { page, instance } = await openAsking(t, browser);
  for (const name of ['a', 'b']) await request(instance.proxy, `http://${name}.example/`);
  const item = (name: string) => page.locator('#questions li', { hasText: `${name}.example` });
  await item('b').waitFor();
  // As wide as its text: a letter more takes another line.
  await page.evaluate(`(() => {
    const li = document.querySelector('#question-list li');
    const height = () => li.querySelector('p').offsetHeight;
    let [width, first] = [li.offsetWidth, height()];
    while (height() === first) li.style.width = --width + 'px';
    li.style.width = width + 1 + 'px';
  })()`);
  const button = item('b').getByRole('button', { name: 'Allow once' });
  await button.hover();
  const before = await button.boundingBox();
  for (const name of ['a', 'b']) await request(instance.proxy, `http://${name}.example/`);
  await item('b').getByText('2 times').waitFor();
  assert.deepEqual(await button.boundingBox(), before, 'nothing has moved');
  await page.mouse.move(0, 0);
  await request(instance.proxy, 'http://a.example/');
  await item('a').getByText('3 times').waitFor();
  assert.notDeepEqual(await button.boundingBox(), before, 'it takes another line now');
});
