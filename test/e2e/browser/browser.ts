/** A browser that looks at the page. */
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** For what a page does by itself; nothing is slow because of it. */
const PATIENCE_MS = 120_000;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** One browser for a file of tests. `executablePath`: what starts it, if not Chromium itself. */
export function launch(executablePath = CHROMIUM): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page that has shown the token of the instance. */
export async function openWith(token: string, page: Page, admin: string): Promise<void> {
  await page.goto(`${admin}/?token=${token}`);
  await live(page);
}

/** A page that fails the test by what it logs as an error: a script that breaks, or a rule of its policy that is hit. */
export async function openPage(context: TestContext, browser: Browser, options: BrowserContextOptions = {}) {
  const shell = await browser.newContext(options);
  shell.setDefaultTimeout(PATIENCE_MS);
  const page = await shell.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  context.after(() => shell.close());
  return { page, problems };
}

/** Resolves when the list says that it is live; what it says instead is in the error. */
export async function live(page: Page): Promise<void> {
  try {
    await page.locator('#connection[data-state="live"]').waitFor();
  } catch (error) {
    const said = await Promise.all(['#connection', '#problem'].map((place) => page.locator(place).innerText()));
    throw new Error(`the page is not live: ${said.join('; ')}`, { cause: error });
  }
}
