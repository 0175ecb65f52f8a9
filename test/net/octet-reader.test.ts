import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressError } from '../../proxy/core/reasons.js';
import { OctetReader } from '../../proxy/net/octet-reader.js';

test('what follows a message is kept, however it was cut', async () => {
  const reader = open();
  const message = reader.take((held) => 1 + (held[0] ?? 1));
  for (const byte of [3, 1, 2, 3]) reader.push(Buffer.from([byte]));
  reader.push(Buffer.from('SSH-2.0-early'));
  assert.deepEqual(await message, Buffer.from([3, 1, 2, 3]));
  assert.equal(String(reader.release()), 'SSH-2.0-early');
});

test('what came before the end is taken', async () => {
  const reader = open();
  reader.push(Buffer.from('x'));
  reader.end();
  assert.equal(String(await reader.take(1)), 'x');
  await assert.rejects(async () => reader.take(1), { reason: 'client-closed' });
});

test('an end or an abort within a message ends the reading', async () => {
  const ended = open();
  ended.push(Buffer.from([5, 1]));
  ended.end();
  await assert.rejects(async () => ended.take(4), new EgressError('client-closed'));
  const broken = open();
  const reading = broken.take(4);
  broken.end();
  await assert.rejects(async () => reading, new EgressError('client-closed'));
  const late = open();
  const waiting = late.take(4);
  late.onLate();
  await assert.rejects(async () => waiting, new EgressError('handshake-timeout'));
});

test('a message is taken as soon as it is whole, and not before', async () => {
  const reader = open();
  const wanted = (held: Buffer): number => 1 + (held[0] ?? 0);
  const waiting = reader.take(wanted);
  assert.ok(waiting instanceof Promise);
  for (const part of [[3], [1, 2], [3, 2, 9]]) reader.push(Buffer.from(part));
  assert.deepEqual(await waiting, Buffer.from([3, 1, 2, 3]));
  const cut = reader.take(wanted);
  reader.push(Buffer.from([8, 0]));
  assert.deepEqual([await cut, reader.take(wanted)], [Buffer.from([2, 9, 8]), Buffer.from([0])]);
});

test('a reader that is not taken from says when it has enough, and when there is room again', async () => {
  let asked = 0;
  const reader = new OctetReader({
    resume() {
      asked += 1;
    },
  });
  assert.equal(reader.push(Buffer.alloc(16 * 1024 - 1)), true);
  assert.equal(reader.push(Buffer.alloc(1)), false);
  assert.equal((await reader.take(16 * 1024)).length, 16 * 1024);
  assert.equal(asked, 0);
  const next = reader.take(1);
  assert.equal(asked, 1);
  reader.push(Buffer.from('x'));
  assert.equal(String(await next), 'x');
});

function open(): OctetReader {
  return new OctetReader({ resume: () => undefined });
}
