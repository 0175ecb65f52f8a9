import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BodyReader, bodyReader } from '../../proxy/http/message-body.js';

function push(reader: BodyReader, text: string): string {
  return reader.push(Buffer.from(text, 'latin1')).toString('latin1');
}

test('content of a length ends there, and what follows is counted', () => {
  const reader = bodyReader({ kind: 'length', octets: 5 });
  assert.equal(push(reader, 'abc'), 'abc');
  assert.equal(reader.state, 'open');
  assert.equal(push(reader, 'dexyz'), 'de');
  assert.deepEqual([reader.state, reader.surplus], ['done', 3]);
});

test('chunks are joined, their trailers read, and what follows is counted', () => {
  const reader = bodyReader({ kind: 'chunked' });
  assert.equal(push(reader, '3\r\nabc\r\nA;x="y"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nrest'), 'abc0123456789');
  assert.deepEqual([reader.state, reader.surplus, reader.trailers], ['done', 4, ['X-Sum', '1']]);
});

test('lines that come octet by octet are the same lines', () => {
  const reader = bodyReader({ kind: 'chunked' });
  const wire = `00001;a=b\r\nx\r\nB \r\n0123456789a\r\n0\r\nX-Long: ${'y'.repeat(9000)}\r\n\r\n`;
  assert.equal([...wire].map((octet) => push(reader, octet)).join(''), 'x0123456789a');
  assert.deepEqual([reader.state, reader.trailers], ['done', ['X-Long', 'y'.repeat(9000)]]);
});

test('a size that is padded with spaces is a size', () => {
  const reader = bodyReader({ kind: 'chunked' });
  assert.equal(push(reader, '3  \r\nabc\r\n0 \r\n\r\n'), 'abc');
  assert.equal(reader.state, 'done');
});

test('chunked content that is cut anywhere is the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (parts, cuts) => {
        const chunks = parts.map((part) => Buffer.from(part));
        const sizes = chunks.map((one) => Buffer.concat([Buffer.from(`${one.length.toString(16)}\r\n`), one, CRLF]));
        const wire = Buffer.concat([...sizes, Buffer.from('0\r\nA: b\r\n\r\n')]);
        const at = cuts.map((cut) => cut % wire.length).toSorted((a, b) => a - b);
        const reader = bodyReader({ kind: 'chunked' });
        const got = [0, ...at].map((from, i) => {
          // Moved together in place: each piece is a copy of its own.
          return Buffer.from(reader.push(Buffer.from(wire.subarray(from, at[i] ?? wire.length))));
        });
        assert.deepEqual(Buffer.concat(got), Buffer.concat(chunks));
        assert.deepEqual([reader.state, reader.surplus, reader.trailers], ['done', 0, ['A', 'b']]);
      },
    ),
  );
});

const CRLF = Buffer.from('\r\n');

test('chunks that are not exactly in the form are a fault', () => {
  const bad = [
    ...['\r\n', 'x\r\n', '-1\r\n', '+1\r\n', '0x1\r\n', ' 1\r\n', '1,\r\n', '10000000000000001\r\n', '1\n', '1 1\r\n'],
    ...['1\r\nab\r\n', '1\r\na\n0\r\n\r\n', '1\r\na0\r\n\r\n', '1;\0\r\n', '1;a\rb\r\n'],
    ...['0\r\nA\r\n\r\n', '0\r\n: x\r\n\r\n', '0\r\nA: \0\r\n\r\n', '0\r\n A: b\r\n\r\n', '0\r\nA: b\n\r\n'],
  ];
  for (const text of bad) {
    const reader = bodyReader({ kind: 'chunked' });
    push(reader, text);
    assert.equal(reader.state, 'fault', JSON.stringify(text));
  }
});

test('lines, extensions and trailers are bounded', () => {
  for (const endless of ['0'.repeat(2000), `1;${'x'.repeat(2000)}`, `0\r\nA: ${'x'.repeat(20_000)}`]) {
    const reader = bodyReader({ kind: 'chunked' });
    for (const octet of endless) push(reader, octet);
    assert.equal(reader.state, 'fault');
  }
  for (const many of [`1;${'x'.repeat(1000)}\r\na\r\n`.repeat(70), `0\r\n${'A: b\r\n'.repeat(70)}\r\n`]) {
    const reader = bodyReader({ kind: 'chunked' });
    push(reader, many);
    assert.equal(reader.state, 'fault');
  }
});
