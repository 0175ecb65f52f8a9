import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goalsTable } from './goals.js';
import type { Cell } from './results.js';

const cell = (median: number): Cell => ({ median, low: median, high: median, note: '', errors: 0 });

test('the table says beside each row whether its goals hold, and what was not measured', () => {
  const table = goalsTable({
    node: 'v24.0.0',
    namespace: true,
    repeats: 5,
    results: {
      refused: { 'node-pipe': cell(60), squid: cell(120), ours: cell(100) },
      'idle-rss': { 'node-pipe': cell(60), squid: cell(26), ours: cell(63) },
      get: { undici: cell(50), ours: cell(60) },
    },
  });
  assert.deepEqual(table.split('\n'), [
    'Node v24.0.0, medians of 5 interleaved repeats',
    '',
    '|  | bare Node | undici | Squid | ours | goals |',
    '| --- | --- | --- | --- | --- | --- |',
    '| refused CONNECT, us | 60.0 |  | 120 | 100 | <= 0.75 x squid: 0.83 MISSED |',
    '| GET of 1 KiB, kept alive, us |  | 50.0 |  | 60.0 | <= 1 x squid: not measured; <= 0.95 x undici: 1.20 MISSED |',
    '| resident when idle, MiB | 60.0 |  | 26.0 | 63.0 | <= 64: holds |',
  ]);
});
