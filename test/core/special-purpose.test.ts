import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { isNat64Length } from '../../proxy/core/embedded.js';
import { classify, classifyName, isLocalhost, RANGES, TABLE_ALONE } from '../../proxy/core/special-purpose.js';
import { RANGE_EDGES } from './range-edges.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null, text);
  return parsed;
}

const kindOf = (text: string): string => classify(address(text), TABLE_ALONE).is.kind;

for (const [prefix, first, last, before, after] of RANGE_EDGES) {
  test(`${prefix} is refused from its first to its last address`, () => {
    assert.notEqual(kindOf(first), 'global', first);
    assert.notEqual(kindOf(last), 'global', last);
  });
  test(`the neighbours of ${prefix} are what they are`, () => {
    for (const neighbour of [before, after].filter((text) => text !== '-')) {
      const isPublic = neighbour.startsWith('+');
      const kind = kindOf(neighbour.replace('+', ''));
      assert.equal(kind === 'global', isPublic, neighbour);
    }
  });
}

test('every range with edges is in the table of the product, but for the parts of the space outside 2000::/3', () => {
  const known = new Set(RANGES.map((range) => range.prefix.text));
  const missing = RANGE_EDGES.map(([prefix]) => parsePrefix(prefix)?.text ?? prefix).filter((text) => !known.has(text));
  const outside = ['::/8', '100::/8', '200::/7', '400::/6', '800::/5', '1000::/4', '8000::/2', 'c000::/3', 'e000::/4'];
  assert.deepEqual(missing.toSorted(), [...outside, 'f000::/5', 'f800::/6', 'fe00::/9'].toSorted());
});

const METADATA = [
  ...['169.254.169.254', '169.254.169.253', '169.254.169.123', '169.254.170.2', '169.254.170.23', '169.254.169.250'],
  ...['168.63.129.16', '100.100.100.200', '192.0.0.192', '169.254.0.23', '169.254.10.10', '169.254.42.42'],
  ...['fd00:ec2::254', 'fd00:ec2::253', 'fd00:ec2::123', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:100::100:200'],
  ...['fd00:c1::a9fe:a9fe', 'fd00:42::42', 'fd00:a9fe:a9fe::1', 'fe80::a9fe:a9fe'],
];

for (const text of METADATA) {
  test(`${text} is a metadata address that no rule opens`, () => {
    const found = classify(address(text), TABLE_ALONE).is;
    assert.ok(found.kind === 'never' && found.metadata);
    assert.match(found.what, /\(.+\)$/);
  });
}

test('an address beside a metadata address is no metadata address', () => {
  for (const text of ['169.254.169.252', '168.63.129.17', '100.100.100.199', 'fd00:ec2::255', 'fd20:ce::253']) {
    const found = classify(address(text), TABLE_ALONE).is;
    assert.ok(found.kind === 'global' || !found.metadata, text);
  }
});

const NEVER = [
  ...['0.0.0.0', '0.1.2.3', '169.254.1.1', '224.0.0.1', '239.255.255.250', '255.255.255.255', '::', 'fe80::1'],
  ...[
    'febf::1',
    'ff02::1',
    'ff0e::1',
    '::2',
    '::10.0.0.1',
    '::8.8.8.8',
    '2002:0808:0808::1',
    '2001::1',
    '64:ff9b:1::1',
  ],
  ...['::ffff:0:8.8.8.8', '2606:4700::5efe:1.1.1.1', '2606:4700::200:5efe:1.1.1.1', 'fe80::5efe:8.8.8.8'],
];

test('no rule opens unspecified, link-local, multicast, broadcast or deprecated embeddings', () => {
  for (const text of NEVER) assert.equal(kindOf(text), 'never', text);
});

const BY_NAME: readonly (readonly [text: string, opens: boolean])[] = [
  ['10.0.0.1', true],
  ['172.31.255.255', true],
  ['192.168.1.1', true],
  ['100.64.0.1', true],
  ['100.100.100.100', true],
  ['fd00::1', true],
  ['fd7a:115c:a1e0::53', true],
  ['::ffff:10.0.0.1', true],
  ['127.0.0.1', false],
  ['::1', false],
  ['198.18.0.1', false],
  ['240.0.0.1', false],
  ['192.0.2.1', false],
  ['fec0::1', false],
  ['4000::1', false],
  ['2001:db8::1', false],
];

test('a rule by host name may open private-use, shared and unique-local addresses, and nothing else', () => {
  for (const [text, opens] of BY_NAME) {
    const found = classify(address(text), TABLE_ALONE).is;
    assert.ok(found.kind === 'special', text);
    assert.equal(found.opensByName, opens, text);
  }
});

/** The same four bytes in each decoded form: the class of the outer address is that of the inner one. */
const INNER = [
  '10.0.0.1',
  '127.0.0.1',
  '169.254.169.254',
  '168.63.129.16',
  '0.0.0.0',
  '100.64.0.1',
  '8.8.8.8',
  '1.1.1.1',
];

test('an IPv4-mapped and a NAT64 address are judged by the IPv4 address inside', () => {
  for (const inner of INNER)
    for (const form of [`::ffff:${inner}`, `64:ff9b::${inner}`]) {
      const found = classify(address(form), TABLE_ALONE).is;
      const expected = classify(address(inner), TABLE_ALONE).is;
      assert.equal(found.kind, expected.kind, form);
      assert.deepEqual(
        found.kind !== 'global' && found.metadata,
        expected.kind !== 'global' && expected.metadata,
        form,
      );
    }
});

test('every other form that carries an IPv4 address is refused, of a public address too', () => {
  for (const inner of INNER) {
    const [a = 0, b = 0, c = 0, d = 0] = address(inner).bytes;
    const groups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
    const inverted = `${((a ^ 255) * 256 + (b ^ 255)).toString(16)}:${((c ^ 255) * 256 + (d ^ 255)).toString(16)}`;
    const forms = [`::${inner}`, `::ffff:0:${inner}`, `64:ff9b:1::${inner}`, `2002:${groups}::1`];
    forms.push(`2001:0:4136:e378:8000:63bf:${inverted}`, `2606:4700::5efe:${inner}`, `fe80::200:5efe:${inner}`);
    for (const form of forms) assert.equal(kindOf(form), 'never', form);
  }
});

/** RFC 6052 section 2.4: 192.0.2.33 under each prefix length. */
const RFC_6052: readonly (readonly [prefix: string, bits: number, outer: string])[] = [
  ['2001:db8::', 32, '2001:db8:c000:221::'],
  ['2001:db8:100::', 40, '2001:db8:1c0:2:21::'],
  ['2001:db8:122::', 48, '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::', 56, '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::', 64, '2001:db8:122:344:c0:2:2100::'],
  ['2001:db8:122:344::', 96, '2001:db8:122:344::192.0.2.33'],
];

test("a NAT64 address under the network's own prefix is decoded as RFC 6052 section 2.4 shows", () => {
  for (const [prefixText, bits, outer] of RFC_6052) {
    const prefix = parsePrefix(`${prefixText}/${bits}`);
    assert.ok(prefix !== null && isNat64Length(bits));
    const found = classify(address(outer), { ...TABLE_ALONE, nat64: [prefix] }).is;
    assert.ok(found.kind === 'special', outer);
    assert.match(found.what, /NAT64 form of 192\.0\.2\.33: documentation \(TEST-NET-1\)/);
  }
});

test('a public IPv4 address under an own NAT64 prefix is public, and a private one is not', () => {
  const prefix = parsePrefix('2a00:1098:2c::/96');
  assert.ok(prefix !== null);
  assert.equal(classify(address('2a00:1098:2c::8.8.8.8'), { ...TABLE_ALONE, nat64: [prefix] }).is.kind, 'global');
  assert.equal(classify(address('2a00:1098:2c::10.0.0.1'), { ...TABLE_ALONE, nat64: [prefix] }).is.kind, 'special');
  assert.equal(
    classify(address('2a00:1098:2c::169.254.169.254'), { ...TABLE_ALONE, nat64: [prefix] }).is.kind,
    'never',
  );
  for (const bits of [0, 8, 31, 33, 72, 80, 128]) assert.equal(isNat64Length(bits), false);
});

test('a Tailscale 4via6 address of a metadata service is never opened', () => {
  assert.equal(kindOf('fd7a:115c:a1e0:b1a:0:7:10.0.0.1'), 'special');
  assert.equal(kindOf('fd7a:115c:a1e0:b1a:0:7:169.254.169.254'), 'never');
});

const PUBLIC = [
  ...['1.1.1.1', '8.8.8.8', '9.9.9.9', '93.184.215.14', '140.82.121.4', '151.101.1.69', '104.16.0.1', '13.107.42.14'],
  ...['52.95.110.1', '172.217.16.142', '172.15.255.255', '192.0.1.1', '192.167.0.1', '198.17.0.1', '223.255.255.254'],
  ...['2606:4700:4700::1111', '2001:4860:4860::8888', '2a00:1450:4001:800::200e', '2620:fe::fe', '2400:cb00::1'],
  ...['2001:67c:4e8::1', '2003::1', '2c0f::1', '2001:500:2f::f', '2606:2800:220:1:248:1893:25c8:1946'],
];

test('ordinary public addresses are global', () => {
  for (const text of PUBLIC) assert.equal(kindOf(text), 'global', text);
});

const NAMES: readonly (readonly [name: string, kind: 'never' | 'special' | null])[] = [
  ['metadata.google.internal', 'never'],
  ['metadata', 'never'],
  ['metadata.tencentyun.com', 'never'],
  ['rancher-metadata', 'never'],
  ['localhost', 'special'],
  ['a.b.localhost', 'special'],
  ['host.docker.internal', 'special'],
  ['gateway.docker.internal', 'special'],
  ['kubernetes.docker.internal', 'special'],
  ['host.containers.internal', 'special'],
  ['kubernetes.default.svc', 'special'],
  ['notlocalhost', null],
  ['localhost.example.com', null],
  ['metadata.example.com', null],
  ['my-metadata', null],
  ['example.com', null],
];

test('names that stand for something special are known without DNS', () => {
  for (const [name, kind] of NAMES) assert.equal(classifyName(name)?.kind ?? null, kind, name);
  assert.equal(isLocalhost('localhost'), true);
  assert.equal(isLocalhost('x.localhost'), true);
  assert.equal(isLocalhost('xlocalhost'), false);
  assert.equal(isLocalhost('localhost.com'), false);
});
