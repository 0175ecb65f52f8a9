import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Prefix, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { createToolsSide } from '../../proxy/door/tools-side.js';
import type { Link } from '../../proxy/net/interfaces.js';

/** The sidecar: on the tools' network, on one towards the host, and on an IPv6 one. */
const LINKS = [
  link('127.0.0.1', '127.0.0.0/8', 'lo'),
  link('::1', '::1/128', 'lo'),
  link('172.31.250.250', '172.31.250.0/24', 'eth0'),
  link('fe80::250', 'fe80::/64', 'eth0'),
  link('172.18.0.3', '172.18.0.0/16', 'eth1'),
  link('fe80::3', 'fe80::/64', 'eth1'),
  link('fd00:18::3', 'fd00:18::/64', 'eth1'),
  link('fd00:250::250', 'fd00:250::/64', 'eth0'),
];

function link(text: string, prefix: string, device: string): Link {
  return { address: parseAddress(text) ?? assert.fail(text), prefix: prefixOf(prefix), device };
}

function prefixOf(text: string): Prefix {
  return parsePrefix(text) ?? assert.fail(text);
}

function toolsSide(doors: readonly string[], range: readonly string[] = []) {
  const isFromTools = createToolsSide({
    doors: [null, ...doors.map((host) => ({ host, port: 3128 }))],
    toolsRange: () => range.map(prefixOf),
    links: () => LINKS,
  });
  return (remoteAddress: string | undefined, localAddress: string | undefined): boolean =>
    isFromTools({ remoteAddress, localAddress });
}

test('with doors on the network of the tools, whatever touches that network is theirs', () => {
  const isTool = toolsSide(['172.31.250.250', 'fd00:250::250']);
  for (const [remote, local] of [
    ['172.31.250.9', '172.31.250.250'],
    ['::ffff:172.31.250.9', '::ffff:172.31.250.250'],
    // By another address of the sidecar, and through a published port.
    ['172.31.250.9', '172.18.0.3'],
    ['172.31.250.1', '172.31.250.250'],
    ['203.0.113.9', '172.31.250.250'],
    ['fd00:250::9', 'fd00:250::250'],
    // A neighbour with a forged source of its own choosing still arrives at that address.
    ['10.9.8.7', '172.31.250.250'],
  ] as const) {
    assert.equal(isTool(remote, local), true, `${remote} to ${local}`);
  }
});

test('the host and the other networks of the sidecar are not the tools', () => {
  const isTool = toolsSide(['172.31.250.250', 'fd00:250::250']);
  for (const [remote, local] of [
    ['172.18.0.1', '172.18.0.3'],
    ['172.18.0.9', '172.18.0.3'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ['172.31.251.9', '172.18.0.3'],
  ] as const) {
    assert.equal(isTool(remote, local), false, `${remote} to ${local}`);
  }
});

for (const [door, range] of [
  ['172.31.250.250', []],
  ['fd00:250::250', []],
  ['0.0.0.0', ['172.31.250.0/25']],
] as const) {
  test(`a door on ${door} is on the network of the tools by IPv4, IPv6 and link-local addresses`, () => {
    const isTool = toolsSide([door], range);
    for (const [remote, local] of [
      ['172.31.250.9', '172.31.250.250'],
      ['fd00:250::9', 'fd00:250::250'],
      ['fe80::9', 'fe80::250'],
      ['fe80::9%eth0', 'fe80::250%eth0'],
      ['fd00:250::9', 'fd00:18::3'],
    ] as const)
      assert.equal(isTool(remote, local), true, `${remote} to ${local}`);
    for (const [remote, local] of [
      ['172.18.0.9', '172.18.0.3'],
      ['fd00:18::9', 'fd00:18::3'],
      ['fe80::9', 'fe80::3'],
    ] as const)
      assert.equal(isTool(remote, local), false, `${remote} to ${local}`);
  });
}

for (const everywhere of ['0.0.0.0', '::']) {
  test(`with a door on ${everywhere} all but the machine itself are tools`, () => {
    const isTool = toolsSide([everywhere]);
    assert.equal(isTool('172.18.0.1', '172.18.0.3'), true);
    assert.equal(isTool('fd00:250::9', 'fd00:250::250'), true);
    assert.equal(isTool('127.0.0.1', '127.0.0.1'), false);
    assert.equal(isTool('172.18.0.3', '172.18.0.3'), false, 'from itself to itself');
  });

  test(`with a door on ${everywhere} and a range of the tools, those of its network are`, () => {
    const isTool = toolsSide([everywhere], ['172.31.250.0/25']);
    assert.equal(isTool('172.31.250.9', '172.31.250.250'), true);
    assert.equal(isTool('172.31.250.200', '172.18.0.3'), true, 'in the network, if not in the range');
    assert.equal(isTool('172.31.250.1', '172.31.250.250'), true, 'the gateway of that network');
    assert.equal(isTool('172.18.0.1', '172.18.0.3'), false);
  });
}

test('doors on loopback make nobody on a network a tool, and no door none at all', () => {
  for (const isTool of [toolsSide(['127.0.0.1']), toolsSide([])]) {
    assert.equal(isTool('172.31.250.9', '172.31.250.250'), false);
    assert.equal(isTool('127.0.0.1', '127.0.0.1'), false);
  }
});

test('a connection of which nothing is known, since it has gone, is let by as nobody', () => {
  assert.equal(toolsSide(['172.31.250.250'])(undefined, undefined), true);
});
