import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { adminWith } from '../../admin/build.js';
import { decisionRecord } from '../../observe/records.js';
import { launch, live, openPage } from './browser.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => decisionRecord({ id: `r${from + i}`, host: `h${from + i}.example` }));

test('older decisions come in pages, and hold the list still until it is resumed', { timeout: 60_000 }, async (t) => {
  const admin = adminWith();
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  admin.add(...numbered(0, 450));
  const { page, problems } = await openPage(t, browser);
  await page.goto(url);
  await live(page);
  const count = () => page.locator('#rows tr').count();
  await page.locator('#rows tr:nth-child(200)').waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.locator('#rows tr:nth-child(400)').waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.locator('#rows tr:nth-child(450)').waitFor();
  assert.equal(new Set(await page.locator('#rows .destination').allInnerTexts()).size, 450);
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByRole('button', { name: 'Older' }).waitFor({ state: 'hidden' });
  admin.add(...numbered(1000, 1));
  await page.locator('#total-deny', { hasText: '451' }).waitFor();
  assert.equal(await count(), 450);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('#rows tr', { hasText: 'h1000.example' }).waitFor();
  assert.equal(await count(), 200);
  assert.deepEqual(problems, []);
});

for (const width of [320, 390, 1200]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`no view is wider than a screen of ${width}, ${colorScheme}`, { timeout: 60_000 }, async (t) => {
      const admin = adminWith();
      const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
      t.after(() => admin.app.close());
      const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`;
      admin.add(...numbered(0, 5), decisionRecord({ id: 'long', host: long, client: { address: '::1', name: long } }));
      const { page, problems } = await openPage(t, browser, { viewport: { width, height: 800 }, colorScheme });
      for (const [view, shown] of [
        ['/', '#rows tr'],
        ['/?id=long', '#detail dl'],
        ['/?view=clients', '#clients table'],
        ['/?view=policy', '#policy dl'],
        ['/?view=check', '#check'],
      ] as const) {
        await page.goto(url + view);
        await page.locator(shown).first().waitFor();
        const wide = await page.evaluate('document.documentElement.scrollWidth');
        assert.ok(typeof wide === 'number' && wide <= width, `${view}: ${wide}`);
      }
      assert.deepEqual(problems, []);
    });
  }
}
