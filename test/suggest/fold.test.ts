import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldHosts } from '../../proxy/suggest/fold.js';

const patterns = (names: readonly string[], apart: readonly string[] = []) =>
  foldHosts(names, apart).map(({ pattern }) => pattern);

for (const [why, names, expected, apart] of [
  ['three names share a suffix', ['a.x.com', 'b.x.com', 'c.x.com'], ['*.x.com']],
  ['two names stay', ['a.x.com', 'b.x.com'], ['a.x.com', 'b.x.com']],
  ['the suffix itself is not below it', ['x.com', 'a.x.com', 'b.x.com'], ['a.x.com', 'b.x.com', 'x.com']],
  ['the apex stays beside the pattern', ['x.com', 'a.x.com', 'b.x.com', 'c.x.com'], ['*.x.com', 'x.com']],
  ['the longest suffix is taken', ['a.d.x.com', 'b.d.x.com', 'c.d.x.com', 'e.x.com'], ['*.d.x.com', 'e.x.com']],
  ['names of different depth share one', ['a.1.x.com', 'b.2.x.com', 'c.x.com'], ['*.x.com']],
  ['the same name thrice is one', ['a.x.com', 'a.x.com', 'a.x.com'], ['a.x.com']],
  ['a public suffix is nobody', ['a.com', 'b.com', 'c.com'], ['a.com', 'b.com', 'c.com']],
  ['nor is one of two labels', ['a.co.uk', 'b.co.uk', 'c.co.uk'], ['a.co.uk', 'b.co.uk', 'c.co.uk']],
  [
    'nor one of a provider',
    ['a.github.io', 'b.github.io', 'c.github.io'],
    ['a.github.io', 'b.github.io', 'c.github.io'],
  ],
  ['names without a dot', ['n8n', 'ollama', 'comfyui'], ['comfyui', 'n8n', 'ollama']],
  [
    'a refused name below keeps it open for none',
    ['a.x.com', 'b.x.com', 'c.x.com'],
    ['a.x.com', 'b.x.com', 'c.x.com'],
    ['evil.x.com'],
  ],
  ['a refused name elsewhere does not matter', ['a.x.com', 'b.x.com', 'c.x.com'], ['*.x.com'], ['evilx.com', 'x.com']],
] as const) {
  test(why, () => assert.deepEqual(patterns(names, apart ?? []), expected));
}

test('nothing folds to nothing', () => assert.deepEqual(foldHosts([]), []));
