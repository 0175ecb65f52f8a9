import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAtOnce } from '../../proxy/http/head-lines.js';
import { HeadReader } from '../../proxy/http/head-reader.js';
import { noted } from '../../proxy/http/request-head.js';

const HEAD = 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nX-A: \t one, two \r\nX-Empty:\r\n\r\n';
const RAW = ['Host', 'a.example:443', 'X-A', 'one, two', 'X-Empty', ''];
const READ = { method: 'CONNECT', url: 'a.example:443', httpVersion: '1.1', rawHeaders: RAW, noted: noted(RAW) };

function limits(headerBytes = 16_384, headerFields = 100) {
  return { headerBytes, headerFields };
}

/** As the first piece of a connection, which a reader reads like the function that spares one. */
function read(text: string, ...most: Parameters<typeof limits>) {
  const bytes = Buffer.from(text, 'latin1');
  const reading = new HeadReader(limits(...most)).push(bytes);
  const atOnce = readAtOnce(bytes, limits(...most));
  if (atOnce !== null) assert.deepEqual(atOnce, reading);
  return reading;
}

test('a head is read with its fields as they came, and what follows it is not touched', () => {
  assert.deepEqual(read(`${HEAD}early`), { kind: 'head', head: READ, taken: HEAD.length, length: HEAD.length });
  assert.deepEqual(read(HEAD), { kind: 'head', head: READ, taken: HEAD.length, length: HEAD.length });
});

test('a head that follows half of one or an empty line is left to a reader', () => {
  for (const text of [HEAD.slice(0, -1), `\r\n${HEAD}`, '\r', ''])
    assert.equal(readAtOnce(Buffer.from(text, 'latin1'), limits()), null, JSON.stringify(text));
});

test('what every request is asked for is noted in any case, and several of one name are told from one', () => {
  const { host, expect, upgrade, connection, repeated } = noted([
    'HOST',
    'a',
    'Connection',
    'x',
    'hosT',
    'b',
    'Hos',
    'c',
  ]);
  assert.deepEqual(
    { host, expect, upgrade, connection },
    { host: 'a,b', expect: null, upgrade: null, connection: 'x' },
  );
  assert.deepEqual([...(repeated ?? [])], ['host']);
  assert.equal(noted(['Host', 'a,b', 'X', 'a', 'x', 'b']).repeated, null);
  assert.equal(noted(['Content-Length', '', 'content-length', '']).repeated?.has('content-length'), true);
});

test('a head that comes byte by byte is the same head', () => {
  const reader = new HeadReader(limits());
  const bytes = Buffer.from(`${HEAD}`, 'latin1');
  for (let i = 0; i < bytes.length - 1; i++) {
    assert.equal(reader.push(bytes.subarray(i, i + 1)).kind, 'need-more', `byte ${i}`);
  }
  assert.deepEqual(reader.push(bytes.subarray(-1)), { kind: 'head', head: READ, taken: 1, length: HEAD.length });
});

test('a large request head in small pieces is read whole', () => {
  const fields = Array.from({ length: 2000 }, (_, i) => `X-${i}: ${'v'.repeat(i % 50)}`);
  const bytes = Buffer.from(`CONNECT a:1 HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\nrest`, 'latin1');
  const reader = new HeadReader(limits(1 << 20, 2000));
  let reading = reader.push(bytes.subarray(0, 1));
  let at = 1;
  for (; reading.kind === 'need-more'; at += 1) reading = reader.push(bytes.subarray(at, at + 1));
  assert.equal(reading.kind, 'head');
  assert.equal(at, bytes.length - 'rest'.length);
  if (reading.kind === 'head') assert.equal(reading.head.rawHeaders.length, 4000);
});

test('a request head that arrives in two parts is read the same, wherever it is cut', () => {
  const bytes = Buffer.from(`${HEAD}tail`, 'latin1');
  for (let cut = 1; cut < HEAD.length; cut++) {
    const reader = new HeadReader(limits());
    assert.equal(reader.push(bytes.subarray(0, cut)).kind, 'need-more', `cut at ${cut}`);
    assert.deepEqual(reader.push(bytes.subarray(cut)), {
      kind: 'head',
      head: READ,
      taken: HEAD.length - cut,
      length: HEAD.length,
    });
  }
});

test('every method is read alike, and what begins no request is reported at once', () => {
  const reading = read('GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual(reading, {
    kind: 'head',
    head: {
      method: 'GET',
      url: 'http://a/',
      httpVersion: '1.1',
      rawHeaders: ['Host', 'a'],
      noted: noted(['Host', 'a']),
    },
    taken: 35,
    length: 35,
  });
  for (const text of [
    'connect a:1',
    'G@T',
    '\x16\x03\x01',
    '\x05\x01\0',
    'CO\0',
    'GET\t',
    'SSH-2.0-x\r\n',
    'GET a\r\n',
  ]) {
    assert.deepEqual(read(text), { kind: 'fault', reason: 'malformed-request' }, JSON.stringify(text));
  }
  assert.deepEqual(read('CONNEXT a:1 HTTP/1.1\r\n'), { kind: 'fault', reason: 'malformed-request' });
});

test('empty lines before a request line are skipped, and counted', () => {
  assert.deepEqual(read(`\r\n\r\n${HEAD}`), { kind: 'head', head: READ, taken: HEAD.length + 4, length: HEAD.length });
  const reader = new HeadReader(limits());
  for (const octet of ['\r', '\n', '\r', '\n']) {
    assert.equal(reader.push(Buffer.from(octet)).kind, 'need-more');
  }
  assert.equal(reader.isEmpty, true);
  assert.deepEqual(reader.push(Buffer.from(HEAD)), {
    kind: 'head',
    head: READ,
    taken: HEAD.length,
    length: HEAD.length,
  });
  assert.deepEqual(read('\r\n'.repeat(600), 1024), { kind: 'fault', reason: 'header-too-large' });
  for (const text of ['\n', '\rG', '\r\r\n']) {
    assert.deepEqual(read(text), { kind: 'fault', reason: 'malformed-request' }, JSON.stringify(text));
  }
});

test('more fields than the limit are refused, whether the head ends or not', () => {
  const head = (fields: number): string => `GET http://a/ HTTP/1.1\r\n${'a: b\r\n'.repeat(fields)}`;
  assert.equal(read(`${head(20)}\r\n`, 16_384, 20).kind, 'head');
  assert.deepEqual(read(`${head(21)}\r\n`, 16_384, 20), { kind: 'fault', reason: 'header-too-large' });
  assert.equal(read(head(20), 16_384, 20).kind, 'need-more');
  assert.deepEqual(read(head(21), 16_384, 20), { kind: 'fault', reason: 'header-too-large' });
});

test('a malformed request head is refused, never repaired', () => {
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

test('long runs of spaces take no more than the time to read them', () => {
  const head = `CONNECT a:1 HTTP/1.1\r\nX: ${' \t'.repeat(500_000)}a${' '.repeat(1_000_000)}b\r\n\r\n`;
  const reading = read(head, 4_000_000);
  assert.equal(reading.kind, 'head');
});
