import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { authorityText } from '../../proxy/core/target.js';
import { MORE } from '../../proxy/door/hearing.js';
import {
  credentialsReply,
  METHOD,
  methodReply,
  readCredentials,
  readGreeting,
  readRequest,
  requestReply,
  selectMethod,
} from '../../proxy/socks/messages.js';

const MALFORMED = { kind: 'refused', taken: 0, reason: 'malformed-socks' };

test('a greeting gives its methods, and one that is not SOCKS 5 gives none', () => {
  assert.deepEqual(readGreeting(bytes(5, 2, 0, 2)), Buffer.from([0, 2]));
  for (const wrong of [bytes(4, 1, 0), bytes(5, 0), bytes(0x47, 0x45), bytes(0x16, 3)])
    assert.equal(readGreeting(wrong), null);
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

test('credentials are read as RFC 1929 has them', () => {
  for (const [held, password] of [
    [bytes(1, 3, 'git', 2, 't0'), 't0'],
    [bytes(1, 3, 'git', 0), ''],
  ] as const) {
    const credentials = { user: 'git', password };
    assert.deepEqual(readCredentials(held), { kind: 'credentials', taken: held.length, credentials });
  }
  for (const wrong of [bytes(5, 3, 'git', 2, 't0'), bytes(1, 0, 0)])
    assert.deepEqual(readCredentials(wrong), MALFORMED);
});

test('a CONNECT request gives its target, whatever the address type', () => {
  const requests = [
    [bytes(5, 1, 0, 1, 203, 0, 113, 7, 1, 187), 'literal 203.0.113.7:443'],
    [bytes(5, 1, 0, 3, 9, 'site.test', 0, 22), 'name site.test:22'],
    [bytes(5, 1, 0, 3, 10, 'SITE.test.', 0, 22), 'name site.test:22'],
    [bytes(5, 1, 0, 3, 9, '127.0.0.1', 0, 80), 'literal 127.0.0.1:80'],
    [bytes(5, 1, 0, 3, 10, '2130706433', 0, 80), 'literal 127.0.0.1:80'],
    [bytes(5, 1, 0, 3, 5, '[::1]', 0, 80), 'literal [::1]:80'],
    [bytes(5, 1, 0, 4, ...Array(15).fill(0), 1, 0, 80), 'literal [::1]:80'],
  ] as const;
  for (const [held, expected] of requests) {
    const heard = readRequest(held);
    assert.ok(heard.kind === 'target', expected);
    assert.equal(`${heard.target.host.kind} ${authorityText(heard.target)}`, expected);
    assert.deepEqual([heard.taken, heard.target.form, heard.target.scheme], [held.length, 'authority', null]);
  }
});

test('requests that are no CONNECT to a host are refused with a reason', () => {
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
  for (const [held, reason] of requests) assert.deepEqual(readRequest(held), { kind: 'refused', taken: 0, reason });
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

test('a message is read once it is whole, and not before; what follows it is left', () => {
  const [greeting, credentials] = [bytes(5, 2, 0, 2), bytes(1, 3, 'git', 2, 't0')];
  for (let length = 0; length < greeting.length; length++)
    assert.equal(readGreeting(greeting.subarray(0, length)), 'more');
  assert.deepEqual(readGreeting(Buffer.concat([greeting, bytes(5, 1)])), Buffer.from([0, 2]));
  const requests = [bytes(5, 1, 0, 3, 9, 'site.test', 0, 22), bytes(5, 1, 0, 1, 203, 0, 113, 7, 1, 187)];
  for (const [read, message] of [
    [readCredentials, credentials],
    ...requests.map((request) => [readRequest, request] as const),
  ] as const) {
    for (let length = 0; length < message.length; length++) assert.equal(read(message.subarray(0, length)), MORE);
    const whole = read(message);
    assert.equal(whole.taken, message.length);
    assert.deepEqual(read(Buffer.concat([message, bytes('SSH-2.0-early')])), whole);
  }
});

test('no bytes make a message reader throw, or take more than there is', () => {
  const request = [5, 1, 0, 3, 9, ...Buffer.from('site.test'), 0, 22];
  const mutated = fc
    .array(fc.tuple(fc.nat(request.length - 1), fc.nat(255)), { maxLength: 4 })
    .map((edits) => edits.reduce((sent, [at, value]) => sent.with(at, value), request));
  fc.assert(
    fc.property(fc.oneof(mutated, fc.array(fc.nat(255), { maxLength: 300 })), (sent) => {
      const held = bytes(...sent);
      for (const read of [readCredentials, readRequest]) assert.ok(read(held).taken <= held.length);
      assert.doesNotThrow(() => readGreeting(held));
    }),
    { numRuns: Number(process.env.EGRESS_FUZZ_RUNS ?? 500) },
  );
});

function bytes(...parts: readonly (number | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
}
