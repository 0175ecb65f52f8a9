import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressFromBytes } from '../../proxy/core/address.js';
import type { Policy } from '../../proxy/core/policy.js';
import { classify, TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { type Family, hostRules } from '../../proxy/firewall/host-rules.js';
import { familyRules } from '../../proxy/firewall/iptables-rules.js';
import { expand, NO_VALUES } from '../../proxy/firewall/template.js';
import { edges } from './edges.js';
import { type Packet, parseRules, walk } from './iptables-walk.js';
import { addressOf, policy, port, rule } from './policies.js';

const SUBNET = '172.31.250.0/24';
const SUBNET6 = 'fd00:31:250::/64';
const TOOL = { 4: addressOf('172.31.250.7'), 6: addressOf('fd00:31:250::7') };
const VALUES = {
  ...NO_VALUES,
  subnet4: [SUBNET],
  subnet6: [SUBNET6],
  interface: ['br-tools'],
  dns4: ['192.168.1.53/32'],
  dns6: ['fd00:1::53/128'],
};

test('every address that the policy refuses is refused, and every other one passes', () => {
  const verdict = verdictOf(policy());
  for (const address of edges()) {
    const expected = classify(address, TABLE_ALONE).is.kind === 'global' ? 'RETURN' : 'REJECT';
    if (!isInSubnet(address)) assert.equal(verdict(address), expected, address.text);
  }
});

test('the rules agree with the policy for any address', () => {
  const verdict = verdictOf(policy());
  const bytes = fc.oneof(
    fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }),
    fc
      .array(fc.nat(255), { minLength: 4, maxLength: 4 })
      .map((inner) => [...addressOf('64:ff9b::').bytes.slice(0, 12), ...inner]),
    fc
      .array(fc.nat(255), { minLength: 4, maxLength: 4 })
      .map((inner) => [0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, ...inner]),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const address = addressFromBytes(value);
      fc.pre(!isInSubnet(address));
      assert.equal(
        verdict(address),
        classify(address, TABLE_ALONE).is.kind === 'global' ? 'RETURN' : 'REJECT',
        address.text,
      );
    }),
    { numRuns: 2000 },
  );
});

test('a NAT64 address is judged by the address inside it, under a prefix of the network too', () => {
  const own = verdictOf(policy({ nat64: [prefixOf('2a00:64::/96'), prefixOf('2a00:65::/64')] }));
  for (const nat64 of ['64:ff9b::', '2a00:64::']) {
    assert.equal(own(addressOf(`${nat64}10.0.0.1`)), 'REJECT');
    assert.equal(own(addressOf(`${nat64}169.254.169.254`)), 'REJECT');
    assert.equal(own(addressOf(`${nat64}168.63.129.16`)), 'REJECT');
    assert.equal(own(addressOf(`${nat64}8.8.8.8`)), 'RETURN');
  }
  assert.equal(own(addressOf('2a00:65::8:808:800:0')), 'REJECT', 'other lengths are refused whole');
  assert.equal(verdictOf(policy())(addressOf('2a00:64::10.0.0.1')), 'RETURN', 'a prefix that nobody configured');
});

test('the ranges of policy.private are refused, behind NAT64 too, and an exception opens one of their addresses', () => {
  const ranges = [prefixOf('34.118.224.0/20'), prefixOf('2600:1f14::/32')];
  const internal = [rule('internal[0]', { address: '34.118.225.7/32', ports: [port(443)] })];
  const nat64 = [prefixOf('2600:1f14:64::/96'), prefixOf('2a00:64::/96')];
  const own = policy({ private: ranges, nat64, internal });
  const verdict = verdictOf(own);
  for (const refused of [
    '34.118.224.1',
    '34.118.239.255',
    '2600:1f14::5',
    '64:ff9b::34.118.224.1',
    '2a00:64::34.118.224.1',
  ])
    assert.equal(verdict(addressOf(refused)), 'REJECT', refused);
  assert.equal(verdict(addressOf('2600:1f14:64::8.8.8.8')), 'REJECT', 'a NAT64 prefix within a private range');
  for (const passed of ['34.118.223.255', '34.118.240.0', '2600:1f15::5', '64:ff9b::8.8.8.8'])
    assert.equal(verdict(addressOf(passed)), 'RETURN', passed);
  const before = edges().filter((address) => verdictOf(policy())(address) === 'REJECT');
  for (const address of before) assert.equal(verdict(address), 'REJECT', address.text);
});

test('traffic inside the subnet and replies to inbound connections pass; to the host only replies do', () => {
  for (const family of [4, 6] as const) {
    const rules = rulesOf(policy(), family);
    const lan = addressOf(family === 4 ? '192.168.1.20' : 'fd00:1::20');
    const neighbour = addressOf(family === 4 ? '172.31.250.8' : 'fd00:31:250::8');
    const to = (destination: Address, isReply: boolean) => packet(family, { destination, isReply });
    assert.equal(walk(rules, 'MCP-EGRESS-FORWARD', to(neighbour, false)), 'RETURN');
    assert.equal(walk(rules, 'MCP-EGRESS-FORWARD', to(lan, true)), 'RETURN');
    assert.equal(walk(rules, 'MCP-EGRESS-FORWARD', to(lan, false)), 'REJECT');
    assert.equal(walk(rules, 'MCP-EGRESS-INPUT', to(lan, true)), 'RETURN');
    assert.equal(walk(rules, 'MCP-EGRESS-INPUT', to(neighbour, false)), 'REJECT');
    assert.equal(walk(rules, 'MCP-EGRESS-INPUT', to(lan, false)), 'REJECT');
  }
});

test('nobody else is judged, and a forged source on the named bridge is, without an answer that would carry it on', () => {
  const rules = rulesOf(policy(), 4);
  const stranger = { source: addressOf('172.18.0.2'), destination: addressOf('192.168.1.20') };
  assert.equal(walk(rules, 'MCP-EGRESS-FORWARD', packet(4, { ...stranger, inward: 'docker0' })), 'RETURN');
  assert.equal(walk(rules, 'MCP-EGRESS-INPUT', packet(4, { ...stranger, inward: 'docker0' })), 'RETURN');
  assert.equal(walk(rules, 'MCP-EGRESS-FORWARD', packet(4, { ...stranger, inward: 'br-tools' })), 'DROP');
  assert.equal(walk(rules, 'MCP-EGRESS-INPUT', packet(4, { ...stranger, inward: 'br-tools' })), 'DROP');
});

test('DNS reaches the named resolvers only, and these on port 53 only', () => {
  const rules = rulesOf(policy(), 4);
  const ask = (destination: string, protocol: Packet['protocol'], to: number) =>
    walk(rules, 'MCP-EGRESS-FORWARD', packet(4, { destination: addressOf(destination), protocol, port: to }));
  for (const protocol of ['udp', 'tcp'] as const) {
    assert.equal(ask('192.168.1.53', protocol, 53), 'RETURN');
    assert.equal(ask('192.168.1.53', protocol, 443), 'REJECT');
    assert.equal(ask('192.168.1.54', protocol, 53), 'REJECT');
    assert.equal(ask('8.8.8.8', protocol, 53), 'REJECT');
    assert.equal(ask('8.8.8.8', protocol, 853), 'REJECT');
    assert.equal(ask('8.8.8.8', protocol, 443), 'RETURN');
  }
});

test('internal exceptions open their address and TCP ports on the way out and on the host, and nothing in never', () => {
  const rules = rulesOf(
    policy({
      internal: [
        rule('internal[0]', { address: '192.168.1.20/32', ports: [port(443)] }),
        rule('internal[1]', { address: '169.254.0.0/16', ports: [port(80)] }),
        rule('internal[2]', { address: '192.168.1.21/32', ports: [port(443)], clients: ['nas'] }),
        rule('internal[3]', { host: 'n8n', ports: [port(5678)] }),
      ],
    }),
    4,
  );
  const to = (chain: string, destination: string, number: number, protocol: Packet['protocol'] = 'tcp') =>
    walk(rules, chain, packet(4, { destination: addressOf(destination), port: number, protocol }));
  for (const chain of ['MCP-EGRESS-FORWARD', 'MCP-EGRESS-INPUT']) {
    assert.equal(to(chain, '192.168.1.20', 443), 'RETURN');
    assert.equal(to(chain, '192.168.1.20', 444), 'REJECT');
    assert.equal(to(chain, '192.168.1.20', 443, 'udp'), 'REJECT');
    assert.equal(to(chain, '169.254.169.254', 80), 'REJECT');
    assert.equal(to(chain, '192.168.1.21', 443), 'REJECT');
    assert.equal(to(chain, '192.168.1.22', 5678), 'REJECT');
  }
});

test('deny rules by address and by port refuse, before any exception', () => {
  const verdict = verdictOf(
    policy({
      deny: [rule('deny[0]', { address: '9.9.9.0/24' }), rule('deny[1]', { ports: [port(25)] })],
      internal: [rule('internal[0]', { address: '9.9.9.9/32', ports: [port(443)] })],
    }),
  );
  assert.equal(verdict(addressOf('9.9.9.9')), 'REJECT');
  assert.equal(verdict(addressOf('64:ff9b::9.9.9.9')), 'REJECT');
  assert.equal(verdict(addressOf('9.9.8.9')), 'RETURN');
  assert.equal(verdict(addressOf('9.9.8.9'), 25), 'REJECT');
  assert.equal(verdict(addressOf('2a00::1'), 25), 'REJECT');
});

test('with default none only the allow rules by address open anything', () => {
  const verdict = verdictOf(
    policy({
      default: 'none',
      allow: [
        rule('allow[0]', { address: '9.9.9.0/24', ports: [port(443)] }),
        rule('allow[1]', { host: '*.github.com', ports: [port(443)] }),
        rule('allow[2]', { address: '10.0.0.0/8' }),
      ],
    }),
  );
  assert.equal(verdict(addressOf('9.9.9.9')), 'RETURN');
  assert.equal(verdict(addressOf('64:ff9b::9.9.9.9')), 'RETURN');
  assert.equal(verdict(addressOf('9.9.9.9'), 80), 'REJECT');
  assert.equal(verdict(addressOf('8.8.8.8')), 'REJECT');
  assert.equal(verdict(addressOf('2a00::1')), 'REJECT');
  assert.equal(verdict(addressOf('10.0.0.1')), 'REJECT', 'allow does not open special-purpose addresses');
});

test('the notes say what a packet does not show', () => {
  const { notes } = hostRules(
    policy({
      mode: 'report',
      deny: [rule('deny[0]', { host: 'a.example' }), rule('deny[1]', { address: '9.9.9.9/32', clients: ['x'] })],
      internal: [rule('internal[0]', { host: 'n8n', ports: [port(5678)] })],
    }),
  );
  assert.deepEqual(
    notes.map((note) => note.split(' ')[0]),
    ['internal[0]', 'deny[1]', 'deny[0]', 'mode'],
  );
});

function rulesOf(of: Policy, family: Family) {
  return parseRules(expand(familyRules(hostRules(of), family), VALUES));
}

function verdictOf(of: Policy): (destination: Address, port?: number) => string {
  const rules = { 4: rulesOf(of, 4), 6: rulesOf(of, 6) };
  return (destination, to = 443) =>
    walk(rules[destination.family], 'MCP-EGRESS-FORWARD', packet(destination.family, { destination, port: to }));
}

function packet(family: Family, changes: Partial<Packet>): Packet {
  const source = TOOL[family];
  const usual = { protocol: 'tcp', port: 443, isReply: false, inward: 'br-tools', outward: 'eth0' } as const;
  return { source, destination: source, ...usual, ...changes };
}

function isInSubnet(address: Address): boolean {
  return (
    address.text.startsWith('172.31.250.') ||
    address.text.startsWith('fd00:31:250:0:') ||
    address.text.startsWith('fd00:31:250::')
  );
}

function prefixOf(text: string) {
  const { address } = rule('allow[0]', { address: text });
  if (address === null) throw new Error(`${text} is no prefix`);
  return address;
}
