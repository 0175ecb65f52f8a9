import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientEntry } from '../../proxy/config/config.js';
import { identify } from '../../proxy/door/clients.js';

const GITHUB: ClientEntry = {
  name: 'github',
  token: 'first',
  next: 'second',
  address: null,
  server: null,
  pods: null,
  default: null,
  mode: null,
};
const ORIGIN = { address: '10.0.0.1', lease: null, pod: null };
const NAMED = { outcome: 'known', name: 'github' };
const REFUSED = { outcome: 'refused' };

test('while a token is renewed, the first and the second one count, and no other', () => {
  const outcome = (password: string) => identify([GITHUB], ORIGIN, { user: 'github', password });
  assert.deepEqual(outcome('first'), NAMED);
  assert.deepEqual(outcome('second'), NAMED);
  for (const password of ['', 'third', 'firstsecond', 'null']) assert.deepEqual(outcome(password), REFUSED);
});

test('without a second token in the configuration, only the first identifies a client', () => {
  const entries = [{ ...GITHUB, next: null }];
  for (const password of ['', 'second', 'null']) {
    assert.deepEqual(identify(entries, ORIGIN, { user: 'github', password }), REFUSED);
  }
});
