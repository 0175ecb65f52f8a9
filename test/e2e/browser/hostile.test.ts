import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { DecisionRecord } from '../../../proxy/observe/record.js';
import { adminWith } from '../../admin/build.js';
import { decisionRecord, HOSTILE } from '../../observe/records.js';
import { launch, live, openPage } from './browser.js';

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** In every field that a client or DNS has a say in. */
function hostile(text: string, id: string): DecisionRecord {
  return decisionRecord({
    id,
    host: text,
    client: { address: text, name: text },
    method: text,
    rule: text,
    addresses: [text],
    dialed: text,
  });
}

for (const [i, text] of HOSTILE.entries()) {
  test(`${JSON.stringify(text)} is harmless text in list, detail and client view`, async (t) => {
    const admin = adminWith();
    const url = await admin.app.listen({ host: '127.0.0.1', port: 0 });
    t.after(() => admin.app.close());
    admin.add(hostile(text, 'before'));
    const { page, problems } = await openPage(t, browser);
    page.on('dialog', (dialog) => problems.push(`a dialog: ${dialog.message()}`));
    await page.goto(url);
    await live(page);
    admin.add(hostile(text, 'while'));
    await page.locator('#rows tr[data-id="while"]').waitFor();
    await page.locator('#rows tr[data-id="before"] a').click();
    await page.locator('#detail dl').waitFor();
    const detail = await page.locator('#detail').innerText();
    await page.keyboard.press('Escape');
    const list = await page.locator('#rows').innerText();
    await page.getByRole('link', { name: 'Clients' }).click();
    await page.locator('#clients table').waitFor();
    const clients = await page.locator('#clients').innerText();
    for (const shown of [list, detail, clients]) {
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    }
    assert.equal(await page.locator('#rows img, #detail img, #clients img, #rows script').count(), 0);
    if (i === 0) for (const shown of [list, detail, clients]) assert.ok(shown.includes('<img src=x onerror=alert(1)>'));
    assert.deepEqual(problems, []);
  });
}
