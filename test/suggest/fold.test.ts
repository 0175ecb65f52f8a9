import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldHosts } from '../../proxy/suggest/fold.js';

const patterns = (names: readonly string[], apart: readonly string[] = []) =>
  foldHosts(names, apart).map(({ pattern }) => pattern);

for (const [why, names, expected, apart] of [
  ['three names that share a suffix become one pattern', ['a.x.com', 'b.x.com', 'c.x.com'], ['*.x.com']],
  ['two names stay as they are', ['a.x.com', 'b.x.com'], ['a.x.com', 'b.x.com']],
  [
    'the suffix itself does not count as a name below it',
    ['x.com', 'a.x.com', 'b.x.com'],
    ['a.x.com', 'b.x.com', 'x.com'],
  ],
  ['the apex stays beside the pattern', ['x.com', 'a.x.com', 'b.x.com', 'c.x.com'], ['*.x.com', 'x.com']],
  ['the longest shared suffix is taken', ['a.d.x.com', 'b.d.x.com', 'c.d.x.com', 'e.x.com'], ['*.d.x.com', 'e.x.com']],
  ['names of different depths share a pattern', ['a.1.x.com', 'b.2.x.com', 'c.x.com'], ['*.x.com']],
  ['the same name three times counts once', ['a.x.com', 'a.x.com', 'a.x.com'], ['a.x.com']],
  [
    'names below a public suffix stay apart: nobody owns them all',
    ['a.com', 'b.com', 'c.com'],
    ['a.com', 'b.com', 'c.com'],
  ],
  [
    'names below a public suffix of two labels stay apart',
    ['a.co.uk', 'b.co.uk', 'c.co.uk'],
    ['a.co.uk', 'b.co.uk', 'c.co.uk'],
  ],
  [
    'names below the suffix of a provider stay apart',
    ['a.github.io', 'b.github.io', 'c.github.io'],
    ['a.github.io', 'b.github.io', 'c.github.io'],
  ],
  ['names without a dot stay as they are', ['n8n', 'ollama', 'comfyui'], ['comfyui', 'n8n', 'ollama']],
  [
    'a refused name below a suffix keeps it from becoming a pattern',
    ['a.x.com', 'b.x.com', 'c.x.com'],
    ['a.x.com', 'b.x.com', 'c.x.com'],
    ['evil.x.com'],
  ],
  [
    'a refused name elsewhere does not keep a suffix from becoming a pattern',
    ['a.x.com', 'b.x.com', 'c.x.com'],
    ['*.x.com'],
    ['evilx.com', 'x.com'],
  ],
] as const) {
  test(why, () => assert.deepEqual(patterns(names, apart ?? []), expected));
}

test('no names give no patterns', () => assert.deepEqual(foldHosts([]), []));
