import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorityText, parseDnsName } from '../../proxy/core/target.js';
import { configOf } from './fixture.js';

const FULL = `version: 1
listen: { proxy: "0.0.0.0:3128", socks: "[::]:1080" }
dns: { servers: ["9.9.9.9", "[2620:fe::fe]:53"], timeout: 500ms }
steer: { dns: "172.31.250.250:53" }
relay: [ { listen: "0.0.0.0:8811", to: "gateway:8811" }, { listen: off, to: "unused:80" } ]
policy:
  default: public
  allow: [ { host: "*.GitHub.com", ports: [443, "7800-7807"], clients: [github] } ]
  deny: [ { host: a.example }, { address: 198.51.100.0/24 } ]
  internal: [ { address: 192.168.1.20, ports: [443] } ]
clients:
  - { name: github, token: 0123456789abcdef }
  - { name: nas, address: 172.31.250.7/32 }
log: { file: { path: /var/log/egress.log, maxSize: 1MiB, keep: 3 } }
`;

test('the file becomes a Config with units in the names, and rules that are named by their position', (t) => {
  const config = configOf(t, FULL);
  const [allow] = config.policy.allow;
  assert.deepEqual(
    [...config.policy.deny, ...config.policy.internal, ...config.policy.allow].map(({ id }) => id),
    ['deny[0]', 'deny[1]', 'internal[0]', 'allow[0]'],
  );
  const below = parseDnsName('api.github.com');
  const apex = parseDnsName('github.com');
  assert.ok(below !== null && apex !== null && allow?.host);
  assert.ok(allow.host.matches(below) && !allow.host.matches(apex));
  assert.deepEqual(allow.ports, [
    { from: 443, to: 443 },
    { from: 7800, to: 7807 },
  ]);
  assert.ok(allow.clients?.has('github'));
  assert.equal(config.policy.deny[1]?.address?.text, '198.51.100.0/24');
  assert.equal(config.policy.internal[0]?.address?.text, '192.168.1.20/32');
  assert.deepEqual(config.dns, { servers: ['9.9.9.9', '[2620:fe::fe]:53'], timeoutMs: 500 });
  assert.deepEqual(config.steer, { dns: { host: '172.31.250.250', port: 53 }, http: null, tls: null });
  assert.deepEqual(
    config.relay.map(({ listen, to, policy }) => [listen, authorityText(to), policy.default, policy.internal[0]?.id]),
    [[{ host: '0.0.0.0', port: 8811 }, 'gateway:8811', 'none', 'relay[0]']],
  );
  assert.deepEqual(config.log.file, { path: '/var/log/egress.log', maxSizeBytes: 1_048_576, keep: 3 });
  assert.deepEqual(
    config.clients.map(({ name, token, address }) => [name, token, address?.text ?? null]),
    [
      ['github', '0123456789abcdef', null],
      ['nas', null, '172.31.250.7/32'],
    ],
  );
});

test('the Config is frozen at every depth, sets included', (t) => {
  const config = configOf(t, FULL);
  const thaw = (value: unknown, path: string): string[] => {
    if (typeof value !== 'object' || value === null) return [];
    const below = Object.entries(value).flatMap(([key, item]) => thaw(item, `${path}.${key}`));
    return Object.isFrozen(value) ? below : [path, ...below];
  };
  assert.deepEqual(thaw(config, 'config'), []);
  const clients: unknown = config.policy.allow[0]?.clients;
  assert.ok(clients instanceof Set);
  assert.throws(() => clients.add('other'), TypeError);
  assert.throws(() => clients.clear(), TypeError);
});

test('the digest follows what decides, not how it is written or which token a client has', (t) => {
  const digest = configOf(t, FULL).digest();
  assert.match(digest, /^[0-9a-f]{64}$/);
  const same = [
    FULL.replace('0123456789abcdef', 'fedcba9876543210'),
    FULL.replace('*.GitHub.com', '*.github.com'),
    FULL.replace('192.168.1.20,', '192.168.1.20/32,'),
    FULL.replace('default: public', 'mode: enforce\n  sni: log\n  default: public'),
    FULL.replace('9.9.9.9', '1.1.1.1'),
  ];
  const different = [
    FULL.replace('default: public', 'default: none'),
    FULL.replace('default: public', 'default: public\n  mode: report'),
    FULL.replace('default: public', 'default: public\n  sni: off'),
    FULL.replace('default: public', 'default: public\n  nat64: ["fd64::/96"]'),
    FULL.replace('7807', '7808'),
    FULL.replace(', clients: [github]', ''),
    FULL.replace('name: nas', 'name: nas2'),
    FULL.replace('a.example', 'b.example'),
  ];
  for (const text of same) assert.equal(configOf(t, text).digest(), digest, text);
  const digests = different.map((text) => configOf(t, text).digest());
  assert.equal(new Set([digest, ...digests]).size, different.length + 1);
});
