import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { EarlyData } from '../../proxy/door/early-data.js';
import { DirectReads } from '../../proxy/net/direct-io.js';
import { createMemoryBudget } from '../../proxy/net/memory-budget.js';

/** No memory at all for what is claimed. */
function early(octets: number): EarlyData {
  const memory = createMemoryBudget({ settings: { limits: { memoryBytes: 0 } } });
  const reads = new DirectReads(Buffer.alloc(65_536));
  return new EarlyData({ reads, memory }, new Socket(), Buffer.alloc(octets, 'e'));
}

test('what a client sends early needs memory of the budget only beyond 4 KiB', () => {
  const few = early(4096);
  assert.equal(few.isRefused, false);
  assert.equal(few.all().length, 4096);
  const many = early(4097);
  assert.equal(many.isRefused, true);
  assert.equal(many.all().length, 0);
});

test('octets that come one by one are claimed together', () => {
  const data = early(0);
  for (let i = 0; i < 4096; i++) data.take(Buffer.from('e'));
  assert.equal(data.isRefused, false);
  data.take(Buffer.from('e'));
  assert.equal(data.isRefused, true);
});
