/**
 * The pictures of the page in the documents, from a real instance: `npm run page-pictures` as root, with Chromium. With a
 * folder as its argument it also takes every view for a phone, and in the dark, to be looked at.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type Instance, LISTEN, startInstance } from '../../cli/instance.js';
import { launch, openWith } from './browser.js';
import { openStreet, PRIVATE, PUBLIC, type Street } from './street.js';

const DOCUMENTS = fileURLToPath(new URL('../../../../docker/observability', import.meta.url));
const ADMIN = '0123456789abcdef-admin';
const CLIENTS = ['github', 'slack', 'fetch', 'notion'] as const;
type Name = (typeof CLIENTS)[number];
const tokenOf = (name: Name) => `0123456789abcdef-${name}`;
const YAML = `${LISTEN}admin: { token: ${ADMIN} }
limits: { connectTimeout: 2s }
clients:
  - { name: github, token: "${tokenOf('github')}" }
  - { name: slack, token: "${tokenOf('slack')}" }
  - { name: fetch, token: "${tokenOf('fetch')}" }
  - { name: notion, token: "${tokenOf('notion')}", mode: report }
policy:
  default: none
  ask: { hold: 0s }
  allow:
    - { host: "api.github.com", ports: [443], clients: [github] }
    - { host: "*.slack.com", ports: [443], clients: [slack] }
`;
const HOSTS = ['api.github.com', 'objects.githubusercontent.com', 'mcp.slack.com'];

/** Who asks for what, in the order in which it happens. */
const REQUESTS: readonly (readonly [Name, string])[] = [
  ['slack', 'mcp.slack.com:443'],
  ['notion', `${PRIVATE}:445`],
  ['github', 'api.github.com:443'],
  ['fetch', '169.254.169.254:80'],
  ['fetch', '192.168.1.1:80'],
  ['github', 'api.github.com:443'],
  ['github', 'objects.githubusercontent.com:443'],
  ['slack', 'mcp.slack.com:443'],
  ['fetch', '10.0.0.5:11434'],
  ['github', 'api.github.com:443'],
];

const [folder] = process.argv.slice(2);
const ends: (() => unknown)[] = [];
const street = await openStreet(['127.0.0.1 localhost', ...HOSTS.map((name) => `${PUBLIC} ${name}`)]);
ends.push(() => street.close());
try {
  const instance = await startInstance({ after: (end) => ends.push(end) }, YAML, {}, street.within);
  const browser = await launch(street.browser);
  ends.push(() => browser.close());
  await happen(street, instance);
  await forDocuments(browser, instance);
  if (folder !== undefined) await forEyes(browser, instance, folder);
} finally {
  for (const end of ends.reverse()) await end();
}

async function happen(where: Street, { proxy, admin }: Instance): Promise<void> {
  for (const [name, place] of REQUESTS) connect(where, proxy, { name, place });
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const post = (path: string, body: object) =>
    curl(where, [
      ...Object.entries(headers).flatMap(([key, value]) => ['-H', `${key}: ${value}`]),
      ...['-d', JSON.stringify(body), `${admin}${path}`],
    ]);
  post('/v1/grants', {
    effect: 'allow',
    host: 'objects.githubusercontent.com',
    ports: [443],
    client: 'slack',
    for: '1h',
  });
  post('/v1/grants', { effect: 'allow', host: PRIVATE, ports: [445], client: 'fetch', confirm: 'internal' });
  post('/v1/grants', { effect: 'block', host: '*.example.net' });
  post('/v1/clients/slack/pause', { for: '1h' });
}

/** One CONNECT, given up as soon as it is answered. */
function connect(where: Street, proxy: string, { name, place }: { readonly name: Name; readonly place: string }): void {
  const { hostname, port } = new URL(proxy);
  const auth = Buffer.from(`${name}:${tokenOf(name)}`).toString('base64');
  const script = `const s = require('node:net').connect(${port}, '${hostname}');
    s.write('CONNECT ${place} HTTP/1.1\\r\\nHost: ${place}\\r\\nProxy-Authorization: Basic ${auth}\\r\\n\\r\\n');
    s.on('data', () => s.destroy())`;
  execFileSync('ip', [...where.within.slice(1), process.execPath, '-e', script]);
}

function curl(where: Street, args: readonly string[]): void {
  execFileSync('ip', [...where.within.slice(1), 'curl', '-sS', '-f', '-o', '/dev/null', ...args]);
}

async function forDocuments(browser: Browser, instance: Instance): Promise<void> {
  const page = await opened(browser, instance, { viewport: { width: 1200, height: 880 }, colorScheme: 'light' });
  await page.screenshot({ path: join(DOCUMENTS, 'page.png') });
  await openQuestion(page);
  await page.screenshot({ path: join(DOCUMENTS, 'page-detail.png') });
}

async function forEyes(browser: Browser, instance: Instance, into: string): Promise<void> {
  for (const [kind, width, height] of [
    ['phone', 390, 844],
    ['desktop', 1200, 880],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await opened(browser, instance, { viewport: { width, height }, colorScheme });
      const take = (name: string) =>
        page.screenshot({ path: join(into, `${kind}-${colorScheme}-${name}.png`), fullPage: kind === 'phone' });
      await take('decisions');
      for (const view of ['clients', 'top', 'grants', 'policy', 'check']) {
        await page.goto(`${instance.admin}/?view=${view}`);
        await page.locator(`#view-${view}`).waitFor();
        await page.waitForLoadState('networkidle').catch(() => {});
        await take(view);
      }
      await page.goto(instance.admin);
      await openQuestion(page);
      await page.screenshot({ path: join(into, `${kind}-${colorScheme}-detail.png`) });
    }
  }
}

async function opened(browser: Browser, instance: Instance, options: BrowserContextOptions): Promise<Page> {
  const shell = await browser.newContext(options);
  const page = await shell.newPage();
  await openWith(ADMIN, page, instance.admin);
  await page
    .locator('#rows tr')
    .nth(REQUESTS.length - 1)
    .waitFor();
  await page.locator('#questions li').waitFor();
  await page.locator('#notices .notice').nth(1).waitFor();
  return page;
}

async function openQuestion(page: Page): Promise<void> {
  await page.locator('#rows a', { hasText: 'objects.githubusercontent.com' }).first().click();
  await page.locator('#detail[open] dl').waitFor();
}
