import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EgressError } from '../../proxy/core/reasons.js';
import { authorityText } from '../../proxy/core/target.js';
import { OctetReader } from '../../proxy/net/octet-reader.js';
import {
  credentialsReply,
  METHOD,
  methodReply,
  readCredentials,
  readGreeting,
  readRequest,
  requestReply,
  selectMethod,
  type Take,
} from '../../proxy/socks/messages.js';

test('a greeting gives its methods, and one that is not SOCKS 5 gives none', async () => {
  assert.deepEqual(await readGreeting(bytes(5, 2, 0, 2)), Buffer.from([0, 2]));
  for (const wrong of [bytes(4, 1, 0), bytes(5, 0), bytes(0x47, 0x45), bytes(0x16, 3)])
    assert.equal(await readGreeting(wrong), null);
});

test('the method is the first preferred one that is offered, or none', () => {
  for (const [offered, preferred, chosen] of [
    [[0, 1, 2], [METHOD.password, METHOD.none], 2],
    [[0, 1, 2], [METHOD.none, METHOD.password], 0],
    [[1, 0], [METHOD.password, METHOD.none], 0],
    [[2], [METHOD.none, METHOD.password], 2],
    [[1, 3, 0xff], [METHOD.none, METHOD.password], null],
  ] as const) {
    assert.equal(selectMethod(Buffer.from(offered), preferred), chosen);
  }
});

test('credentials are read as RFC 1929 has them', async () => {
  assert.deepEqual(await readCredentials(bytes(1, 3, 'git', 2, 't0')), { username: 'git', password: 't0' });
  assert.deepEqual(await readCredentials(bytes(1, 3, 'git', 0)), { username: 'git', password: '' });
  assert.equal(await readCredentials(bytes(5, 3, 'git', 2, 't0')), null);
  assert.equal(await readCredentials(bytes(1, 0, 0)), null);
});

test('a CONNECT request gives its target, whatever the address type', async () => {
  const requests = [
    [bytes(5, 1, 0, 1, 203, 0, 113, 7, 1, 187), 'literal 203.0.113.7:443'],
    [bytes(5, 1, 0, 3, 9, 'site.test', 0, 22), 'name site.test:22'],
    [bytes(5, 1, 0, 3, 10, 'SITE.test.', 0, 22), 'name site.test:22'],
    [bytes(5, 1, 0, 3, 9, '127.0.0.1', 0, 80), 'literal 127.0.0.1:80'],
    [bytes(5, 1, 0, 3, 10, '2130706433', 0, 80), 'literal 127.0.0.1:80'],
    [bytes(5, 1, 0, 3, 5, '[::1]', 0, 80), 'literal [::1]:80'],
    [bytes(5, 1, 0, 4, ...Array(15).fill(0), 1, 0, 80), 'literal [::1]:80'],
  ] as const;
  for (const [take, expected] of requests) {
    const parsed = await readRequest(take);
    assert.ok(parsed.ok, expected);
    assert.equal(`${parsed.value.host.kind} ${authorityText(parsed.value)}`, expected);
    assert.deepEqual([parsed.value.form, parsed.value.scheme], ['authority', null]);
  }
});

test('requests that are no CONNECT to a host are refused with a reason', async () => {
  const requests = [
    [bytes(5, 2, 0, 1, 203, 0, 113, 7, 1, 187), 'socks-command-refused'],
    [bytes(5, 3, 0, 1, 0, 0, 0, 0, 0, 0), 'socks-command-refused'],
    [bytes(4, 1, 0, 1, 203, 0, 113, 7, 1, 187), 'malformed-socks'],
    [bytes(5, 1, 1, 1, 203, 0, 113, 7, 1, 187), 'malformed-socks'],
    [bytes(5, 1, 0, 2, 203, 0, 113, 7, 1, 187), 'malformed-socks'],
    [bytes(5, 1, 0, 1, 203, 0, 113, 7, 0, 0), 'malformed-target'],
    [bytes(5, 1, 0, 3, 0, 0, 80), 'malformed-target'],
    [bytes(5, 1, 0, 3, 10, 'site.test\0', 0, 80), 'malformed-target'],
    [bytes(5, 1, 0, 3, 12, 'site.test:80', 0, 80), 'malformed-target'],
    [bytes(5, 1, 0, 3, 3, '::1', 0, 80), 'malformed-target'],
    [bytes(5, 1, 0, 3, 12, '[fe80::1%25]', 0, 80), 'zone-identifier'],
    [bytes(5, 1, 0, 3, 255, 'a'.repeat(255), 0, 80), 'malformed-target'],
  ] as const;
  for (const [take, reason] of requests) assert.deepEqual(await readRequest(take), { ok: false, reason });
});

test('replies have the codes of RFC 1928, and tell no address', () => {
  const codes = [
    [null, 0],
    ['internal-error', 1],
    ['busy', 1],
    ['host-denied', 2],
    ['metadata-address', 2],
    ['sni-mismatch', 2],
    ['unroutable', 3],
    ['name-not-found', 4],
    ['dns-timeout', 4],
    ['connect-refused', 5],
    ['connect-timeout', 6],
    ['socks-command-refused', 7],
  ] as const;
  for (const [reason, code] of codes)
    assert.deepEqual(requestReply(reason), Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]), String(reason));
  assert.deepEqual(methodReply(0xff), Buffer.from([5, 0xff]));
  assert.deepEqual(credentialsReply('accepted'), Buffer.from([1, 0]));
  assert.deepEqual(credentialsReply('refused'), Buffer.from([1, 1]));
});

test('what follows a message is kept, however it was cut', async () => {
  const reader = open();
  const request = readRequest(reader.take);
  for (const byte of [5, 1, 0, 3, 9, ...Buffer.from('site.test'), 0, 22]) reader.push(Buffer.from([byte]));
  reader.push(Buffer.from('SSH-2.0-early'));
  assert.equal((await request).ok, true);
  assert.equal(String(reader.release()), 'SSH-2.0-early');
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
  const next = reader.takeSome();
  assert.equal(asked, 1);
  reader.push(Buffer.from('x'));
  assert.equal(String(await next), 'x');
});

test('what came before the end is taken, and then there is nothing; a connection that is lost has no end', async () => {
  const [ended, lost] = [open(), open()];
  for (const reader of [ended, lost]) reader.push(Buffer.from('x'));
  ended.ended();
  ended.closed();
  lost.closed();
  assert.deepEqual([String(await ended.takeSome()), String(await lost.takeSome())], ['x', 'x']);
  assert.equal(await ended.takeSome(), null);
  await assert.rejects(async () => lost.takeSome(), { reason: 'client-closed' });
});

test('no bytes make a message reader throw anything but the end of the stream', async () => {
  const request = [5, 1, 0, 3, 9, ...Buffer.from('site.test'), 0, 22];
  const mutated = fc
    .array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { maxLength: 4 })
    .map((edits) => edits.reduce((sent, [at, value]) => sent.with(at, value), request));
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.array(fc.nat(255), { maxLength: 300 })), async (sent) => {
      for (const read of [readGreeting, readCredentials, readRequest])
        await Promise.resolve(read(bytes(...sent))).catch((error) => assert.equal(error.reason, 'client-closed'));
    }),
    { numRuns: Number(process.env.EGRESS_FUZZ_RUNS ?? 500) },
  );
});

function open(): OctetReader {
  return new OctetReader({ resume: () => undefined });
}

function bytes(...parts: readonly (number | string)[]): Take {
  const reader = open();
  reader.push(Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part)))));
  reader.end();
  return reader.take;
}
