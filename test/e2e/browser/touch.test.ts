/** Deciding with a finger. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { LISTEN, request, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const ASKING = `${LISTEN}admin: { token: ${ADMIN} }\npolicy: { default: none, ask: { hold: 0s } }\n`;

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a tap answers the question that it is on, with one above it that has ended', { timeout: 60_000 }, async (t) => {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser, {
    hasTouch: true,
    isMobile: true,
    viewport: { width: 400, height: 1400 },
  });
  await openWith(ADMIN, page, instance.admin);
  for (const name of ['a', 'b', 'c']) await request(instance.proxy, `http://${name}.example/`);
  const item = (name: string) => page.locator('#questions li', { hasText: `${name}.example` });
  await item('c').waitFor();
  await item('c').locator('.destination').tap();
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const { questions } = (await (await fetch(`${instance.admin}/v1/questions`, { headers })).json()) as {
    questions: { id: string; host: string }[];
  };
  const id = questions.find(({ host }) => host === 'a.example')?.id;
  const body = JSON.stringify({ answer: 'dismiss' });
  await fetch(`${instance.admin}/v1/questions/${id}`, { method: 'POST', headers, body });
  await item('a').getByText('Answered, or no longer asked.').waitFor();
  const box = await item('b').getByRole('button', { name: 'Allow once' }).boundingBox();
  assert.ok(box);
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator('#toast', { hasText: 'Allowed: ' }).waitFor();
  assert.match(await page.locator('#toast').innerText(), /b\.example/);
  await page.locator('#questions-title').tap();
  await item('a').waitFor({ state: 'detached' });
});
