import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { createApiServer } from '../../proxy/kubernetes/api-server.js';
import { createPods } from '../../proxy/kubernetes/pods.js';
import { createCertificates } from './certificates.js';
import { podObject } from './fake-api-server.js';
import {
  AT,
  follow,
  GITHUB,
  openPodStand,
  type PodStand,
  passUntil,
  SLACK_POD,
  standWhereAddressMoves,
  until,
  WATCH_MS,
} from './stand.js';

const BREAKS: readonly (readonly [what: string, break_: (stand: PodStand) => void])[] = [
  ['that is cut', ({ server }) => server.endWatches('cut')],
  [
    'that ends before its time, as one whose server has more to say than it gets rid of,',
    ({ server }) => server.endWatches('whole'),
  ],
  [
    'that is cut in half a line',
    ({ server }) => {
      server.say('{"type":"DELETED","object":{"metadata":{"name":"github-1"');
      server.endWatches('cut');
    },
  ],
  [
    'whose successor is refused',
    ({ server, clock }) => {
      let refused = 0;
      server.misbehave = (request, response) => {
        if (!request.url?.includes('watch=') || refused > 0) return false;
        refused += 1;
        response.writeHead(503).end('{}');
        return true;
      };
      clock.jump(WATCH_MS);
      server.endWatches('whole');
    },
  ],
];
for (const [what, breakIt] of BREAKS) {
  test(`a watch ${what} leaves no name behind, and a pod that has got the address meanwhile never has the name of the last one`, async (t) => {
    const stand = await standWhereAddressMoves(t);
    stand.move();
    breakIt(stand);
    await until(() => stand.states.at(-1)?.state === 'stale');
    assert.equal(stand.pods.of(AT), null, 'at once');
    await passUntil(stand, () => stand.pods.of(AT) === 'slack');
  });
}

test('an address of a namespace whose watch is broken is not another namespace’s without doubt', async (t) => {
  const stand = await openPodStand(t, [podObject()]);
  stand.clients = [...stand.clients, { name: 'team', pods: { namespace: 'team', labels: {} } }];
  await follow(stand);
  stand.server.misbehave = (request, response) => {
    if (request.url?.includes('/tools/') !== true) return false;
    response.writeHead(503).end('{}');
    return true;
  };
  stand.server.say('42\n');
  await until(() => stand.states.filter(({ state }) => state === 'stale').length === 2);
  stand.server.tell('ADDED', podObject({ name: 'team-1', namespace: 'team' }));
  stand.server.tell('ADDED', podObject({ name: 'team-2', namespace: 'team', ips: ['10.244.1.8'] }));
  await passUntil(stand, () => stand.pods.of('10.244.1.8') === 'team');
  assert.equal(stand.pods.of(AT), null);
  stand.server.pods.delete('tools/github-1');
  stand.server.misbehave = () => false;
  await passUntil(stand, () => stand.pods.of(AT) === 'team');
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
