/** How long a name counts, where nothing is broken that shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podObject } from './fake-api-server.js';
import {
  AT,
  follow,
  openPodStand,
  type PodStand,
  passUntil,
  SLACK_POD,
  standWhereAddressMoves,
  until,
  WATCH_MS,
} from './stand.js';

/** Lets so much time pass and then the watches end, as a server does it. */
async function endInTime({ server, clock }: PodStand): Promise<void> {
  const asked = server.asked.length;
  clock.jump(WATCH_MS);
  server.endWatches('whole');
  await until(() => server.asked.length > asked && server.watches > 0);
}

test('a watch that says nothing for a minute makes its pods unknown after seconds, until they are listed anew', async (t) => {
  const stand = await standWhereAddressMoves(t);
  stand.server.isDead = true;
  stand.move();
  stand.clock.jump(6000);
  assert.equal(stand.pods.of(AT), 'github', 'the bound itself');
  stand.clock.jump(1);
  assert.equal(stand.pods.of(AT), null);
  assert.equal(stand.pods.namespaces[0]?.state, 'stale');
  stand.clock.pass(54_000);
  await until(() => stand.states.some(({ state }) => state === 'stale'));
  assert.equal(stand.pods.of(AT), null);
  stand.server.isDead = false;
  await passUntil(stand, () => stand.pods.of(AT) === 'slack');
  assert.deepEqual(
    stand.states.map(({ state }) => state),
    ['connected', 'stale', 'connected'],
  );
});

test('an event that arrives late does not make a name look fresh', async (t) => {
  const stand = await standWhereAddressMoves(t);
  stand.clock.jump(5000);
  const other = podObject({ name: 'github-2', ips: ['10.244.1.8'] });
  stand.server.tell('ADDED', other);
  await until(() => stand.pods.of('10.244.1.8') === 'github');
  stand.server.bookmark();
  stand.clock.jump(1001);
  assert.deepEqual([stand.pods.of(AT), stand.pods.of('10.244.1.8')], [null, null]);
});

test('a word that comes on a stale watch is not believed', async (t) => {
  const stand = await standWhereAddressMoves(t);
  stand.move();
  stand.clock.jump(6001);
  stand.server.bookmark();
  assert.equal(stand.pods.of(AT), null);
  await passUntil(stand, () => stand.pods.of(AT) === 'slack');
});

test('a list is as old as the request for it', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  stand.server.misbehave = (request) => {
    if (request.url?.includes('watch=') === false) stand.clock.jump(5000);
    return false;
  };
  await follow(stand);
  assert.equal(stand.pods.of(AT), 'github');
  stand.clock.jump(1001);
  assert.equal(stand.pods.of(AT), null);
});

test('a list that has taken longer than a name counts names nobody before a watch has said what came after it', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  stand.server.misbehave = (request) => {
    if (request.url?.includes('watch=') === false) stand.clock.jump(10_000);
    return false;
  };
  stand.pods.review();
  await until(() => stand.server.watches === 1);
  assert.deepEqual([stand.pods.of(AT), stand.pods.isKnown], [null, false]);
  stand.server.tell('MODIFIED', podObject({ deleted: true }));
  stand.server.tell('ADDED', podObject(SLACK_POD));
  await endInTime(stand);
  assert.deepEqual([stand.pods.of(AT), stand.pods.isKnown], ['slack', true]);
});

test('a watch that ends in its time goes on where it was, without a list', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  for (let i = 0; i < 5; i++) {
    stand.server.bookmark();
    await endInTime(stand);
    assert.equal(stand.pods.of(AT), 'github');
  }
  assert.equal(stand.server.asked.filter((path) => !path.includes('watch=')).length, 1);
  assert.match(stand.server.asked.at(-1) ?? '', /timeoutSeconds=3&resourceVersion=106$/);
});
