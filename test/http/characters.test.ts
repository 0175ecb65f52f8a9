import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFieldContent, isToken, withoutOuterBlanks } from '../../proxy/http/characters.js';

test('every octet is a token character, field content or neither, as RFC 9110 lists them', () => {
  for (let code = 0; code <= 0x1ff; code++) {
    const character = String.fromCharCode(code);
    for (const text of [character, `a${character}`, `${character}a`]) {
      assert.equal(isToken(text), /^[!#$%&'*+.^_`|~\w-]+$/.test(text), `token ${code}`);
      assert.equal(isFieldContent(text), /^[\t\x20-\x7e\x80-\xff]*$/.test(text), `content ${code}`);
    }
  }
});

test('nothing is content and no token', () => {
  assert.equal(isToken(''), false);
  assert.equal(isFieldContent(''), true);
});

test('spaces and tabs are cut off, and no other character', () => {
  assert.equal(withoutOuterBlanks(' \t a\tb \t'), 'a\tb');
  assert.equal(withoutOuterBlanks('\xa0a\r'), '\xa0a\r');
  assert.equal(withoutOuterBlanks('X:  a b ', 2), 'a b');
  assert.equal(withoutOuterBlanks(' X : a', 0, 3), 'X');
  assert.equal(withoutOuterBlanks(' \t '), '');
});
