import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, parseAddress } from '../../proxy/core/address.js';
import { createAnswerCache } from '../../proxy/net/answer-cache.js';
import { name } from './dns-stand.js';

const MIB = 1024 * 1024;

function addresses(count: number): Address[] {
  return Array.from({ length: count }, (_, i) => `2001:db8::${i + 1}`).flatMap((text) => parseAddress(text) ?? []);
}

const found = (count: number) => ({ addresses: addresses(count), failure: null, ttlSeconds: 60 });
const missing = { addresses: [], failure: 'name-not-found', ttlSeconds: 60 } as const;

test('the cache counts bytes: names with many addresses push out more of the others', () => {
  const cache = createAnswerCache(MIB);
  const all = Array.from({ length: 2000 }, (_, i) => name(`n${i}.example`));
  for (const one of all) cache.set(one, found(128));
  const held = all.filter((one) => cache.get(one) !== null).length;
  assert.ok(held > 10 && held * 128 * 300 < MIB, `${held} names of 128 addresses`);
  for (const one of all) cache.set(one, found(1));
  assert.ok(all.filter((one) => cache.get(one) !== null).length > 1000);
});

test('names that do not exist push out no name that does', () => {
  const cache = createAnswerCache(MIB);
  cache.set(name('known.example'), found(1));
  for (let i = 0; i < 20_000; i++) cache.set(name(`made-up-${i}.example`), missing);
  assert.equal(cache.get(name('known.example'))?.addresses.length, 1);
  assert.equal(cache.get(name('made-up-0.example')), null);
  assert.equal(cache.get(name('made-up-19999.example'))?.failure, 'name-not-found');
});

test('a name that came to exist, or to fail, is known by its last answer', () => {
  const cache = createAnswerCache(MIB);
  cache.set(name('a.example'), found(1));
  cache.set(name('a.example'), missing);
  assert.equal(cache.get(name('a.example'))?.failure, 'name-not-found');
  cache.set(name('a.example'), found(1));
  assert.equal(cache.get(name('a.example'))?.failure, null);
});

test('what led nowhere is forgotten, unless it is as good as new', () => {
  let time = 0;
  const cache = createAnswerCache(MIB, () => time);
  cache.set(name('a.example'), found(1));
  time = 999;
  cache.forget(name('a.example'));
  assert.notEqual(cache.get(name('a.example')), null);
  time = 1000;
  cache.forget(name('a.example'));
  assert.equal(cache.get(name('a.example')), null);
  cache.forget(name('unknown.example'));
});
