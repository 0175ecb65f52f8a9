import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockOf, withBlock, withoutBlock } from '../../proxy/init/env-block.js';

const EDGES = [
  null,
  '',
  'A=1',
  'A=1\n',
  'A=1\r\n',
  'A=1\r\nB=2',
  '\n',
  '\r\n',
  'A=\xff\xfe\n',
  '# no end',
  'A=1\n\n\n',
];

test('with the block and without it again, a file is byte for byte what it was', () => {
  for (const text of EDGES) {
    const written = withBlock(text, ['X=1', 'Y=2']);
    assert.equal(withoutBlock(written), text, JSON.stringify(text));
    assert.deepEqual(blockOf(written), ['X=1', 'Y=2']);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '=', '\n', '\r', '#', ' ', '\xe9') }), (text) => {
      assert.equal(withoutBlock(withBlock(text, ['X=1'])), text);
    }),
  );
});

test('lines that came after the block stay, each on its own line', () => {
  assert.equal(withoutBlock(`${withBlock('A=1', ['X=1'])}B=2\n`), 'A=1\nB=2\n');
  assert.equal(withoutBlock(`${withBlock(null, ['X=1'])}B=2\n`), 'B=2\n');
  assert.equal(withoutBlock(`${withBlock('A=1\r\n', ['X=1'])}B=2\r\n`), 'A=1\r\nB=2\r\n');
});
