import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressFromBytes,
  contains,
  endsInNumber,
  parseAddress,
  parseIPv4,
  parseIPv6,
  parsePrefix,
  sameAddress,
} from '../../proxy/core/address.js';
import { numericHosts } from './numeric-hosts.js';

/** The URL standard's own answer, as Node implements it: null where it fails or where the host is a name. */
function standard(host: string): string | null {
  if (!URL.canParse(`http://${host}/`)) return null;
  const { hostname } = new URL(`http://${host}/`);
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return isIP(hostname) === 4 ? hostname : null;
}

const IPV4_SPELLINGS: readonly (readonly [text: string, canonical: string | null])[] = [
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1.', '127.0.0.1'],
  ['127.0.0.1..', null],
  ['127.1', '127.0.0.1'],
  ['127.0.1', '127.0.0.1'],
  ['2130706433', '127.0.0.1'],
  ['2130706433.', '127.0.0.1'],
  ['017700000001', '127.0.0.1'],
  ['0x7f000001', '127.0.0.1'],
  ['0X7F.0X0.0x0.0X1', '127.0.0.1'],
  ['0177.0.0.01', '127.0.0.1'],
  ['0x7f.1', '127.0.0.1'],
  ['127.0x1', '127.0.0.1'],
  ['0x', '0.0.0.0'],
  ['0', '0.0.0.0'],
  ['00000000000000000000000177.1', '127.0.0.1'],
  ['0x0000000000000000000000007f.1', '127.0.0.1'],
  ['4294967295', '255.255.255.255'],
  ['4294967296', null],
  ['18446744071692288001', null],
  ['256.0.0.1', null],
  ['127.0.0.256', null],
  ['127.0.65536', null],
  ['127.16777216', null],
  ['1.2.3.4.5', null],
  ['1..2', null],
  ['.1', null],
  ['', null],
  ['.', null],
  ['08.1', null],
  ['127.0.0.09', null],
  ['+127.0.0.1', null],
  ['-1', null],
  ['1e3', null],
  ['0x7g.1', null],
  [' 127.0.0.1', null],
  ['127.0.0.1\n', null],
];

const IPV6_SPELLINGS: readonly (readonly [text: string, canonical: string | null])[] = [
  ['::', '::'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::ffff:127.0.0.1', '::ffff:7f00:1'],
  ['::ffff:7f00:1', '::ffff:7f00:1'],
  ['0:0:0:0:0:ffff:127.0.0.1', '::ffff:7f00:1'],
  // ipaddr.js alone reads these two as IPv4-mapped addresses.
  ['::127.0.0.1', '::7f00:1'],
  ['::8.8.8.8', '::808:808'],
  ['0:0:0:0:0:0:8.8.8.8', '::808:808'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['64:ff9b:1::10.0.0.1', '64:ff9b:1::a00:1'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ['1:2:3:4:5:6:7:1.2.3.4', null],
  ['::ffff:127.1', null],
  ['::ffff:0177.0.0.1', null],
  ['::ffff:127.0.0.256', null],
  ['::ffff:127.0.0.1:1', null],
  ['::ffff:127.0.0.1.', null],
  ['1:2:3:4:5:6:7', null],
  ['1:2:3:4:5:6:7:8:9', null],
  ['1::2:3:4:5:6:7:8', null],
  ['1::2::3', null],
  [':::', null],
  [':1:2:3:4:5:6:7', null],
  ['1:2:3:4:5:6:7:', null],
  ['00001::', null],
  ['g::', null],
  ['', null],
  ['1', null],
  ['127.0.0.1', null],
  ['[::1]', null],
  ['::1%eth0', null],
  ['::1%25eth0', null],
  ['::1/128', null],
  [' ::1', null],
  ['::1\n', null],
];

for (const [text, canonical] of IPV4_SPELLINGS) {
  test(`IPv4 ${JSON.stringify(text)} is ${canonical ?? 'no address'}`, () => {
    assert.equal(parseIPv4(text)?.text ?? null, canonical);
  });
}

for (const [text, canonical] of IPV6_SPELLINGS) {
  test(`IPv6 ${JSON.stringify(text)} is ${canonical ?? 'no address'}`, () => {
    assert.equal(parseIPv6(text)?.text ?? null, canonical);
  });
}

test('an IPv6 literal is what the URL standard says it is', () => {
  fc.assert(
    fc.property(numericHosts.ipv6, (text) => {
      assert.equal(parseIPv6(text)?.text ?? null, standard(`[${text}]`));
    }),
    { numRuns: 5000 },
  );
});

test('an IPv4 literal is what the URL standard says it is, and nothing that ends in a number is a name', () => {
  fc.assert(
    fc.property(numericHosts.ipv4, (text) => {
      if (!endsInNumber(text)) return;
      assert.equal(parseIPv4(text)?.text ?? null, standard(text));
    }),
    { numRuns: 5000 },
  );
});

test('bytes survive text in both families', () => {
  const bytes = fc.oneof(
    fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const address = addressFromBytes(value);
      assert.deepEqual(parseAddress(address.text)?.bytes, value);
    }),
    { numRuns: 2000 },
  );
});

test('an address of any other length is a RangeError', () => {
  for (const length of [0, 3, 5, 15, 17]) {
    assert.throws(() => addressFromBytes(new Array<number>(length).fill(0)), RangeError);
  }
});

test('DNS answers and configurations know plain spellings only', () => {
  for (const text of ['127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '127.0.0.01', '127.0.0.1.', '1.2.3', '::1%lo'])
    assert.equal(parseAddress(text), null, text);
  assert.equal(parseAddress('::ffff:10.0.0.1')?.family, 6);
  assert.equal(parseAddress('255.255.255.255')?.text, '255.255.255.255');
});

test('a prefix has zero host bits and a length without a sign, a space or a leading zero', () => {
  for (const text of ['10.0.0.1/8', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/8/8', '::/129'])
    assert.equal(parsePrefix(text), null, text);
  for (const text of ['10/8', '2001:db8::1/32', '/8', '', ' 10.0.0.0/8', '10.0.0.0/8 ', '10.0.0.0/1e1', 'fe00::/6'])
    assert.equal(parsePrefix(text), null, text);
  assert.equal(parsePrefix('10.1.2.3')?.text, '10.1.2.3/32');
  assert.equal(parsePrefix('::1')?.text, '::1/128');
  assert.equal(parsePrefix('0.0.0.0/0')?.bits, 0);
  assert.equal(parsePrefix('fc00::/7')?.text, 'fc00::/7');
});

test('a prefix contains its own family only, from its first to its last address', () => {
  const cases: readonly (readonly [prefix: string, address: string, inside: boolean])[] = [
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '1.2.3.4', false],
    ['::ffff:0:0/96', '1.2.3.4', false],
    ['100.64.0.0/10', '100.63.255.255', false],
    ['100.64.0.0/10', '100.64.0.0', true],
    ['100.64.0.0/10', '100.127.255.255', true],
    ['100.64.0.0/10', '100.128.0.0', false],
    ['2001:20::/28', '2001:2f:ffff:ffff:ffff:ffff:ffff:ffff', true],
    ['2001:20::/28', '2001:30::', false],
    ['10.0.0.1/32', '10.0.0.1', true],
    ['10.0.0.1/32', '10.0.0.0', false],
  ];
  for (const [prefixText, addressText, inside] of cases) {
    const prefix = parsePrefix(prefixText);
    const address = parseAddress(addressText);
    assert.ok(prefix !== null && address !== null);
    assert.equal(contains(prefix, address), inside, `${addressText} in ${prefixText}`);
  }
});

test('an IPv4 address and its IPv4-mapped form are two addresses', () => {
  const four = addressFromBytes([10, 0, 0, 1]);
  const six = parseAddress('::ffff:10.0.0.1');
  assert.ok(six !== null);
  assert.equal(sameAddress(four, six), false);
  assert.equal(sameAddress(four, addressFromBytes([10, 0, 0, 1])), true);
});
