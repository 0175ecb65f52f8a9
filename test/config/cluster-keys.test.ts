/** The keys that a cluster asks for, and what its variables say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf, errorsOf } from './fixture.js';

test('what the DNS door answers is a text or a list, and absent by default', (t) => {
  const of = (text: string) => configOf(t, `version: 1\n${text}\n`).answers;
  const texts = (steer: ReturnType<typeof of>) => [
    steer.address.map(({ text }) => text),
    steer.names,
    steer.search,
    steer.peers.map(({ text }) => text),
  ];
  assert.deepEqual(texts(of('')), [[], [], [], []]);
  assert.deepEqual(
    texts(of('steer: { address: 10.96.0.250, names: Proxy.Test., search: .cluster.local, peers: 10.244.0.0/16 }')),
    [['10.96.0.250'], ['proxy.test'], ['cluster.local'], ['10.244.0.0/16']],
  );
  assert.deepEqual(
    texts(
      of(
        'steer: { address: ["FD00::0250", 10.96.0.250], names: [a, b.test], search: [svc.cluster.local, cluster.local], peers: [10.244.0.0/16, "fd00:10::/56"] }',
      ),
    ),
    [
      ['fd00::250', '10.96.0.250'],
      ['a', 'b.test'],
      ['svc.cluster.local', 'cluster.local'],
      ['10.244.0.0/16', 'fd00:10::/56'],
    ],
  );
  assert.deepEqual(texts(of('steer: { address: "", names: "", search: "", peers: "" }')), [[], [], [], []]);
});

/** A section, the path of the mistake and a part of what is right. */
const MISTAKES: readonly (readonly [text: string, path: string, expected: RegExp])[] = [
  ['steer: { address: proxy.test }', 'steer.address[0]', /IPv4 or IPv6 address that clients can dial/],
  ['steer: { address: 0.0.0.0 }', 'steer.address[0]', /clients can dial/],
  ['steer: { address: 224.0.0.1 }', 'steer.address[0]', /clients can dial/],
  ['steer: { address: "fe80::1" }', 'steer.address[0]', /clients can dial/],
  ['steer: { address: "::ffff:10.96.0.250" }', 'steer.address[0]', /clients can dial/],
  ['steer: { address: 10.96.0.0/24 }', 'steer.address[0]', /clients can dial/],
  [
    `steer: { address: [${Array.from({ length: 9 }, (_, i) => `10.0.0.${i + 1}`).join(', ')}] }`,
    'steer.address',
    /at most 8/,
  ],
  [
    'steer: { names: ["*.proxy.test"] }',
    'steer.names[0]',
    /a whole name: with a wildcard, any name could be asked for/,
  ],
  ['steer: { names: [10.96.0.250] }', 'steer.names[0]', /a DNS name/],
  ['steer: { names: ["a b"] }', 'steer.names[0]', /a DNS name/],
  [`steer: { names: [${'a'.repeat(64)}.test] }`, 'steer.names[0]', /a DNS name/],
  ['steer: { search: ["*.cluster.local"] }', 'steer.search[0]', /a DNS suffix/],
  ['steer: { search: ["."] }', 'steer.search[0]', /a DNS suffix/],
  ['steer: { peers: [10.244.0.1/16] }', 'steer.peers[0]', /without host bits/],
  ['policy: { private: [example.com] }', 'policy.private[0]', /CIDR/],
  ['policy: { private: [34.118.224.1/20] }', 'policy.private[0]', /without host bits/],
  ['policy: { private: [0.0.0.0/0] }', 'policy.private[0]', /every address of the internet is private/],
  ['policy: { private: ["::/0"] }', 'policy.private[0]', /every address of the internet is private/],
  ['policy: { private: ["2000::/3"] }', 'policy.private[0]', /every address of the internet is private/],
  [
    'policy: { private: [0.0.0.0/1, 10.0.0.0/8, 128.0.0.0/1] }',
    'policy.private[2]',
    /every address of the internet is private/,
  ],
  ['policy: { private: ["2000::/4", "3000::/4"] }', 'policy.private[1]', /every address of the internet is private/],
  ['policy: { private: "0.0.0.0/1 128.0.0.0/1" }', 'policy.private[1]', /every address of the internet is private/],
  ['policy: { private: ["::ffff:34.118.224.0/116"] }', 'policy.private[0]', /the IPv4 prefix inside/],
  ['policy: { private: ["64:ff9b::/96"] }', 'policy.private[0]', /the IPv4 prefix inside/],
  ['policy: { private: ["64:ff9b::/32"] }', 'policy.private[0]', /the IPv4 prefix inside/],
];

for (const [text, path, expected] of MISTAKES) {
  test(`${text.slice(0, 60)} is a mistake, with its line`, (t) => {
    const [error, ...others] = errorsOf(t, `version: 1\n${text}\n`);
    assert.deepEqual([error?.path, error?.line, others], [path, 2, []]);
    assert.match(error?.expected ?? '', expected);
  });
}

test('a range that holds a large part of the internet is warned of; a network is not', (t) => {
  const warned = (range: string) =>
    configOf(t, `version: 1\npolicy: { private: ["${range}"] }\n`).warnings.map(({ path }) => path);
  for (const range of ['0.0.0.0/1', '32.0.0.0/7', '2600::/12'])
    assert.deepEqual(warned(range), ['policy.private[0]'], range);
  for (const range of ['34.0.0.0/8', '34.118.224.0/20', '2600:1f14::/32']) assert.deepEqual(warned(range), [], range);
});

test('an overlap with what the table knows is fine', (t) => {
  assert.deepEqual(
    configOf(t, 'version: 1\npolicy: { private: [10.0.0.0/8, 169.254.0.0/16, "fc00::/7"] }\n').warnings,
    [],
  );
});

test('the digest changes with the ranges, and not with the cluster', (t) => {
  const digest = (text: string, env = {}) => configOf(t, `version: 1\n${text}\n`, env).digest();
  assert.notEqual(digest('policy: { private: [34.118.224.0/20] }'), digest(''));
  assert.equal(digest('', { KUBERNETES_SERVICE_HOST: '10.96.0.1' }), digest(''));
});

test('the API server and the Service in front are what the variables of the pod say, if they are addresses', (t) => {
  const network = (env: Record<string, string>, text = '') => {
    const { apiServer, services } = configOf(t, `version: 1\n${text}\n`, env).network;
    return [apiServer?.text ?? null, services.map((one) => one.text)];
  };
  assert.deepEqual(network({}), [null, []]);
  assert.deepEqual(network({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }), ['10.96.0.1', []]);
  for (const text of ['fd00:10:96::1', '[fd00:10:96::1]'])
    assert.deepEqual(network({ KUBERNETES_SERVICE_HOST: text }), ['fd00:10:96::1', []]);
  assert.deepEqual(network({ KUBERNETES_SERVICE_HOST: '::ffff:10.96.0.1' }), ['10.96.0.1', []]);
  for (const text of ['kubernetes.default', '', '10.96.0.1:443', '10.96.0.0/24', 'x'.repeat(5000)])
    assert.deepEqual(network({ KUBERNETES_SERVICE_HOST: text }), [null, []], text.slice(0, 20));
  const env = {
    EGRESS_PROXY_SERVICE_HOST: '10.96.0.250',
    TEAM_A_EGRESS_PROXY_SERVICE_HOST: '10.96.0.251',
    NOT_EGRESS_PROXYX_SERVICE_HOST: '10.96.0.9',
    N8N_SERVICE_HOST: '10.96.0.10',
  };
  assert.deepEqual(network(env, 'steer: { address: 10.96.0.252 }'), [
    null,
    ['10.96.0.252', '10.96.0.250', '10.96.0.251'],
  ]);
});

test('in a cluster, an exception for a name of one label is warned of', (t) => {
  const text = `version: 1
policy:
  internal:
    - { host: n8n, ports: [5678] }
    - { host: n8n.default.svc.cluster.local, ports: [5678] }
    - { host: "*.local", ports: [80] }
    - { address: 10.0.0.7, ports: [80] }
`;
  const [warning, ...others] = configOf(t, text, { KUBERNETES_SERVICE_HOST: '10.96.0.1' }).warnings;
  assert.deepEqual([warning?.path, warning?.line, others], ['policy.internal[0].host', 4, []]);
  assert.match(warning?.message ?? '', /n8n\.default\.svc\.cluster\.local/);
  assert.deepEqual(configOf(t, text).warnings, []);
});

test('metrics that tools can read are warned of: doors on every address, and nothing that says where tools are', (t) => {
  const warned = (text: string, env = {}) => configOf(t, `version: 1\n${text}\n`, env).warnings.map(({ path }) => path);
  const open = 'listen: { proxy: 0.0.0.0:3128, metrics: "0.0.0.0:9181" }';
  assert.deepEqual(warned(open), ['listen.metrics']);
  assert.deepEqual(warned('listen: { metrics: "[::]:9181" }\nsteer: { dns: "[::]:5353" }'), ['listen.metrics']);
  assert.deepEqual(warned(`${open}\nnetwork: { toolsRange: 172.31.250.0/25 }`), []);
  assert.deepEqual(warned('listen: { proxy: 0.0.0.0:3128, metrics: "127.0.0.1:9181" }'), []);
  assert.deepEqual(warned('listen: { proxy: 172.31.250.250:3128, metrics: "0.0.0.0:9181" }'), []);
  assert.deepEqual(warned(open, { KUBERNETES_SERVICE_HOST: '10.96.0.1' }), [], 'a NetworkPolicy says it there');
});

test('the delay before the drain is at most ten minutes, and absent by default', (t) => {
  const of = (text: string) => configOf(t, `version: 1\nlimits: { ${text} }\n`).limits.drainDelayMs;
  assert.deepEqual(
    [of(''), of('drainDelay: 0s'), of('drainDelay: 10s'), of('drainDelay: 10m')],
    [0, 0, 10_000, 600_000],
  );
  for (const wrong of ['11m', '10', '-1s', 'off']) {
    const [error] = errorsOf(t, `version: 1\nlimits: { drainDelay: "${wrong}" }\n`);
    assert.deepEqual([error?.path, error?.line], ['limits.drainDelay', 2]);
    assert.match(error?.expected ?? '', /a duration from 0s to 10m/);
  }
});
