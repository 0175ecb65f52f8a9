/** Who is heard by the listener that shows counters alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix } from '../../proxy/core/address.js';
import { createKnownToolsSide, createToolsSide } from '../../proxy/door/tools-side.js';
import { readLinks } from '../../proxy/net/interfaces.js';

const face = (address: string, cidr: string) => ({
  address,
  cidr,
  netmask: '',
  mac: '',
  internal: false,
  family: 'IPv4' as const,
});
const links = readLinks({
  lo: [face('127.0.0.1', '127.0.0.1/8')],
  eth0: [face('172.31.250.250', '172.31.250.250/24')],
  eth1: [face('172.18.0.2', '172.18.0.2/16')],
  pod: [face('10.244.1.7', '10.244.1.7/32')],
});

const sidesOf = (host: string, range: string | null = null) => {
  const prefix = range === null ? null : parsePrefix(range);
  const options = {
    doors: [{ host, port: 3128 }, null],
    toolsRange: () => (prefix === null ? [] : [prefix]),
    links: () => links,
  };
  const of = (side: ReturnType<typeof createToolsSide>) => (localAddress: string, remoteAddress: string) =>
    side({ localAddress, remoteAddress });
  return { known: of(createKnownToolsSide(options)), admin: of(createToolsSide(options)) };
};

test('with doors on one address, those of its network are not heard, as by the admin listener', () => {
  const { known, admin } = sidesOf('172.31.250.250');
  for (const side of [known, admin]) {
    assert.equal(side('172.31.250.250', '172.31.250.7'), true);
    assert.equal(side('172.18.0.2', '172.31.250.7'), true);
    assert.equal(side('172.31.250.250', '172.18.0.9'), true);
    assert.equal(side('172.18.0.2', '172.18.0.9'), false);
    assert.equal(side('127.0.0.1', '127.0.0.1'), false);
    assert.equal(side('::ffff:172.31.250.250', '::ffff:172.31.250.7'), true);
  }
});

test('with doors on every address, everybody is heard by the one and nobody by the other', () => {
  for (const host of ['0.0.0.0', '::']) {
    const { known, admin } = sidesOf(host);
    assert.deepEqual(
      [known('10.244.1.7', '10.244.0.1'), admin('10.244.1.7', '10.244.0.1')],
      [false, true],
      'the kubelet',
    );
    assert.deepEqual([known('127.0.0.1', '127.0.0.1'), admin('127.0.0.1', '127.0.0.1')], [false, false]);
  }
});

test('a range of the tools is kept out in any case, and nobody else', () => {
  const { known } = sidesOf('0.0.0.0', '10.244.2.0/24');
  assert.equal(known('10.244.1.7', '10.244.2.9'), true);
  assert.equal(known('::ffff:10.244.1.7', '::ffff:10.244.2.9'), true);
  assert.equal(known('10.244.1.7', '10.244.3.9'), false);
  assert.equal(known('127.0.0.1', '127.0.0.1'), false);
});
