import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createApiServer } from '../../proxy/kubernetes/api-server.js';
import { createPods } from '../../proxy/kubernetes/pods.js';
import { createCertificates } from './certificates.js';
import { podObject } from './fake-api-server.js';
import { follow, GITHUB, openPodStand, type PodStand, until } from './stand.js';

const AT = '10.244.1.7';
const SLACK_POD = { name: 'slack-1', labels: { app: 'slack' } };

/** Follows one pod of github, and has its address go to one of slack unseen. */
async function standWhereAddressMoves(t: TestContext): Promise<PodStand & { move(): void }> {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  const move = (): void => {
    stand.server.pods.delete('tools/github-1');
    stand.server.pods.set('tools/slack-1', podObject(SLACK_POD));
  };
  return Object.assign(stand, { move });
}

/** Lets time pass in small steps until that is so, and holds at each of them that nobody has the wrong name. */
async function passUntil(stand: PodStand, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    stand.clock.pass(5);
    assert.notEqual(stand.pods.of(AT), 'github');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a watch that says nothing for a minute makes its pods unknown, and what it says then is not believed before a list', async (t) => {
  const stand = await standWhereAddressMoves(t);
  stand.server.isDead = true;
  stand.move();
  stand.clock.pass(15_000);
  assert.equal(stand.pods.of(AT), 'github', 'the bound itself');
  stand.clock.pass(1);
  assert.equal(stand.pods.of(AT), null);
  assert.equal(stand.pods.namespaces[0]?.state, 'stale');
  stand.clock.pass(45_000);
  await until(() => stand.states.some(({ state }) => state === 'stale'));
  assert.equal(stand.pods.of(AT), null);
  stand.server.isDead = false;
  await passUntil(stand, () => stand.pods.of(AT) === 'slack');
  assert.deepEqual(
    stand.states.map(({ state }) => state),
    ['connected', 'stale', 'connected'],
  );
});

test('a word that comes on a stale watch is not believed', async (t) => {
  const stand = await standWhereAddressMoves(t);
  stand.move();
  stand.clock.jump(15_001);
  stand.server.bookmark();
  await until(() => stand.server.watches === 0);
  assert.equal(stand.pods.of(AT), null);
  await passUntil(stand, () => stand.pods.of(AT) === 'slack');
});

test('a list is as old as its request', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  stand.server.misbehave = (request) => {
    if (request.url?.includes('watch=') === false) stand.clock.jump(14_000);
    return false;
  };
  await follow(stand);
  assert.equal(stand.pods.of(AT), 'github');
  stand.clock.jump(1001);
  assert.equal(stand.pods.of(AT), null);
});

test('a watch that is cut goes on where it was, with half a line left out', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  await follow(stand);
  const asked = stand.server.asked.length;
  stand.server.say('{"type":"DELETED","object":{"metadata":{"name":"github-1"');
  stand.server.endWatches('cut');
  await until(() => stand.server.watches === 0);
  while (stand.server.watches === 0) {
    stand.clock.pass(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(stand.pods.of(AT), 'github');
  const again = stand.server.asked.slice(asked);
  assert.ok(again.length >= 1 && again.every((path) => path.includes('watch=1')), 'no list');
  assert.match(again[0] ?? '', /resourceVersion=101(?:&|$)/);
});

const BROKEN: readonly (readonly [what: string, line: string])[] = [
  ['410 Gone', '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'],
  ['half a line with an end', '{"type":"DELETED","object":{"meta\n'],
  ['an object that is no pod', '{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"7"}}}\n'],
  ['a pod of another namespace', `{"type":"ADDED","object":${JSON.stringify(podObject({ namespace: 'other' }))}}\n`],
  ['a number', '42\n'],
  ['null', 'null\n'],
  ['an unknown type', '{"type":"SURPRISE","object":{"metadata":{"resourceVersion":"7"}}}\n'],
  ['a version that is none', `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7\\n&x=1"}}}\n`],
  ['many brackets', `${'['.repeat(1_000_000)}\n`],
  ['a giant line', `"${'x'.repeat(17 * 1024 * 1024)}"\n`],
];
for (const [what, line] of BROKEN) {
  test(`${what} on a watch makes its pods unknown until they are listed anew`, async (t) => {
    const stand = await standWhereAddressMoves(t);
    stand.move();
    stand.server.say(line);
    await until(() => stand.pods.of(AT) === null);
    await passUntil(stand, () => stand.pods.of(AT) === 'slack');
  });
}

test('a list that is too long is asked for in smaller pages', async (t) => {
  const pods = [podObject(), podObject({ ...SLACK_POD, ips: ['10.244.1.8'] })];
  const stand = await openPodStand(t, pods);
  stand.server.misbehave = (request, response) => {
    if (!/limit=(?:100|50|25|12|6|3)$/.test(request.url ?? '')) return false;
    response.end(Buffer.alloc(17 * 1024 * 1024, 32));
    return true;
  };
  await follow(stand);
  assert.deepEqual([stand.pods.of(AT), stand.pods.of('10.244.1.8')], ['github', 'slack']);
});

test('half of a list is none, and one whose pages go on for too long is none', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.end('{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[{"metadata":'),
    (response) => response.end('{"kind":"PodList","metadata":{"resourceVersion":"1","continue":7},"items":[]}'),
    (response) => response.end('{"kind":"PodList","metadata":{},"items":[]}'),
    (response) => {
      stand.clock.pass(15_001);
      response.end('{"kind":"PodList","metadata":{"resourceVersion":"1","continue":"1"},"items":[]}');
    },
    (response) => response.destroy(),
  ];
  let answered = 0;
  stand.server.misbehave = (_request, response) => {
    const answer = answers[answered];
    if (answer === undefined) return false;
    answered += 1;
    answer(response);
    return true;
  };
  stand.pods.review();
  while (!stand.pods.isKnown) {
    stand.clock.pass(5);
    assert.equal(answered < answers.length ? stand.pods.of(AT) : null, null);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(stand.pods.of(AT), 'github');
  const reasons = new Set(stand.states.map(({ reason }) => reason));
  for (const reason of ['malformed', 'slow', 'unreachable', null] as const)
    assert.ok(reasons.has(reason), String(reason));
});

test('a token that has expired is read anew, and one that is refused names nobody', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  stand.server.misbehave = (request, response) => {
    if (request.headers.authorization === 'Bearer second-token') return false;
    response.writeHead(401).end('{"kind":"Status","code":401}');
    return true;
  };
  stand.pods.review();
  await until(() => stand.states.length > 0);
  assert.deepEqual(stand.states, [{ namespace: 'tools', state: 'stale', reason: 'unauthenticated' }]);
  assert.equal(stand.pods.isKnown, false);
  writeFileSync(join(stand.server.mount, 'token'), 'second-token');
  while (!stand.pods.isKnown) {
    stand.clock.pass(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(stand.pods.of(AT), 'github');
  assert.ok(stand.server.tokens.includes('Bearer first-token') && stand.server.tokens.at(-1) === 'Bearer second-token');
});

const STATUSES = [
  [403, 'forbidden', {}],
  [429, 'busy', { 'retry-after': '20' }],
  [500, 'refused', {}],
  [503, 'refused', { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }],
  [301, 'refused', { location: 'https://203.0.113.7/' }],
] as const;
for (const [status, reason, headers] of STATUSES) {
  test(`${status} is ${reason}, and is waited for longer each time`, async (t) => {
    const stand = await openPodStand(t, [podObject()]);
    let refused = 0;
    stand.server.misbehave = (_request, response) => {
      refused += 1;
      response.writeHead(status, headers).end('{}');
      return true;
    };
    stand.pods.review();
    await until(() => stand.states.length > 0);
    assert.deepEqual(stand.states, [{ namespace: 'tools', state: 'stale', reason }]);
    if (status === 429) {
      stand.clock.pass(19_000);
      for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(refused, 1, 'as long as the server has asked for');
    }
    stand.server.misbehave = () => false;
    while (!stand.pods.isKnown) {
      stand.clock.pass(5);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(stand.pods.of(AT), 'github');
  });
}

test('a server with the certificate of another authority is told nothing', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  writeFileSync(join(stand.server.mount, 'ca.crt'), createCertificates('another').ca);
  stand.pods.review();
  await until(() => stand.states.length > 0);
  assert.deepEqual(stand.states, [{ namespace: 'tools', state: 'stale', reason: 'untrusted' }]);
  assert.deepEqual(stand.server.tokens, [], 'the token above all');
});

test('outside of a cluster, or without a service account, nobody has a name and nothing is asked', async (t) => {
  for (const [env, reason] of [
    [{}, 'no-cluster'],
    [{ KUBERNETES_SERVICE_HOST: 'kubernetes.example' }, 'no-cluster'],
    [{ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '0' }, 'no-cluster'],
    [{ KUBERNETES_SERVICE_HOST: '127.0.0.1' }, 'no-token'],
  ] as const) {
    const seen: (string | null)[] = [];
    const pods = createPods({
      clients: () => [GITHUB],
      api: createApiServer(env, '/nonexistent'),
      onChange: ({ reason: why }) => seen.push(why),
      onAmbiguous: () => {},
    });
    t.after(() => pods.stop());
    pods.review();
    await until(() => seen.length > 0);
    pods.stop();
    assert.deepEqual([seen, pods.of('127.0.0.1')], [[reason], null]);
  }
});
