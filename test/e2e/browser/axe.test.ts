import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { LISTEN, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';
import { openStreet, PUBLIC, type Street } from './street.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ADMIN = '0123456789abcdef-admin';
const TOOL = '0123456789abcdef-tool';
const YAML = `${LISTEN}admin: { token: ${ADMIN} }
limits: { connectTimeout: 2s }
clients:
  - { name: github, token: "${TOOL}" }
  - { name: slack, mode: enforce, token: "${TOOL}-2" }
policy: { default: none, mode: report, ask: { hold: 0s } }
`;

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

const VIEWS = [
  ['/', '#rows tr'],
  ['/?group=1', '#rows tr'],
  ['/?view=clients', '#clients summary'],
  ['/?view=top', '#top table'],
  ['/?view=grants', '#grants table'],
  ['/?view=policy', '#policy dl'],
  ['/?view=check', '#check'],
] as const;

for (const [width, colorScheme] of [
  [320, 'light'],
  [1200, 'dark'],
] as const) {
  test(`no view of ${width} pixels, ${colorScheme}, is too wide or has a fault that axe finds`, {
    timeout: 120_000,
  }, async (t) => {
    const instance = await startInstance(t, YAML, {}, street.within);
    const { page } = await openPage(t, browser, { viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
    await openWith(ADMIN, page, instance.admin);
    await street.get(instance.proxy, 'http://169.254.169.254/', `github:${TOOL}`);
    await street.get(instance.proxy, `http://${PUBLIC}/`, `slack:${TOOL}-2`);
    const grant = {
      effect: 'allow',
      host: `${'a'.repeat(60)}.${'b'.repeat(60)}.example`,
      ports: [443],
      client: 'github',
      for: '10m',
    };
    for (const [path, body] of [
      ['/v1/grants', grant],
      ['/v1/clients/github/pause', { for: '1h' }],
    ] as const) {
      const sent = `fetch('${path}', { method: 'POST', headers: { 'content-type': 'application/json', 'x-egress-key': localStorage.getItem('egress-key') }, body: ${JSON.stringify(JSON.stringify(body))} }).then((r) => r.ok)`;
      assert.equal(await page.evaluate(sent), true, path);
    }
    for (const [view, shown] of VIEWS) {
      await page.goto(instance.admin + view);
      await page.locator(shown).first().waitFor();
      await page.locator('#notices .notice').nth(1).waitFor();
      await page.locator('#questions li').waitFor();
      await check(page, view, width);
    }
    await page.goto(instance.admin);
    await page.locator('#rows tr', { hasText: PUBLIC }).first().click();
    await page.locator('#detail[open] dl').waitFor();
    await check(page, 'the detail', width);
    await page.context().clearCookies();
    await page.goto(instance.admin);
    await page.locator('#login').waitFor();
    await check(page, 'the form', width);
  });
}

async function check(page: Page, view: string, width: number): Promise<void> {
  const wide = await page.evaluate('document.documentElement.scrollWidth');
  assert.ok(typeof wide === 'number' && wide <= width, `${view}: ${wide}`);
  await page.evaluate(AXE);
  const faults = await page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))',
  );
  assert.deepEqual(faults, [], view);
}
