import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeJson, decisionJson, escapeInvisible, levelOf } from '../../proxy/observe/json-line.js';
import { closeRecord, decisionRecord, HOSTILE } from './records.js';

test('a decision is one line of JSON with the fields of the interface, in its order', () => {
  const record = decisionRecord();
  const parsed = JSON.parse(decisionJson(record));
  assert.deepEqual(parsed, { level: 'warn', ...record });
  assert.deepEqual(Object.keys(parsed), [
    ...['level', 'time', 'event', 'id', 'outcome', 'reason', 'rule', 'mode', 'client', 'door', 'method', 'host'],
    ...['port', 'addresses', 'dialed', 'status', 'dnsMs', 'connectMs'],
  ]);
});

test('an allowed request with everything filled in survives the round trip', () => {
  const record = decisionRecord({
    outcome: 'allow',
    reason: null,
    rule: 'default',
    addresses: ['192.0.66.1', '2001:4860::1'],
    dialed: '192.0.66.1',
    status: 200,
    dnsMs: 1.5,
    connectMs: 20,
  });
  assert.deepEqual(JSON.parse(decisionJson(record)), { level: 'info', ...record });
});

test('a close record is one line of JSON at level info', () => {
  assert.deepEqual(JSON.parse(closeJson(closeRecord())), { level: 'info', ...closeRecord() });
});

test('deny, fail and what report mode would have denied are warnings', () => {
  assert.equal(levelOf(decisionRecord({ outcome: 'deny' })), 'warn');
  assert.equal(levelOf(decisionRecord({ outcome: 'fail', reason: 'dns-timeout' })), 'warn');
  assert.equal(levelOf(decisionRecord({ outcome: 'allow', reason: 'host-denied', mode: 'report' })), 'warn');
  assert.equal(levelOf(decisionRecord({ outcome: 'allow', reason: null })), 'info');
});

for (const text of HOSTILE) {
  test(`${JSON.stringify(escapeInvisible(JSON.stringify(text)))} in every field stays one printable line`, () => {
    const record = decisionRecord({
      id: text,
      rule: text,
      client: { address: text, name: text },
      method: text,
      host: text,
      addresses: [text, text],
      dialed: text,
    });
    const line = decisionJson(record);
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    assert.deepEqual(JSON.parse(line), { level: 'warn', ...record });
  });
}

test('a text of any length leaves a bounded line', () => {
  const line = decisionJson(decisionRecord({ host: 'a'.repeat(100_000), method: '\u0000'.repeat(100_000) }));
  assert.ok(line.length < 5000, `${line.length}`);
  assert.doesNotThrow(() => JSON.parse(line));
});

test('numbers that JSON does not have become null', () => {
  const parsed = JSON.parse(decisionJson(decisionRecord({ dnsMs: Number.NaN, connectMs: Number.POSITIVE_INFINITY })));
  assert.deepEqual([parsed.dnsMs, parsed.connectMs], [null, null]);
});
