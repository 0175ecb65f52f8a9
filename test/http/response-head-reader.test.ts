import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  framingOf,
  isPersistent,
  noted,
  RESPONSE_FIELDS,
  RESPONSE_HEAD_BYTES,
  type ReceivedHead,
  ResponseHeadReader,
} from '../../proxy/http/response-head.js';

function read(text: string): ReceivedHead | 'fault' | 'need-more' {
  const reading = new ResponseHeadReader().push(Buffer.from(text, 'latin1'));
  return reading.kind === 'head' ? reading.head : reading.kind;
}

function headOf(text: string): ReceivedHead {
  const head = read(text);
  assert.ok(typeof head === 'object', text);
  return head;
}

const OK = 'HTTP/1.1 200 OK\r\n';

test('a head is read with its fields as they came, and what follows is left', () => {
  const reader = new ResponseHeadReader();
  const bytes = Buffer.from(`${OK}X-A: \xe9 b\t\r\nx-a:2\r\nEmpty:\r\n\r\ncontent`, 'latin1');
  const reading = reader.push(bytes);
  assert.ok(reading.kind === 'head');
  assert.deepEqual(reading.head, {
    minor: 1,
    status: 200,
    phrase: 'OK',
    fields: ['X-A', '\xe9 b', 'x-a', '2', 'Empty', ''],
    noted: noted([]),
  });
  assert.equal(bytes.toString('latin1', reading.length), 'content');
});

test('a response head that arrives in two parts is read the same, wherever it is cut', () => {
  const text = `${OK}A: 1\r\n b\r\nC: 2\r\n\r\n`;
  const whole = headOf(text);
  for (let at = 1; at < text.length; at++) {
    const reader = new ResponseHeadReader();
    assert.equal(reader.push(Buffer.from(text.slice(0, at))).kind, 'need-more', String(at));
    assert.ok(reader.isWithin);
    const reading = reader.push(Buffer.from(`${text.slice(at)}rest`));
    assert.ok(reading.kind === 'head');
    assert.deepEqual(reading.head, whole);
    assert.equal(reading.length, text.length - at);
    assert.equal(reader.isWithin, false);
  }
});

test('what RFC 9112 lets a proxy repair is repaired', () => {
  assert.deepEqual(headOf('HTTP/1.1 200 OK\nA: 1\nB: 2\n\nbody\r\n\r\n').fields, ['A', '1', 'B', '2']);
  assert.deepEqual(headOf(`${OK}A: 1\r\n  2\r\n\t3 \r\nB:\r\n 4\r\n\r\n`).fields, ['A', '1 2 3', 'B', '4']);
  assert.deepEqual(headOf(`${OK}A : 1\r\nB\t:2\r\n\r\n`).fields, ['A', '1', 'B', '2']);
  assert.equal(headOf('HTTP/1.1 200\r\n\r\n').phrase, '');
  assert.equal(headOf('\r\nHTTP/1.0 200 OK\r\n\r\n').minor, 0);
  assert.equal(headOf('HTTP/1.9 200 OK\r\n\r\n').minor, 1);
});

test('anything else that is not in the form is a fault', () => {
  const bad = [
    ...['HTTP/1.1 20 OK\r\n\r\n', 'HTTP/1.1 2000 OK\r\n\r\n', 'HTTP/1.1  200 OK\r\n\r\n', 'HTTP/1.1 099 x\r\n\r\n'],
    ...['HTTP/2.0 200 OK\r\n\r\n', 'HTTP/1. 200 OK\r\n\r\n', 'http/1.1 200 OK\r\n\r\n', 'ICY 200 OK\r\n\r\n'],
    ...['X Y: 1', ': 1', 'no colon', 'A\0: 1', 'A: \0', 'A: b\rC: d', 'A: \x7f', 'A: \x1b[0m', 'A\xe9: 1'].map(
      (line) => `${OK}${line}\r\n\r\n`,
    ),
    `${OK} folded: 1\r\n\r\n`,
  ];
  for (const text of bad) assert.equal(read(text), 'fault', JSON.stringify(text));
});

test('what cannot become a response head is a fault at once', () => {
  for (const text of ['SSH-2.0-x\r\n', '<html>', '\0\0\0', 'HTTP/2', 'HTTP 1.1 200'])
    assert.equal(read(text), 'fault', text);
  for (const text of ['H', 'HTTP/1.', '\r\n\r\nHT', `${OK}A`]) assert.equal(read(text), 'need-more', text);
});

test('bytes and fields of a head are bounded, whatever pieces it comes in', () => {
  const fields = (count: number): string => 'A:\r\n'.repeat(count);
  assert.equal(headOf(`${OK}${fields(RESPONSE_FIELDS)}\r\n`).fields.length, 2 * RESPONSE_FIELDS);
  assert.equal(read(`${OK}${fields(RESPONSE_FIELDS + 1)}\r\n`), 'fault');
  assert.equal(read(`${OK}A: 1\r\n${' b\r\n'.repeat(RESPONSE_FIELDS)}\r\n`), 'fault');
  const most = 'a'.repeat(RESPONSE_HEAD_BYTES - OK.length - 'A: '.length - '\r\n\r\n'.length);
  assert.equal(headOf(`${OK}A: ${most}\r\n\r\n`).fields[1], most);
  assert.equal(read(`${OK}A: a${most}\r\n\r\n`), 'fault');
  assert.equal(read(`${OK}A: ${'a'.repeat(RESPONSE_HEAD_BYTES)}`), 'fault');
  const reader = new ResponseHeadReader();
  reader.push(Buffer.from(`${OK}A: `));
  let pieces = 0;
  while (reader.push(Buffer.from('a')).kind === 'need-more') pieces += 1;
  assert.equal(pieces, RESPONSE_HEAD_BYTES - OK.length - 3);
});

test('the framing of a response is read once, and strictly', () => {
  const cases: readonly (readonly [lines: string, framing: unknown])[] = [
    ['', { kind: 'until-close' }],
    ['Content-Length: 5', { kind: 'length', octets: 5 }],
    ['Content-Length: 5, 5', { kind: 'length', octets: 5 }],
    ['Content-Length: 5\r\nContent-Length: 5', { kind: 'length', octets: 5 }],
    ['Content-Length: 5, 6', null],
    ['Content-Length: +5', null],
    ['Content-Length: 0x5', null],
    ['Content-Length: 5 5', null],
    ['Content-Length: -1', null],
    ['Content-Length: 9999999999999999', null],
    ['Transfer-Encoding: chunked', { kind: 'chunked' }],
    ['Transfer-Encoding: Chunked', { kind: 'chunked' }],
    ['Transfer-Encoding: gzip, chunked', null],
    ['Transfer-Encoding: chunked, chunked', null],
    ['Transfer-Encoding: identity', null],
    ['Transfer-Encoding:', null],
    ['Transfer-Encoding: chunked\r\nContent-Length: 5', null],
    ['Transfer-Encoding: \x0bchunked', 'fault'],
  ];
  for (const [lines, framing] of cases) {
    const head = read(`${OK}${lines === '' ? '' : `${lines}\r\n`}\r\n`);
    assert.deepEqual(typeof head === 'string' ? head : framingOf(head, 'GET'), framing, lines);
  }
  const length = headOf(`${OK}Content-Length: 5\r\n\r\n`);
  assert.deepEqual(framingOf(length, 'HEAD'), { kind: 'none' });
  for (const status of [100, 204, 304]) assert.deepEqual(framingOf({ ...length, status }, 'GET'), { kind: 'none' });
});

test('a connection is kept where the origin says so', () => {
  const LENGTH = { kind: 'length', octets: 0 } as const;
  assert.equal(isPersistent(headOf(`${OK}\r\n`), LENGTH), true);
  assert.equal(isPersistent(headOf(`${OK}Connection: x, Close\r\n\r\n`), LENGTH), false);
  assert.equal(isPersistent(headOf('HTTP/1.0 200 OK\r\n\r\n'), LENGTH), false);
  assert.equal(isPersistent(headOf('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n'), LENGTH), true);
});
