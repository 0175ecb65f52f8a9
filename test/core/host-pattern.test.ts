import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDnsName, parseHostPattern } from '../../proxy/core/target.js';

const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}`;

const NAMES: readonly (readonly [text: string, name: string | null])[] = [
  ['example.com', 'example.com'],
  ['EXAMPLE.Com.', 'example.com'],
  ['n8n', 'n8n'],
  ['_dmarc.example.com', '_dmarc.example.com'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['r3---sn-4g5e6nzs.example', 'r3---sn-4g5e6nzs.example'],
  ['1.example', '1.example'],
  ['4chan.org', '4chan.org'],
  ['3com', '3com'],
  ['a'.repeat(63), 'a'.repeat(63)],
  ['a'.repeat(64), null],
  [`${LONG}.${'d'.repeat(61)}`, `${LONG}.${'d'.repeat(61)}`],
  [`${LONG}.${'d'.repeat(61)}.`, `${LONG}.${'d'.repeat(61)}`],
  [`${LONG}.${'d'.repeat(62)}`, null],
  ['', null],
  ['.', null],
  ['..', null],
  ['.example.com', null],
  ['example..com', null],
  ['example.com..', null],
  ['-example.com', '-example.com'],
  ['example-.com-', 'example-.com-'],
  ['exa mple.com', null],
  ['example.com\0', null],
  ['example.com\n', null],
  ['example.com\r\nx', null],
  ['example%2ecom', null],
  ['example,com', null],
  ['a/b', null],
  ['a:80', null],
  ['user@example.com', null],
  ['[::1]', null],
  ['*', null],
  ['bücher.example', null],
  ['ⓔxample.com', null],
  ['example。com', null],
  ['\u{212a}ubernetes.default.svc', null],
  ['127.0.0.1', null],
  ['2130706433', null],
  ['0x7f.1', null],
  ['example.0x1', null],
  ['example.1', null],
];

for (const [text, name] of NAMES) {
  const shown = text.length > 70 ? `${text.slice(0, 20)}… (${text.length})` : text;
  test(`${JSON.stringify(shown)} is ${name === null ? 'no DNS name' : 'a DNS name'}`, () => {
    assert.equal(parseDnsName(text), name);
  });
}

const PATTERNS: readonly (readonly [pattern: string, matching: readonly string[], other: readonly string[]])[] = [
  ['example.com', ['example.com', 'EXAMPLE.com.'], ['a.example.com', 'example.com.evil.net', 'notexample.com']],
  ['*.example.com', ['a.example.com', 'a.b.example.com'], ['example.com', 'notexample.com', 'example.com.evil.net']],
  ['*.Example.COM.', ['A.example.com'], ['example.com']],
  ['*.com', ['example.com'], ['com']],
];

for (const [text, matching, other] of PATTERNS) {
  test(`the pattern ${text} matches what it says and nothing beside it`, () => {
    const pattern = parseHostPattern(text);
    assert.ok(pattern !== null);
    const matches = (candidate: string): boolean => {
      const name = parseDnsName(candidate);
      assert.ok(name !== null);
      return pattern.matches(name);
    };
    for (const candidate of matching) assert.equal(matches(candidate), true, candidate);
    for (const candidate of other) assert.equal(matches(candidate), false, candidate);
  });
}

test('a pattern is a name or a star, a dot and a name', () => {
  for (const text of [
    '*',
    '*.',
    '**.example.com',
    'a.*.com',
    '*example.com',
    '*.*.com',
    '.example.com',
    'a*',
    '',
    '*.1',
  ])
    assert.equal(parseHostPattern(text), null, text);
});

test('a pattern is shown in lower case without a trailing dot', () => {
  assert.equal(parseHostPattern('*.EXAMPLE.com.')?.text, '*.example.com');
});
