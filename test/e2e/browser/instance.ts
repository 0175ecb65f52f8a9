/** The program itself, as people start it, with a configuration of the test; and a browser that looks at its page. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export interface Instance {
  readonly proxy: string;
  readonly admin: string;
  readonly child: ChildProcess;
  /** Lines of the log so far. */
  readonly log: readonly string[];
  /** The file that the instance watches. */
  configure(yaml: string): Promise<void>;
  /** Resolves with the first event of this name that is logged from now on. */
  event(name: string): Promise<void>;
}

export const LISTEN = 'version: 1\nlisten: { proxy: "127.0.0.1:0", admin: "127.0.0.1:0" }\n';

export async function startInstance(context: TestContext, yaml: string): Promise<Instance> {
  const folder = await mkdtemp(join(tmpdir(), 'egress-page-'));
  const path = join(folder, 'policy.yaml');
  await writeFile(path, yaml);
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : null;
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  });
  const log: string[] = [];
  const waiting = new Map<string, () => void>();
  const event = (name: string) => new Promise<void>((resolve) => waiting.set(name, resolve));
  const ready = event('listening');
  assert.ok(child.stdout);
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.push(line);
    const name = /"event":"([\w-]+)"/.exec(line)?.[1] ?? '';
    waiting.get(name)?.();
  });
  await ready;
  const { listening } = JSON.parse(log.at(-1) ?? '{}');
  return {
    proxy: `http://${listening.proxy}`,
    admin: `http://${listening.admin}`,
    child,
    log,
    event,
    configure: (text) => writeFile(path, text),
  };
}

/** Sends an absolute-form request through the proxy; the status that comes back. */
export async function request(proxy: string, url: string, credentials?: string): Promise<number> {
  const { hostname, port } = new URL(proxy);
  const authorization =
    credentials === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
  const headers = { host: new URL(url).host, ...authorization };
  const sent = http.request({ host: hostname, port, path: url, headers, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode;
}

/** One browser for a file of tests. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** A page that fails the test by what it logs as an error: a script that breaks, or a rule of its policy that is hit. */
export async function openPage(context: TestContext, browser: Browser, options: BrowserContextOptions = {}) {
  const shell = await browser.newContext(options);
  const page = await shell.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  context.after(() => shell.close());
  return { page, problems };
}

/** Resolves when the list says that it is live. */
export async function live(page: Page): Promise<void> {
  await page.locator('#connection[data-state="live"]').waitFor();
}
