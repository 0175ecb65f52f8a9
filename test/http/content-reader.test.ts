import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentReader } from '../../proxy/http/content-reader.js';
import { requestHead } from './request-head.js';

const LIMITS = { headerBytes: 1024, headerFields: 20 };
const CHUNKED = ['Transfer-Encoding', 'chunked'];

function open(rawHeaders: readonly string[]) {
  return contentReader(requestHead(rawHeaders, '1.1', 'POST'), LIMITS) ?? assert.fail();
}

/** All of `text` in pieces of `size` octets, until the reader has said that it ends or is at fault. */
function read(rawHeaders: readonly string[], text: string, size = text.length) {
  const reader = open(rawHeaders);
  const bytes = Buffer.from(text, 'latin1');
  let content = '';
  for (let at = 0; at < bytes.length; at += size) {
    const reading = reader.push(bytes.subarray(at, at + size), (part) => {
      content += part.toString('latin1');
    });
    if (reading.kind === 'fault') return { kind: reading.kind };
    if (reading.kind === 'end') return { content, trailers: reading.trailers, rest: text.slice(at + reading.taken) };
  }
  return { kind: 'need-more', content };
}

test('a head without content has no reader', () => {
  for (const rawHeaders of [[], ['Content-Length', '0']])
    assert.equal(contentReader(requestHead(rawHeaders), LIMITS), null);
});

test('content of a known length ends there, and what follows is not touched', () => {
  for (const size of [1, 3, 100])
    assert.deepEqual(read(['Content-Length', '5'], 'helloGET', size), {
      content: 'hello',
      trailers: [],
      rest: 'GET',
    });
  assert.deepEqual(read(['Content-Length', '9'], 'hello'), { kind: 'need-more', content: 'hello' });
});

test('chunks are read with extensions and trailers, however they are cut', () => {
  const text = '5\r\nhello\r\n00a;x=y \t;z="\xe9"\r\n, chunked!\r\n1 ;q\r\n \r\n0\r\nX-A: 1\r\nX-B:\r\n\r\nGET';
  for (let size = 1; size <= text.length; size++)
    assert.deepEqual(read(CHUNKED, text, size), {
      content: 'hello, chunked! ',
      trailers: ['X-A', '1', 'X-B', ''],
      rest: 'GET',
    });
});

test('the content of thousands of chunks is one part for each piece that came', () => {
  const reader = open(CHUNKED);
  const parts: string[] = [];
  const take = (text: string) =>
    reader.push(Buffer.from(text, 'latin1'), (part) => void parts.push(part.toString('latin1')));
  assert.equal(take('0001\r\na\r\n1;x\r\nb\r\n1\r\nc\r\n0000000000000001\r\nd').kind, 'need-more');
  assert.equal(take(`\r\n${'1\r\nx\r\n'.repeat(5000)}A\r\n01234`).kind, 'need-more');
  assert.equal(take('56789\r\n0\r\n\r\n').kind, 'end');
  assert.deepEqual(parts, ['abcd', `${'x'.repeat(5000)}01234`, '56789']);
});

test('malformed content is refused, never repaired', () => {
  const faults = [
    '\r\n',
    ' 1\r\nx\r\n',
    '1 \r\nx\r\n',
    '0x1\r\n',
    '-1\r\n',
    '+1\r\n',
    'g\r\n',
    '1\nx',
    '1\r\nxy\r\n',
    '1\r\nx\n0',
    '1;a\rb\r\n',
    '1;a\0\r\n',
    '20000000000000\r\n',
    `${'0'.repeat(17)}\r\n`,
    '1\r\nx\r\r\n',
    '0\r\nX\r\n\r\n',
    '0\r\n X: a\r\n\r\n',
    '0\r\nHost: a\r\n\r\n',
    '0\r\ncontent-length: 1\r\n\r\n',
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  ];
  for (const text of faults) assert.deepEqual(read(CHUNKED, text), { kind: 'fault' }, JSON.stringify(text));
});

test('extensions and trailers are bounded in octets and in number', () => {
  assert.deepEqual(read(CHUNKED, `1;${'a'.repeat(5000)}`), { kind: 'fault' });
  assert.deepEqual(read(CHUNKED, `1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(5)), { kind: 'fault' });
  assert.deepEqual(read(CHUNKED, `0\r\nX: ${'a'.repeat(1100)}`), { kind: 'fault' });
  assert.deepEqual(read(CHUNKED, `0\r\n${'a:\r\n'.repeat(21)}`), { kind: 'fault' });
  assert.deepEqual(read(CHUNKED, `0\r\n${'a:\r\n'.repeat(20)}\r\n`), {
    content: '',
    trailers: Array.from({ length: 20 }, () => ['a', '']).flat(),
    rest: '',
  });
});
