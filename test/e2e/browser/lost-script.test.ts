import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { LISTEN, startInstance } from '../../cli/instance.js';
import { launch, live } from './browser.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

for (const script of ['page.js', 'api.js', 'chart.js'])
  test(`a page whose ${script} was lost on its way is loaded again by itself`, async (t) => {
    const token = '0123456789abcdef-admin';
    const instance = await startInstance(t, `${LISTEN}admin: { token: ${token} }\npolicy: { default: none }\n`);
    const page = await browser.newPage();
    t.after(() => page.close());
    let losses = 0;
    await page.route(`**/${script}`, (route) => (losses++ === 0 ? route.abort('connectionreset') : route.continue()));
    await page.goto(`${instance.admin}/?token=${token}`);
    await live(page);
    assert.equal(losses, 2);
  });
