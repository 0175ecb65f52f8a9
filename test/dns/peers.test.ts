import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { isNeighbour } from '../../proxy/dns/peers.js';
import { readLinks } from '../../proxy/net/interfaces.js';

const INTERFACES = {
  lo: [face('127.0.0.1', '127.0.0.1/8'), face('::1', '::1/128')],
  eth0: [
    face('172.31.250.250', '172.31.250.250/24'),
    face('fe80::250', 'fe80::250/64'),
    face('fd00::250', 'fd00::250/64'),
  ],
  eth1: [face('172.18.0.2', '172.18.0.2/16')],
  wg0: [face('10.9.0.1', '10.9.0.1/32')],
  p2p: [face('10.8.0.0', '10.8.0.0/31')],
  odd: [face('10.7.0.1', null)],
};

function face(address: string, cidr: string | null) {
  return { address, cidr, netmask: '', mac: '', internal: false, family: 'IPv4' as const };
}

const answers = (peer: string, at: string): boolean =>
  isNeighbour(parseAddress(peer), parseAddress(at), readLinks(INTERFACES));

const TOOLS = '172.31.250.250';
const CASES: readonly (readonly [isAnswered: boolean, peer: string, at: string, why: string])[] = [
  [true, '172.31.250.1', TOOLS, 'the first host of the link'],
  [true, '172.31.250.254', TOOLS, 'the last host of the link'],
  [false, '172.31.250.0', TOOLS, 'the address of the link'],
  [false, '172.31.250.255', TOOLS, 'the broadcast address of the link'],
  [false, '172.31.249.255', TOOLS, 'one below the link'],
  [false, '172.31.251.0', TOOLS, 'one above the link'],
  [false, '172.18.0.7', TOOLS, 'a neighbour of another interface'],
  [true, '172.18.0.7', '172.18.0.2', 'that neighbour on its own interface'],
  [true, '172.18.1.0', '172.18.0.2', 'a host whose last octet is 0 in a wider link'],
  [false, '172.18.255.255', '172.18.0.2', 'the broadcast address of a wider link'],
  [false, '93.184.215.14', TOOLS, 'a public address'],
  [false, TOOLS, TOOLS, 'the own address'],
  [false, '172.18.0.2', TOOLS, 'the own address on another interface'],
  [false, '127.0.0.1', TOOLS, 'loopback at a door that is not'],
  [true, '127.0.0.9', '127.0.0.1', 'loopback at a door on loopback'],
  [false, '172.31.250.7', '127.0.0.1', 'anything else at a door on loopback'],
  [true, '::1', '::1', 'IPv6 loopback'],
  [false, '169.254.169.254', TOOLS, 'metadata'],
  [false, '224.0.0.251', TOOLS, 'multicast'],
  [false, '255.255.255.255', TOOLS, 'limited broadcast'],
  [false, '0.0.0.0', TOOLS, 'unspecified'],
  [true, 'fd00::7', 'fd00::250', 'an IPv6 neighbour'],
  [false, 'fd01::7', 'fd00::250', 'an IPv6 stranger'],
  [false, 'fe80::7', 'fe80::250', 'IPv6 link-local, on its own link'],
  [false, 'ff02::1', 'fd00::250', 'IPv6 multicast'],
  [false, '2606:4700::1', 'fd00::250', 'a public IPv6 address'],
  [false, '172.31.250.7', '172.31.250.9', 'a door whose address has gone'],
  [false, '10.9.0.2', '10.9.0.1', 'the far end of a link without a prefix'],
  [true, '10.8.0.1', '10.8.0.0', 'the other host of a link of 31 bits'],
  [false, '10.7.0.2', '10.7.0.1', 'a netmask that is no prefix'],
  [false, '', TOOLS, 'a peer that has gone'],
];
for (const [isAnswered, peer, at, why] of CASES) {
  test(`a DNS door at ${at} ${isAnswered ? 'answers' : 'drops'} ${why} (${peer})`, () => {
    assert.equal(answers(peer, at), isAnswered);
  });
}

/** Pods of a cluster: each link is of one address, and the clients are behind routes. */
const PODS = ['10.244.0.0/16', 'fd00:10::/56', '0.0.0.0/0'].flatMap((text) => parsePrefix(text) ?? []);
const POD = '10.9.0.1';
const ROUTED: readonly (readonly [isAnswered: boolean, peer: string, prefixes: number, why: string])[] = [
  [true, '10.244.7.9', 1, 'a pod of another node'],
  [false, '10.245.0.1', 1, 'one behind the range'],
  [false, '10.244.0.0', 1, 'the address of the range'],
  [false, '10.244.255.255', 1, 'the last address of the range'],
  [false, '93.184.215.14', 1, 'a public address'],
  [false, POD, 3, 'the own address'],
  [false, '172.31.250.255', 3, 'the broadcast address of another link, as it is no host of the range alone'],
  [false, '127.0.0.1', 3, 'loopback'],
  [false, '169.254.169.254', 3, 'metadata'],
  [false, '224.0.0.251', 3, 'multicast'],
];
for (const [isAnswered, peer, prefixes, why] of ROUTED) {
  test(`with steer.peers a DNS door at ${POD} ${isAnswered ? 'answers' : 'drops'} ${why} (${peer})`, () => {
    const others = PODS.slice(0, prefixes);
    assert.equal(isNeighbour(parseAddress(peer), parseAddress(POD), readLinks(INTERFACES), others), isAnswered);
  });
}

test('steer.peers counts in IPv6, too, and not on a door that is bound to loopback', () => {
  const links = readLinks(INTERFACES);
  assert.equal(isNeighbour(parseAddress('fd00:10::7:9'), parseAddress('fd00::250'), links, PODS), true);
  assert.equal(isNeighbour(parseAddress('10.244.7.9'), parseAddress('127.0.0.1'), links, PODS), false);
});
