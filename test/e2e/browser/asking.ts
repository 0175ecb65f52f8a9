/** The page of an instance that asks about everything, opened with its token. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type Instance, LISTEN, startInstance } from '../../cli/instance.js';
import { openPage, openWith } from './browser.js';

const ADMIN = '0123456789abcdef-admin';
const ASKING = `${LISTEN}admin: { token: ${ADMIN} }\npolicy: { default: none, ask: { hold: 0s } }\n`;

export async function openAsking(
  t: TestContext,
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly instance: Instance }> {
  const instance = await startInstance(t, ASKING, { EGRESS_STATE: '' });
  const { page } = await openPage(t, browser, options);
  await openWith(ADMIN, page, instance.admin);
  return { page, instance };
}

/** Dismisses the question about a host by the API, as somebody at another browser would. */
export async function dismiss(instance: Instance, host: string): Promise<void> {
  const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
  const { questions } = (await (await fetch(`${instance.admin}/v1/questions`, { headers })).json()) as {
    questions: { id: string; host: string }[];
  };
  const id = questions.find((question) => question.host === host)?.id;
  const body = JSON.stringify({ answer: 'dismiss' });
  const answer = await fetch(`${instance.admin}/v1/questions/${id}`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
}
