import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectHeadReader } from '../../proxy/http/connect-head.js';

const HEAD = 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nX-A: \t one, two \r\nX-Empty:\r\n\r\n';
const READ = {
  method: 'CONNECT',
  url: 'a.example:443',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'a.example:443', 'X-A', 'one, two', 'X-Empty', ''],
};

function read(text: string, maxBytes = 16_384) {
  return new ConnectHeadReader(maxBytes).push(Buffer.from(text, 'latin1'));
}

test('a head is read with its fields as they came, and what is behind it is kept', () => {
  assert.deepEqual(read(`${HEAD}early`), { kind: 'head', head: READ, rest: Buffer.from('early') });
  assert.deepEqual(read(HEAD), { kind: 'head', head: READ, rest: Buffer.alloc(0) });
});

test('a head that comes byte by byte is the same head', () => {
  const reader = new ConnectHeadReader(16_384);
  const bytes = Buffer.from(`${HEAD}`, 'latin1');
  for (let i = 0; i < bytes.length - 1; i++) {
    assert.equal(reader.push(bytes.subarray(i, i + 1)).kind, 'need-more', `byte ${i}`);
  }
  assert.deepEqual(reader.push(bytes.subarray(-1)), { kind: 'head', head: READ, rest: Buffer.alloc(0) });
});

test('a large head in small pieces is read whole', () => {
  const fields = Array.from({ length: 2000 }, (_, i) => `X-${i}: ${'v'.repeat(i % 50)}`);
  const bytes = Buffer.from(`CONNECT a:1 HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\nrest`, 'latin1');
  const reader = new ConnectHeadReader(1 << 20);
  let reading = reader.push(bytes.subarray(0, 1));
  let at = 1;
  for (; reading.kind === 'need-more'; at += 1) reading = reader.push(bytes.subarray(at, at + 1));
  assert.equal(reading.kind, 'head');
  assert.equal(at, bytes.length - 'rest'.length);
  if (reading.kind === 'head') assert.equal(reading.head.rawHeaders.length, 4000);
});

test('a head that is cut anywhere is the same head', () => {
  const bytes = Buffer.from(`${HEAD}tail`, 'latin1');
  for (let cut = 1; cut < HEAD.length; cut++) {
    const reader = new ConnectHeadReader(16_384);
    assert.equal(reader.push(bytes.subarray(0, cut)).kind, 'need-more', `cut at ${cut}`);
    assert.deepEqual(reader.push(bytes.subarray(cut)), { kind: 'head', head: READ, rest: Buffer.from('tail') });
  }
});

test('another method is told as soon as it shows, and keeps all of its bytes', () => {
  for (const text of [
    'GET http://a/ HTTP/1.1\r\n',
    'CONNEXT',
    'connect a:1',
    '\r\nCONNECT a:1',
    '\x16\x03\x01',
    'CO\0',
  ]) {
    const reader = new ConnectHeadReader(16_384);
    assert.deepEqual(reader.push(Buffer.from(text, 'latin1')), { kind: 'other' }, text);
    assert.equal(reader.bytes().toString('latin1'), text);
  }
});

test('nothing is repaired', () => {
  const faults = [
    'CONNECT a:1 HTTP/1.1\nHost: a\n\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\rX: b\r\n\r\n',
    'CONNECT  a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'CONNECT a:1  HTTP/1.1\r\nHost: a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1 \r\nHost: a\r\n\r\n',
    'CONNECT a:1\r\nHost: a\r\n\r\n',
    'CONNECT a:1 http/1.1\r\nHost: a\r\n\r\n',
    'CONNECT a:1 HTTP/11\r\nHost: a\r\n\r\n',
    'CONNECT a\t:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'CONNECT a\0:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost : a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\n Host: a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\n: a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHo st: a\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\0b\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\x7fb\r\n\r\n',
  ];
  for (const text of faults) assert.deepEqual(read(text), { kind: 'fault', reason: 'malformed-request' }, text);
});

test('the limit counts every byte of the head, whether its end is there or not', () => {
  assert.equal(read(HEAD, HEAD.length).kind, 'head');
  assert.deepEqual(read(HEAD, HEAD.length - 1), { kind: 'fault', reason: 'header-too-large' });
  const endless = `CONNECT a:1 HTTP/1.1\r\nX: ${'a'.repeat(100)}`;
  assert.equal(read(endless, endless.length).kind, 'need-more');
  assert.deepEqual(read(endless, endless.length - 1), { kind: 'fault', reason: 'header-too-large' });
});

test('long runs of blanks take no more than the time to read them', () => {
  const head = `CONNECT a:1 HTTP/1.1\r\nX: ${' \t'.repeat(500_000)}a${' '.repeat(1_000_000)}b\r\n\r\n`;
  const reading = read(head, 4_000_000);
  assert.equal(reading.kind, 'head');
});
