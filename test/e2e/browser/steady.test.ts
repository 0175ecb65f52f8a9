/** What has only just come under a finger or a pointer is not pressed by it. The page's clock is the test's. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { type Instance, LISTEN, request, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const ASKING = `${LISTEN}admin: { token: ${ADMIN} }\nclients: [{ name: other, token: ${ADMIN} }]\npolicy: { default: none, ask: { hold: 0s } }\n`;
const PHONE = { hasTouch: true, isMobile: true, viewport: { width: 400, height: 1400 } };
const DESK = { viewport: { width: 1000, height: 1400 } };

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

interface Stand {
  readonly instance: Instance;
  readonly page: Page;
  readonly allow: Locator;
  readonly toast: Locator;
  /** Time goes on for the page. */
  later(): Promise<void>;
  /** A banner above the questions appears, or goes. */
  banner(what: 'pause' | 'resume'): Promise<void>;
  block(host: string): Promise<void>;
  granted(): Promise<readonly string[]>;
}

async function stand(t: TestContext, shape: Parameters<typeof openPage>[2]): Promise<Stand> {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser, shape);
  await page.addInitScript('let at = 10000; performance.now = () => at; globalThis.later = () => { at += 600; };');
  await openWith(ADMIN, page, instance.admin);
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const notice = page.locator('#notices', { hasText: 'other is paused' });
  await request(instance.proxy, 'http://asked.example/');
  const allow = page.locator('#questions').getByRole('button', { name: 'Allow 1 hour' });
  await allow.waitFor();
  return {
    instance,
    page,
    allow,
    toast: page.locator('#toast'),
    later: () => page.evaluate('later()'),
    async banner(what) {
      await fetch(`${instance.admin}/v1/clients/other/${what}`, { method: 'POST', headers, body: '{}' });
      await notice.waitFor({ state: what === 'pause' ? 'visible' : 'detached' });
    },
    async block(host) {
      // So long that the time left takes the same room throughout.
      const body = JSON.stringify({ effect: 'block', host, for: '30d' });
      await fetch(`${instance.admin}/v1/grants`, { method: 'POST', headers, body });
    },
    async granted() {
      const { grants } = (await (await fetch(`${instance.admin}/v1/grants`, { headers })).json()) as {
        grants: { host: string }[];
      };
      return grants.map(({ host }) => host);
    },
  };
}

/** Of what may be made anew meanwhile, as it is with each change: an element that has just gone has no place. */
async function middleOf(place: Locator): Promise<readonly [number, number]> {
  const box = await place.boundingBox();
  if (box === null) return middleOf(place);
  return [box.x + box.width / 2, box.y + box.height / 2];
}

const REFUSED = /only just come here/;

test('a tap on a question that has just appeared does nothing and says so, and one a moment later answers it', {
  timeout: 60_000,
}, async (t) => {
  const { page, allow, toast, later, granted } = await stand(t, PHONE);
  await page.touchscreen.tap(...(await middleOf(allow)));
  await toast.filter({ hasText: REFUSED }).waitFor();
  assert.deepEqual(await granted(), []);
  await later();
  await page.touchscreen.tap(...(await middleOf(allow)));
  await toast.filter({ hasText: 'Allowed: asked.example' }).waitFor();
  assert.deepEqual(await granted(), ['asked.example']);
});

test('nor is a tap heard on a question that a banner above has just moved', { timeout: 60_000 }, async (t) => {
  const { page, allow, toast, later, banner, granted } = await stand(t, PHONE);
  await later();
  const [, before] = await middleOf(allow);
  await banner('pause');
  const moved = await middleOf(allow);
  assert.ok(moved[1] > before + 10);
  await page.touchscreen.tap(...moved);
  await toast.filter({ hasText: REFUSED }).waitFor();
  assert.deepEqual(await granted(), []);
});

test('a pointer that rests does not press what comes under it', { timeout: 60_000 }, async (t) => {
  const { page, allow, toast, later, banner, granted } = await stand(t, DESK);
  const place = await middleOf(allow);
  await banner('pause');
  await page.mouse.move(...place);
  await later();
  await banner('resume');
  assert.deepEqual(await middleOf(allow), place);
  await page.mouse.down();
  await page.mouse.up();
  await toast.filter({ hasText: REFUSED }).waitFor();
  assert.deepEqual(await granted(), []);
  await later();
  await page.mouse.down();
  await page.mouse.up();
  await toast.filter({ hasText: 'Allowed: asked.example' }).waitFor();
});

test('a pointer that comes to it and a key are heard at once', { timeout: 60_000 }, async (t) => {
  const { instance, page, allow, toast, granted } = await stand(t, DESK);
  await allow.click();
  await toast.filter({ hasText: 'Allowed: asked.example' }).waitFor();
  await page.mouse.move(0, 0);
  await request(instance.proxy, 'http://other.example/');
  await allow.waitFor();
  await allow.focus();
  await page.keyboard.press('Enter');
  await toast.filter({ hasText: 'Allowed: other.example' }).waitFor();
  assert.deepEqual(await granted(), ['asked.example', 'other.example']);
});

test('nor does a tap take back a block that a new question has just moved there; what is made anew in its place is heard', {
  timeout: 60_000,
}, async (t) => {
  const { instance, page, toast, later, block, granted } = await stand(t, PHONE);
  await block('evil.example');
  await page.getByRole('link', { name: /Grants/ }).tap();
  const revoke = page.getByRole('button', { name: 'Revoke evil.example' });
  await revoke.waitFor();
  await later();
  const [, before] = await middleOf(revoke);
  await request(instance.proxy, 'http://second.example/');
  await page.locator('#questions', { hasText: 'second.example' }).waitFor();
  const moved = await middleOf(revoke);
  assert.ok(moved[1] > before + 10);
  await page.touchscreen.tap(...moved);
  await toast.filter({ hasText: REFUSED }).waitFor();
  assert.deepEqual(await granted(), ['evil.example']);
  await later();
  await revoke.evaluate((button) => button.setAttribute('data-old', ''));
  await block('other.test');
  await page.getByRole('button', { name: 'Revoke other.test' }).waitFor();
  assert.equal(await revoke.getAttribute('data-old'), null);
  assert.deepEqual(await middleOf(revoke), moved);
  await page.touchscreen.tap(...moved);
  await toast.filter({ hasText: 'Revoked: evil.example' }).waitFor();
  assert.deepEqual(await granted(), ['other.test']);
});
