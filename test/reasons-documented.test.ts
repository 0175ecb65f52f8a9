import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { reasonsPage } from '../build/reasons-page.js';
import { REASONS } from '../proxy/core/reasons.js';

test('docs/reasons.md is what the table of reasons says: npm run reasons writes it', () => {
  assert.equal(readFileSync(new URL('../../docs/reasons.md', import.meta.url), 'utf8'), reasonsPage());
});

test('the page has every reason with its status and type', () => {
  const rows = [...reasonsPage().matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| `([a-z_]+)` \|/gm)];
  const documented = rows.map(([, reason, status, error]) => [reason, Number(status), error]);
  assert.deepEqual(
    documented,
    Object.entries(REASONS).map(([reason, { status, error }]) => [reason, status, error]),
  );
});
