import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { REASONS } from '../proxy/core/reasons.js';

interface Row {
  readonly reason: string;
  readonly status: number;
  readonly error: string;
}

/** Rows of the README's table of reasons: a token, a status and an RFC 9209 error type, each in its own cell. */
function documented(markdown: string): Row[] {
  return [...markdown.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \| `([a-z_]+)` \|/gm)].map(
    ([, reason = '', status = '', error = '']) => ({ reason, status: Number(status), error }),
  );
}

function byReason(a: Row, b: Row): number {
  return a.reason.localeCompare(b.reason);
}

test('the table of the README has every reason with its status and type, and no stale one', () => {
  const rows = documented(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'));
  const known = Object.entries(REASONS).map(([reason, { status, error }]) => ({ reason, status, error }));
  assert.deepEqual(rows.toSorted(byReason), known.toSorted(byReason));
});

test('the reader of the table takes rows of reasons only', () => {
  const table =
    '| reason | status |\n|---|---|\n| `busy` | 503 | `connection_limit_reached` | x |\n| `a` | b | `c` | d |';
  assert.deepEqual(documented(table), [{ reason: 'busy', status: 503, error: 'connection_limit_reached' }]);
});
