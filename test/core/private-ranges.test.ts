/** policy.private, and what the cluster around the proxy is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressFromBytes, parsePrefix } from '../../proxy/core/address.js';
import { classify, RANGES, TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { addressOf, type Case, type PolicyText, runCases } from './policy-question.js';

const GKE: PolicyText = { private: ['34.118.224.0/20', '2600:1f14::/32'] };
const BY = 'private:34.118.224.0/20';
const EXCEPTED: PolicyText = {
  ...GKE,
  internal: [
    { host: 'n8n.default.svc.cluster.local', ports: [5678] },
    { address: '34.118.225.7/32', ports: [443] },
    { address: '2600:1f14:abcd::5/128', ports: [443] },
  ],
};
const NAT64: PolicyText = { ...GKE, nat64: ['2001:db8:64::/96', '2600:1f14:64::/96'] };

const RANGES_CASES: readonly Case[] = [
  ['the first address', GKE, '34.118.224.0:443', [], `deny address-prohibited ${BY}`],
  ['the last address', GKE, '34.118.239.255:443', [], `deny address-prohibited ${BY}`],
  ['one before it', GKE, '34.118.223.255:443', [], 'allow default'],
  ['one behind it', GKE, '34.118.240.0:443', [], 'allow default'],
  ['IPv6', GKE, '[2600:1f14:abcd::5]:443', [], 'deny address-prohibited private:2600:1f14::/32'],
  ['one behind it in IPv6', GKE, '[2600:1f15::]:443', [], 'allow default'],
  ['by a name', GKE, 'kubernetes.example:443', ['34.118.224.1'], `deny address-prohibited ${BY}`],
  ['one address of two', GKE, 'rebind.example:443', ['93.184.215.14', '34.118.224.1'], `deny mixed-answer ${BY}`],
  ['in any spelling', GKE, '0x2276e001:443', [], `deny address-prohibited ${BY}`],
  ['IPv4-mapped', GKE, '[::ffff:34.118.224.1]:443', [], `deny address-prohibited ${BY}`],
  ['behind NAT64', GKE, '[64:ff9b::34.118.224.1]:443', [], `deny address-prohibited ${BY}`],
  ["behind the network's NAT64", NAT64, '[2001:db8:64::34.118.224.1]:443', [], `deny address-prohibited ${BY}`],
  [
    'a NAT64 prefix within one',
    NAT64,
    '[2600:1f14:64::8.8.8.8]:443',
    [],
    'deny address-prohibited private:2600:1f14::/32',
  ],
  ['6to4 stays what it is', GKE, '[2002:2276:e001::1]:443', [], 'deny address-prohibited never:6to4'],
  ['mode report', { ...GKE, mode: 'report' }, '34.118.224.1:443', [], `allow report but address-prohibited ${BY}`],
  [
    'an allow rule',
    { ...GKE, default: 'none', allow: [{ address: '34.118.224.0/20' }] },
    '34.118.224.1:443',
    [],
    `deny address-prohibited ${BY}`,
  ],
  [
    'deny comes first',
    { ...EXCEPTED, deny: [{ address: '34.118.225.7/32' }] },
    '34.118.225.7:443',
    [],
    'deny address-denied deny[0]',
  ],
  ['a host exception', EXCEPTED, 'n8n.default.svc.cluster.local:5678', ['34.118.226.9'], 'allow internal[0]'],
  [
    'a host exception, another port',
    EXCEPTED,
    'n8n.default.svc.cluster.local:80',
    ['34.118.226.9'],
    `deny address-prohibited ${BY}`,
  ],
  ['an address exception', EXCEPTED, '34.118.225.7:443', [], 'allow internal[1]'],
  ['an address exception, IPv4-mapped', EXCEPTED, '[::ffff:34.118.225.7]:443', [], 'allow internal[1]'],
  ['an address exception in IPv6', EXCEPTED, '[2600:1f14:abcd::5]:443', [], 'allow internal[2]'],
];
runCases('private', RANGES_CASES);

const OVER_NEVER: PolicyText = {
  private: ['169.254.0.0/16', '127.0.0.0/8', '10.0.0.0/8', '168.63.128.0/17'],
  internal: [{ host: 'a.test', ports: [80] }],
};
runCases('private over what the table knows', [
  ['link-local', OVER_NEVER, 'a.test:80', ['169.254.1.1'], 'deny address-prohibited never:169.254.0.0/16'],
  ['metadata', OVER_NEVER, 'a.test:80', ['168.63.129.16'], 'deny metadata-address never:168.63.129.16/32'],
  [
    'loopback is not opened by a name',
    OVER_NEVER,
    'a.test:80',
    ['127.0.0.1'],
    'deny address-prohibited special:127.0.0.0/8',
  ],
  ['private-use is what it was', OVER_NEVER, 'a.test:80', ['10.0.0.1'], 'allow internal[0]'],
]);

test('no range loosens anything: what was refused is refused as before, and nothing else is allowed', () => {
  const bytes = fc.oneof(
    fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }),
    fc.constantFrom(...RANGES.map(({ prefix }) => [...prefix.address.bytes])),
  );
  const ranges = fc.array(
    fc.constantFrom('0.0.0.0/1', '34.0.0.0/8', '169.254.0.0/16', '127.0.0.0/8', '2000::/4', 'fc00::/7', 'fe80::/10'),
  );
  fc.assert(
    fc.property(bytes, ranges, (value, texts) => {
      const address = addressFromBytes(value);
      const before = classify(address, TABLE_ALONE).is;
      const after = classify(address, { nat64: [], private: texts.flatMap((text) => parsePrefix(text) ?? []) }).is;
      if (before.kind === 'global') assert.ok(after.kind === 'global' || after.id.startsWith('private:'));
      else assert.deepEqual(after, before);
    }),
  );
});

const IN_CLUSTER = { apiServer: '34.118.224.1', ownAddresses: ['34.118.224.250'] };
const WIDE_OPEN: PolicyText = {
  private: ['34.118.224.0/20'],
  internal: [{ address: '34.118.224.0/20', ports: [443] }],
  allow: [{ ports: [443] }],
};
runCases('the cluster', [
  ['the API server', WIDE_OPEN, '34.118.224.1:443', [], 'deny address-prohibited never:kubernetes', IN_CLUSTER],
  [
    'the API server in mode report',
    { ...WIDE_OPEN, mode: 'report' },
    '34.118.224.1:443',
    [],
    'deny address-prohibited never:kubernetes',
    IN_CLUSTER,
  ],
  [
    'the API server without policy.private',
    {},
    '34.118.224.1:6443',
    [],
    'deny address-prohibited never:kubernetes',
    IN_CLUSTER,
  ],
  [
    'the API server, IPv4-mapped',
    WIDE_OPEN,
    '[::ffff:34.118.224.1]:443',
    [],
    'deny address-prohibited never:kubernetes',
    IN_CLUSTER,
  ],
  [
    'the API server behind NAT64',
    WIDE_OPEN,
    '[64:ff9b::34.118.224.1]:443',
    [],
    'deny address-prohibited never:kubernetes',
    IN_CLUSTER,
  ],
  [
    'the API server by a name',
    WIDE_OPEN,
    'api.example:443',
    ['34.118.224.1'],
    'deny address-prohibited never:kubernetes',
    IN_CLUSTER,
  ],
  ['its neighbour', WIDE_OPEN, '34.118.224.2:443', [], 'allow internal[0]', IN_CLUSTER],
  ['the own Service', WIDE_OPEN, '34.118.224.250:443', [], 'deny own-listener never:own', IN_CLUSTER],
]);

test('the class of a private address says where it was called so', () => {
  const prefix = parsePrefix('34.118.224.0/20');
  assert.ok(prefix !== null);
  const kind = classify(addressOf('34.118.224.1'), { ...TABLE_ALONE, private: [prefix] }).is;
  assert.ok(kind.kind === 'special');
  assert.equal(kind.what, 'private here, 34.118.224.0/20 (policy.private)');
});
