import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { PER_CLIENT, Turns } from '../../proxy/door/turns.js';

test('a client has its turn at once, until it has had many', async () => {
  const turns = new Turns();
  for (let i = 0; i < PER_CLIENT; i++) assert.equal(turns.wait('a'), null);
  const later = turns.wait('a');
  assert.ok(later instanceof Promise);
  assert.equal(turns.wait('b'), null);
  await later;
});

test('those who wait are served by client, whoever asked more often', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const ask = (client: string): void => void turns.wait(client)?.then(() => order.push(client));
  for (let i = 0; i < PER_CLIENT + 1000; i++) ask('greedy');
  for (let i = 0; i < PER_CLIENT + 3; i++) ask('modest');
  await setImmediate();
  await setImmediate();
  assert.deepEqual(order.slice(0, 6), ['greedy', 'modest', 'greedy', 'modest', 'greedy', 'modest']);
  while (order.length < 1003) await setImmediate();
});

test('where connections are coming in, few of those who wait have a turn of the loop', async () => {
  const turns = new Turns();
  let served = 0;
  for (let i = 0; i < 1000; i++) void turns.wait('greedy')?.then(() => served++);
  turns.isAccepting = true;
  await setImmediate();
  await Promise.resolve();
  assert.equal(served, 2);
});

test('between two turns of those who wait, somebody new is heard', async () => {
  const turns = new Turns();
  let served = 0;
  for (let i = 0; i < 10_000; i++) void turns.wait('greedy')?.then(() => served++);
  await setImmediate();
  await setImmediate();
  assert.ok(served < 1000, `${served} were served before anybody else`);
  assert.equal(turns.wait('new'), null);
});
