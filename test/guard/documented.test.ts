import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SPAWN_REASONS } from '../../proxy/core/spawn-reasons.js';

test('the page of the guard names every reason, and no other', () => {
  const page = readFileSync(new URL('../../../docs/spawn-guard.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| reason | meaning |'), page.indexOf('## Restarts'));
  const rows = table.split('\n').map((row) => row.split('|')[1] ?? '');
  const named = rows.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, reason]) => reason));
  assert.deepEqual(named.sort(), Object.keys(SPAWN_REASONS).sort());
});
