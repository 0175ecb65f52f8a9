import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podObject } from './fake-api-server.js';
import { follow, openPodStand, until } from './stand.js';

const AT = '10.244.1.7';

test('a pod has the name of the client whose labels it has, at each of its addresses', async (t) => {
  const stand = await openPodStand(t, [podObject({ ips: [AT, 'fd00:10:244::7'] })]);
  await follow(stand);
  assert.equal(stand.pods.of(AT), 'github');
  assert.equal(stand.pods.of('fd00:10:244::7'), 'github');
  assert.equal(stand.pods.of('10.244.1.8'), null);
  assert.deepEqual(stand.states, [{ namespace: 'tools', state: 'connected', reason: null }]);
});

test('a pod that comes, changes its labels, its address or its phase, and goes', async (t) => {
  const stand = await openPodStand(t);
  await follow(stand);
  const at = async (type: 'ADDED' | 'MODIFIED' | 'DELETED', parts: Parameters<typeof podObject>[0]) => {
    stand.server.tell(type, podObject(parts));
    await stand.settle();
    return stand.pods.of(AT);
  };
  assert.equal(await at('ADDED', { ips: [], phase: 'Pending' }), null, 'no address yet');
  assert.equal(await at('MODIFIED', { phase: 'Pending' }), null, 'its init containers run');
  assert.equal(await at('MODIFIED', {}), 'github');
  assert.equal(await at('MODIFIED', { labels: { app: 'slack' } }), 'slack');
  assert.equal(await at('MODIFIED', { labels: { app: 'other' } }), null);
  assert.equal(await at('MODIFIED', { labels: {} }), null);
  assert.equal(await at('MODIFIED', {}), 'github');
  assert.equal(await at('MODIFIED', { ips: ['10.244.1.9'] }), null, 'its sandbox is a new one');
  assert.equal(stand.pods.of('10.244.1.9'), 'github');
  assert.equal(await at('MODIFIED', {}), 'github');
  for (const phase of ['Succeeded', 'Failed', 'Unknown', 'Pending']) {
    assert.equal(await at('MODIFIED', { phase }), null, phase);
    assert.equal(await at('MODIFIED', {}), 'github');
  }
  assert.equal(await at('MODIFIED', { deleted: true }), null, 'from the moment in which it is to go');
  assert.equal(await at('DELETED', { deleted: true }), null);
});

test('a pod on the network of its node has no name, and neither has who shows its address', async (t) => {
  const node = '172.30.0.2';
  const stand = await openPodStand(t, [podObject({ hostNetwork: true, ips: [node] })]);
  await follow(stand);
  assert.equal(stand.pods.of(node), null);
  stand.server.tell('ADDED', podObject({ name: 'forged', ips: [node], hostIP: node }));
  stand.server.tell('ADDED', podObject({ name: 'forged-2', ips: [node], hostIP: '172.30.0.3' }));
  await stand.settle();
  assert.equal(stand.pods.of(node), null);
});

test('an address that is used again at once is the new pod’s only when the old one is about to go', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  const next = { name: 'slack-1', labels: { app: 'slack' } };
  stand.server.tell('ADDED', podObject(next));
  await stand.settle();
  assert.equal(stand.pods.of(AT), null, 'two pods have it');
  stand.server.tell('MODIFIED', podObject({ deleted: true }));
  await stand.settle();
  assert.equal(stand.pods.of(AT), 'slack');
  stand.server.tell('DELETED', podObject({ deleted: true }));
  await stand.settle();
  assert.equal(stand.pods.of(AT), 'slack', 'that the old one is gone takes nothing from the new one');
});

test('an address that two pods have is nobody’s, whatever the other one is and wherever it is watched', async (t) => {
  for (const other of [
    { labels: { app: 'nothing' } },
    { phase: 'Pending' },
    { hostNetwork: true },
    { namespace: 'team', labels: { app: 'team' } },
    {},
  ]) {
    const stand = await openPodStand(t, [podObject()]);
    stand.clients = [...stand.clients, { name: 'team', pods: { namespace: 'team', labels: {} } }];
    await follow(stand);
    assert.equal(stand.pods.of(AT), 'github');
    stand.server.tell('ADDED', podObject({ name: 'other', ...other }));
    await until(() => stand.pods.of(AT) === null);
    stand.server.tell('DELETED', podObject({ name: 'other', ...other }));
    await until(() => stand.pods.of(AT) === 'github');
  }
});

test('a pod of the same name takes the place of the one before, and a late word of that one changes nothing', async (t) => {
  const stand = await openPodStand(t, [podObject({ uid: 'one' })]);
  await follow(stand);
  stand.server.tell('ADDED', podObject({ uid: 'two', ips: ['10.244.1.8'] }));
  stand.server.tell('DELETED', podObject({ uid: 'one' }));
  stand.server.pods.set('tools/github-1', podObject({ uid: 'two', ips: ['10.244.1.8'] }));
  await stand.settle();
  assert.deepEqual([stand.pods.of(AT), stand.pods.of('10.244.1.8')], [null, 'github']);
});

test('a pod that two clients have is neither of them, and is told once', async (t) => {
  const stand = await openPodStand(t);
  stand.clients = [
    { name: 'a', pods: { namespace: 'tools', labels: { app: 'x' } } },
    { name: 'b', pods: { namespace: 'tools', labels: { tier: 'y' } } },
    ...stand.clients,
  ];
  await follow(stand);
  const both = podObject({ labels: { app: 'x', tier: 'y' } });
  stand.server.tell('ADDED', both);
  stand.server.tell('MODIFIED', both);
  await stand.settle();
  assert.equal(stand.pods.of(AT), null);
  assert.deepEqual(stand.ambiguous, [{ namespace: 'tools', pod: 'github-1', clients: ['a', 'b'] }]);
  stand.server.tell('MODIFIED', podObject({ labels: { app: 'x' } }));
  await stand.settle();
  assert.equal(stand.pods.of(AT), 'a');
});

test('labels that are no own ones, and addresses that are this machine, make nobody', async (t) => {
  const stand = await openPodStand(t);
  await follow(stand);
  const forged = ['127.0.0.1', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1', 'not-an-address', '10.244.1.7%eth0', ''];
  stand.server.tell('ADDED', podObject({ ips: forged }));
  stand.server.tell('ADDED', podObject({ name: 'mapped', ips: ['::ffff:10.244.1.9'] }));
  await stand.settle();
  for (const text of forged) assert.equal(stand.pods.of(text), null, text);
  assert.equal(stand.pods.of('10.244.1.9'), 'github');
});

test('five thousand pods are listed page by page, and followed', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) =>
    podObject({
      name: `github-${i}`,
      ips: [`10.${i >> 8}.${i & 255}.1`],
      labels: { app: i % 2 === 0 ? 'github' : 'slack' },
    }),
  );
  const stand = await openPodStand(t, many);
  await follow(stand);
  assert.equal(stand.server.asked.filter((path) => !path.includes('watch=')).length, 50);
  for (let i = 0; i < 5000; i++)
    assert.equal(stand.pods.of(`10.${i >> 8}.${i & 255}.1`), i % 2 === 0 ? 'github' : 'slack');
  for (let i = 0; i < 5000; i += 2)
    stand.server.tell(
      'MODIFIED',
      podObject({ name: `github-${i}`, ips: [`10.${i >> 8}.${i & 255}.1`], deleted: true }),
    );
  await stand.settle();
  for (let i = 0; i < 5000; i++) assert.equal(stand.pods.of(`10.${i >> 8}.${i & 255}.1`), i % 2 === 0 ? null : 'slack');
  assert.deepEqual(stand.pods.namespaces, [{ namespace: 'tools', state: 'connected', pods: 2501 }]);
});

test('a reload begins and ends watches, and lists a namespace anew whose clients differ', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  stand.clients = [{ name: 'renamed', pods: { namespace: 'tools', labels: { app: 'github' } } }];
  stand.pods.review();
  assert.equal(stand.pods.of(AT), null, 'until it is listed');
  await until(() => stand.pods.of(AT) === 'renamed');
  const asked = stand.server.asked.length;
  stand.pods.review();
  stand.clients = [];
  stand.pods.review();
  assert.equal(stand.pods.of(AT), null);
  await until(() => stand.server.watches === 0);
  assert.ok(stand.server.asked.length <= asked + 1, 'nothing is asked for where nothing has changed');
  assert.deepEqual(stand.pods.namespaces, []);
});
