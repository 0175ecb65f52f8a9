/** Deciding with a finger. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { request } from '../../cli/instance.js';
import { dismiss, openAsking } from './asking.js';
import { launch } from './browser.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a tap answers the question that it is on, with one above it that has ended', { timeout: 240_000 }, async (t) => {
  const { page, instance } = await openAsking(t, browser, {
    hasTouch: true,
    isMobile: true,
    viewport: { width: 400, height: 1400 },
  });
  for (const name of ['a', 'b', 'c']) await request(instance.proxy, `http://${name}.example/`);
  const item = (name: string) => page.locator('#questions li', { hasText: `${name}.example` });
  await item('c').waitFor();
  await item('c').locator('.destination').tap();
  await dismiss(instance, 'a.example');
  await item('a').getByText('Answered, or no longer asked.').waitFor();
  const box = await item('b').getByRole('button', { name: 'Allow once' }).boundingBox();
  assert.ok(box);
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator('#toast', { hasText: 'Allowed: ' }).waitFor();
  assert.match(await page.locator('#toast').innerText(), /b\.example/);
  await page.locator('#questions-title').tap();
  await item('a').waitFor({ state: 'detached' });
});
