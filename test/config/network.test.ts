import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../proxy/config/config.js';
import { configOf, errorsOf } from './fixture.js';

function hostAddresses(context: TestContext, network: string, env = {}): string[] {
  const config = configOf(context, `version: 1\n${network}\n`, env);
  return config.network.hostAddresses.map((entry) =>
    entry.kind === 'prefix' ? entry.prefix.text : entry.kind === 'name' ? entry.name : `<${entry.kind}>`,
  );
}

test('the addresses of the host are addresses, prefixes, names and the next hop', (context) => {
  const list = 'network: { hostAddresses: [203.0.113.7, "2001:db8::/64", Home.Example.net, gateway] }';
  const expected = ['203.0.113.7/32', '2001:db8::/64', 'home.example.net', '<gateway>'];
  assert.deepEqual(hostAddresses(context, list), expected);
  const text = 'network: { hostAddresses: "203.0.113.7,2001:db8::/64 home.example.net, gateway" }';
  assert.deepEqual(hostAddresses(context, text), expected);
  assert.deepEqual(hostAddresses(context, ''), []);
});

test('the environment adds to them, with a key in the file and without one', (context) => {
  const env = { EGRESS_HOST_ADDRESSES: 'gateway,, 203.0.113.7 ' };
  assert.deepEqual(hostAddresses(context, '', env), ['<gateway>', '203.0.113.7/32']);
  assert.deepEqual(hostAddresses(context, 'network:', env), ['<gateway>', '203.0.113.7/32']);
  const both = hostAddresses(context, 'network: { hostAddresses: [198.51.100.1] }', env);
  assert.deepEqual(both, ['198.51.100.1/32', '<gateway>', '203.0.113.7/32']);
  const filled = 'network: { hostAddresses: "${OTHER:-}" }';
  assert.deepEqual(hostAddresses(context, filled, env), ['<gateway>', '203.0.113.7/32']);
  assert.deepEqual(hostAddresses(context, '', { EGRESS_HOST_ADDRESSES: '' }), []);
});

test('what is no address of a host is an error, in the file and in the environment', (context) => {
  const bad = ['203.0.113', '203.0.113.7/24', '203.0.113.7:80', '::ffff:203.0.113.7', '64:ff9b::203.0.113.7', 'a b'];
  for (const text of bad.slice(0, 5)) {
    const errors = errorsOf(context, `version: 1\nnetwork: { hostAddresses: ["${text}"] }\n`);
    assert.deepEqual(
      errors.map(({ path, value }) => [path, value]),
      [['network.hostAddresses[0]', `"${text}"`]],
    );
    const byVariable = errorsOf(context, 'version: 1\n', { EGRESS_HOST_ADDRESSES: text });
    assert.deepEqual(
      byVariable.map(({ path }) => path),
      ['network.hostAddresses[0]'],
    );
  }
});

const warningsOf = (config: Config): string[] => config.warnings.map(({ path }) => path);

test('a client by an address that any container may get is a warning, but not with a token', (context) => {
  const clients = `clients:
  - { name: inside, address: 172.31.250.7/32 }
  - { name: around, address: 172.31.0.0/16 }
  - { name: outside, address: 172.31.250.200/32 }
  - { name: both, address: 172.31.250.8/32, token: 0123456789abcdef }
  - { name: token, token: 0123456789abcdeg }
`;
  const range = 'network: { toolsRange: 172.31.250.0/25 }\n';
  assert.deepEqual(warningsOf(configOf(context, `version: 1\n${range}${clients}`)), [
    'clients[0].address',
    'clients[1].address',
  ]);
  const env = { EGRESS_TOOLS_RANGE: '172.31.250.192/26' };
  assert.deepEqual(warningsOf(configOf(context, `version: 1\n${clients}`, env)), [
    'clients[1].address',
    'clients[2].address',
  ]);
  assert.deepEqual(warningsOf(configOf(context, `version: 1\n${range}${clients}`, env)).length, 2, 'the file wins');
  assert.deepEqual(warningsOf(configOf(context, `version: 1\n${clients}`)), []);
});
