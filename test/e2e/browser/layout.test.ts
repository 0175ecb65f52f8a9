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

test('older decisions come in pages, and hold the list still until it is resumed', { timeout: 240_000 }, async (t) => {
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
    test(`no view is wider than a screen of ${width}, ${colorScheme}`, { timeout: 240_000 }, async (t) => {
      const admin = adminWith();
      const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
      t.after(() => admin.app.close());
      const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`;
      admin.add(
        ...numbered(0, 5),
        decisionRecord({
          id: 'long',
          time: new Date().toISOString(),
          host: long,
          client: { address: '::1', name: long },
        }),
      );
      const { page, problems } = await openPage(t, browser, { viewport: { width, height: 800 }, colorScheme });
      for (const [view, shown] of [
        ['/', '#rows tr'],
        ['/?id=long', '#detail dl'],
        ['/?view=clients', '#clients table'],
        ['/?view=top', '#top table'],
        ['/?group=1', '#rows tr'],
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

test('twenty clients fit on a screen, each with its counts', { timeout: 240_000 }, async (t) => {
  const admin = adminWith();
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  for (let i = 0; i < 20; i++)
    admin.add(decisionRecord({ id: `c${i}`, client: { address: `172.31.250.${i + 2}`, name: null } }));
  const { page, problems } = await openPage(t, browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(`${url}/?view=clients`);
  await page.locator('#clients summary').nth(19).waitFor();
  const box = await page.locator('#clients summary').nth(19).boundingBox();
  assert.ok(box !== null && box.y + box.height <= 900, JSON.stringify(box));
  await page.locator('#clients summary').nth(7).click();
  await page.locator('#clients details[open] table').waitFor();
  assert.deepEqual(problems, []);
});

test('like decisions are one row with a count that goes on while they come', { timeout: 240_000 }, async (t) => {
  const admin = adminWith();
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  const again = (from: number, count: number) =>
    admin.add(...Array.from({ length: count }, (_, i) => decisionRecord({ id: `s${from + i}`, host: 'same.example' })));
  again(0, 399);
  admin.add(decisionRecord({ id: 'other', host: 'other.example' }));
  const { page, problems } = await openPage(t, browser);
  await page.goto(url);
  await live(page);
  await page.getByLabel('Group similar').check();
  await page.locator('#rows tr', { hasText: 'same.example:80 × 399' }).waitFor();
  assert.equal(await page.locator('#rows tr').count(), 2);
  again(1000, 1);
  await page.locator('#rows tr:first-child', { hasText: 'same.example:80 × 400' }).waitFor();
  assert.equal(await page.locator('#rows tr').count(), 2);
  await page.goBack();
  await page.locator('#rows tr:nth-child(200)').waitFor();
  assert.deepEqual(problems, []);
});

test('mode report has a colour and a count of its own, and a search finds a part of a name', {
  timeout: 240_000,
}, async (t) => {
  const admin = adminWith();
  const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => admin.app.close());
  admin.add(
    decisionRecord({ id: 'r', outcome: 'allow', mode: 'report', host: 'reported.example' }),
    decisionRecord({ id: 'a', outcome: 'allow', reason: null, host: 'allowed.example' }),
  );
  const { page, problems } = await openPage(t, browser);
  await page.goto(url);
  await live(page);
  await page.locator('#rows tr.report', { hasText: 'would be denied' }).waitFor();
  await page.locator('#total-reported', { hasText: '1' }).waitFor();
  assert.equal(await page.locator('#total-allow').innerText(), '1');
  await page.getByLabel('Search').fill('ported.ex');
  await page.getByLabel('Search').press('Enter');
  await page.locator('#rows tr', { hasText: 'allowed.example' }).waitFor({ state: 'detached' });
  assert.equal(await page.locator('#rows tr').count(), 1);
  await page.goBack();
  await page.locator('#rows tr', { hasText: 'allowed.example' }).waitFor();
  assert.deepEqual(problems, []);
});
