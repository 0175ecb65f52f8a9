/** What is taken back here can be put back for ten seconds. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { LISTEN, startInstance } from '../../cli/instance.js';
import { launch, openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const POLICY = `${LISTEN}admin: { token: ${ADMIN} }\nclients: [{ name: other, token: ${ADMIN}-2 }]\npolicy: { default: none }\n`;

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

interface Stand {
  readonly page: Page;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the API, which the assertions look into.
  send(method: 'GET' | 'POST', path: string, body?: object): Promise<any>;
}

async function stand(t: TestContext): Promise<Stand> {
  const instance = await startInstance(t, POLICY, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser);
  await openWith(ADMIN, page, instance.admin);
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  return {
    page,
    async send(method, path, body) {
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await fetch(`${instance.admin}${path}`, { method, headers, ...content })).json();
    },
  };
}

test('a revoked grant comes back as it was, for the time that it had left', { timeout: 60_000 }, async (t) => {
  const { page, send } = await stand(t);
  const wanted = [
    { effect: 'allow', host: 'api.example', ports: [443], client: 'other', for: '1h', why: 'build' },
    { effect: 'allow', host: '192.168.77.5', ports: [9], for: '1h', confirm: 'internal' },
    { effect: 'block', host: '*.example.net', for: '1h' },
  ];
  for (const body of wanted) await send('POST', '/v1/grants', body);
  const known = async () =>
    (await send('GET', '/v1/grants')).grants.map(
      ({ id, created, expires, by, ...rest }: Record<string, string>) => rest,
    );
  const before = await known();
  await page.getByRole('link', { name: /Grants/ }).click();
  for (const place of ['api.example', '192.168.77.5', '*.example.net']) {
    await page.getByRole('button', { name: `Revoke ${place}` }).click();
    await page.locator('#toast', { hasText: 'Revoked: ' }).getByRole('button', { name: 'Undo' }).click();
    await page.locator('#toast', { hasText: 'Undone' }).waitFor();
    const { grants } = await send('GET', '/v1/grants');
    const end = Date.parse(grants.at(-1).expires) - Date.parse(grants.at(-1).created);
    assert.ok(end > 0 && end <= 3_601_000, `${end} ms`);
  }
  assert.deepEqual(await known(), before);
});

test('a client that was resumed is paused again', { timeout: 60_000 }, async (t) => {
  const { page, send } = await stand(t);
  await send('POST', '/v1/clients/other/pause', { for: '1h' });
  const notice = page.locator('#notices', { hasText: 'other is paused' });
  await notice.getByRole('button', { name: 'Resume' }).click();
  await page.locator('#toast', { hasText: 'Resumed: other' }).getByRole('button', { name: 'Undo' }).click();
  await page.locator('#toast', { hasText: 'Undone' }).waitFor();
  const { pauses } = await send('GET', '/v1/grants');
  assert.deepEqual(
    pauses.map(({ client, mode }: Record<string, string>) => [client, mode]),
    [['other', 'refuse']],
  );
});
