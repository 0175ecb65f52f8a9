import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, parseAddress } from '../../proxy/core/address.js';
import { createKnownAddresses } from '../../proxy/net/known-addresses.js';
import { name } from './dns-stand.js';

const MIB = 1024 * 1024;
const OPTIONS = { servers: ['192.0.2.53'], hostsPath: '/nonexistent', cacheBytes: MIB };

function addresses(count: number): Address[] {
  return Array.from({ length: count }, (_, i) => `2001:db8::${i + 1}`).flatMap((text) => parseAddress(text) ?? []);
}

const found = (count: number) => ({ addresses: addresses(count), failure: null, ttlSeconds: 60 });
const missing = { addresses: [], failure: 'name-not-found', ttlSeconds: 60 } as const;

test('the cache counts bytes: names with many addresses push out more of the others', () => {
  const known = createKnownAddresses(OPTIONS);
  const all = Array.from({ length: 2000 }, (_, i) => name(`n${i}.example`));
  for (const one of all) known.keep(one, found(128));
  const held = all.filter((one) => known.answer(one) !== null).length;
  assert.ok(held > 10 && held * 128 * 300 < MIB, `${held} names of 128 addresses`);
  for (const one of all) known.keep(one, found(1));
  assert.ok(all.filter((one) => known.answer(one) !== null).length > 1000);
});

test('names that do not exist push out no name that does', () => {
  const known = createKnownAddresses(OPTIONS);
  known.keep(name('known.example'), found(1));
  for (let i = 0; i < 20_000; i++) known.keep(name(`made-up-${i}.example`), missing);
  assert.equal(known.answer(name('known.example'))?.addresses.length, 1);
  assert.equal(known.answer(name('made-up-0.example')), null);
  assert.equal(known.answer(name('made-up-19999.example'))?.failure, 'name-not-found');
});

test('a name that came to exist, or to fail, is known by its last answer', () => {
  const known = createKnownAddresses(OPTIONS);
  known.keep(name('a.example'), found(1));
  known.keep(name('a.example'), missing);
  assert.equal(known.answer(name('a.example'))?.failure, 'name-not-found');
  assert.equal(known.addresses(name('a.example')), null);
  known.keep(name('a.example'), found(1));
  assert.equal(known.answer(name('a.example'))?.failure, null);
  assert.equal(known.addresses(name('a.example'))?.length, 1);
});

test('what led nowhere is forgotten, unless it is as good as new', () => {
  let time = 0;
  const known = createKnownAddresses(OPTIONS, () => time);
  known.keep(name('a.example'), found(1));
  time = 999;
  known.forget(name('a.example'));
  assert.notEqual(known.answer(name('a.example')), null);
  time = 1000;
  known.forget(name('a.example'));
  assert.equal(known.answer(name('a.example')), null);
  known.forget(name('unknown.example'));
});
