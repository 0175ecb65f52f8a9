import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { memoryForOthers, processMemory } from '../../proxy/config/memory-limit.js';
import { jsonSchema } from '../../proxy/config/schema.js';
import { configOf, errorsOf, repository } from './fixture.js';

test('config/policy.schema.json is what the schema says: npm run schema writes it', () => {
  const onDisk: unknown = JSON.parse(readFileSync(new URL('config/policy.schema.json', repository), 'utf8'));
  assert.deepEqual(onDisk, JSON.parse(JSON.stringify(jsonSchema())));
});

test('a file with nothing but its version opens nothing', (t) => {
  const config = configOf(t, 'version: 1\n');
  assert.deepEqual(config.policy, {
    mode: 'enforce',
    default: 'none',
    sni: 'enforce',
    clients: 'optional',
    showAddresses: 'named',
    deny: [],
    internal: [],
    allow: [],
    nat64: [],
    private: [],
    asks: false,
    paused: { all: false, clients: new Set() },
    perClient: new Map(),
  });
  const { proxy, admin, ...others } = config.listen;
  assert.deepEqual(
    [proxy, admin],
    [
      { host: '127.0.0.1', port: 3128 },
      { host: '127.0.0.1', port: 9180 },
    ],
  );
  assert.ok(Object.values(others).every((at) => at === null));
  assert.deepEqual(config.steer, { dns: null, http: null, tls: null });
  assert.deepEqual(config.answers, { address: [], names: [], search: [], peers: [] });
  assert.deepEqual(config.dns, { servers: [], timeoutMs: 3000 });
  assert.deepEqual(config.log, { level: 'info', format: null, file: null });
  assert.deepEqual(config.limits, {
    connections: 4096,
    connectionsPerClient: 512,
    headerBytes: 16_384,
    headerFields: 100,
    memoryBytes: memoryForOthers(processMemory()),
    headerTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 300_000,
    drainTimeoutMs: 30_000,
    drainDelayMs: 0,
  });
});

test('the TLS server name is logged with default public, enforced with default none, or as the file says', (t) => {
  const sni = (policy: string) => configOf(t, `version: 1\npolicy: { ${policy} }\n`).policy.sni;
  assert.equal(sni('default: public'), 'log');
  assert.equal(sni('default: none'), 'enforce');
  assert.equal(sni('default: none, sni: off'), 'off');
});

test('a section or list whose lines are all commented out is the same as none', (t) => {
  const sections = ['listen', 'admin', 'dns', 'steer', 'relay', 'policy', 'clients', 'limits', 'log'];
  const config = configOf(t, `version: 1\n${sections.map((key) => `${key}:\n`).join('')}`);
  assert.equal(config.policy.default, 'none');
  assert.deepEqual(configOf(t, 'version: 1\npolicy:\n  allow:\n  deny:\n  internal:\n').policy.allow, []);
});

test('a version other than 1, or none, is an error', (t) => {
  for (const text of ['version: 2\n', 'version: "1"\n', 'policy: {}\n'])
    assert.deepEqual(
      errorsOf(t, text).map(({ path }) => path),
      ['version'],
    );
});

const SCALARS: [template: string, good: string[], bad: string[]][] = [
  [
    'listen: { proxy: # }',
    ['127.0.0.1:3128', '"[::]:0"', 'localhost:3128', '0.0.0.0:65535'],
    [
      '"::1:3128"',
      '127.0.0.1',
      '":3128"',
      '"*:3128"',
      '127.0.0.1:65536',
      '127.0.0.1:080',
      '"[::1%eth0]:80"',
      'off',
      'null',
    ],
  ],
  ['listen: { admin: # }', ['off', 'null', '"[::1]:0"'], ['on', 'false', '""', '9180']],
  [
    'relay: [ { listen: "0.0.0.0:8811", to: # } ]',
    ['gateway:8811', '"[fd00::1]:80"'],
    ['gateway', 'gateway:0', '"a b:1"'],
  ],
  [
    'dns: { servers: [ # ] }',
    ['9.9.9.9', '9.9.9.9:5353', '"2620:fe::fe"', '"[2620:fe::fe]:53"'],
    ['dns.example', '9.9.9.9:0', '"[9.9.9.9]:53"', '010.0.0.1', '"[2620:fe::fe]"'],
  ],
  [
    'dns: { timeout: # }',
    ['1ms', '500ms', '3s', '5m', '24h'],
    ['3', '3 s', '0s', '25h', '1.5s', '-1s', '1d', '""', '3S'],
  ],
  [
    'limits: { headerBytes: # }',
    ['1KiB', '16KiB', '1MiB', '4096B', '4096'],
    ['16KB', '16k', '2MiB', '1023', '0', '1.5KiB', '""'],
  ],
  ['limits: { connections: # }', ['1', '"4096"'], ['0', '-1', '1.5', 'many', 'true', '.inf', '""']],
  ['log: { level: # }', ['debug', 'error'], ['trace', 'INFO', '3']],
  [
    'log: { file: # }',
    ['null', '{ path: /tmp/a }', '{ path: a, maxSize: 1GiB, keep: 1 }'],
    ['/tmp/a', '{}', '{ path: "" }', '{ path: a, keep: 0 }'],
  ],
  ['policy: { mode: # }', ['enforce', 'report'], ['off', 'Report']],
  ['policy: { default: # }', ['public', 'none'], ['private', 'allow', 'null']],
  [
    'policy: { deny: [ { host: # } ] }',
    ['a', 'a.b.', '"*.a"', '"*.a.b"', '_dmarc.example.com', 'XN--MNCHEN-3YA.de'],
    [
      '"*"',
      '"*.*.a"',
      '"a.*"',
      'a..b',
      '1.2.3.4',
      '0x7f.1',
      '"*.0.0.1"',
      '"::1"',
      '"[::1]"',
      '10.0.0.0/8',
      'a:443',
      'https://a/',
      'münchen.de',
      '""',
      'null',
    ],
  ],
  [
    'policy: { deny: [ { address: # } ] }',
    ['1.2.3.4', '198.51.100.0/24', '"::1"', 'fd00::/8', '0.0.0.0/0'],
    ['198.51.100.1/24', '1.2.3.4/33', '1.2.3', '01.2.3.4', 'example.com', '"[::1]"', '"fe80::1%eth0"', 'null'],
  ],
  [
    'policy: { deny: [ { ports: # } ] }',
    ['[25]', '["25"]', '["7800-7807", 1, 65535]', '[7800-7807]'],
    ['25', '[]', '[0]', '[65536]', '["2-1"]', '["1-2-3"]', '["-1"]', '["1-"]', '["0-9"]', '[1.5]', '[null]', 'null'],
  ],
  [
    'policy: { nat64: [ # ] }',
    ['2001:db8:64::/96', 'fd64::/64', '64:ff9b:1::/48'],
    ['2001:db8:64::/95', '10.0.0.0/32', 'fd00:ec2::/32', '::/96', '2002::/32'],
  ],
  ['clients: [ { name: #, address: 10.0.0.1 } ]', ['a', 'n8n_1.x-y'], ['""', 'a b', '"a:b"', '1', '"a\\n"']],
  [
    'clients: [ { name: a, token: # } ]',
    ['0123456789abcdef', 'short'],
    ['""', '"0123456789 abcdef"', '12345678901234567', 'null'],
  ],
  ['admin: { token: # }', ['0123456789abcdef', 'short', 'off'], ['""', '"a b"', 'null']],
];

for (const [template, good, bad] of SCALARS) {
  test(`values of ${template}`, (t) => {
    const errors = (value: string) => errorsOf(t, `version: 1\n${template.replace('#', value)}\n`);
    for (const value of good) assert.deepEqual(errors(value), [], value);
    for (const value of bad) assert.equal(errors(value).length, 1, `${value}: ${JSON.stringify(errors(value))}`);
  });
}
