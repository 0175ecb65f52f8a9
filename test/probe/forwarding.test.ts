import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { type Address, parseAddress } from '../../proxy/core/address.js';
import { linksTo, macOf } from '../../proxy/probe/forwarding.js';
import { frameBytes } from '../../proxy/probe/frame.js';

function addressOf(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address !== null, text);
  return address;
}

const MACS = { from: '02:42:0a:00:00:07', to: '02:42:0a:00:00:fa' };

test('a frame is Ethernet, IP and UDP with checksums that hold', () => {
  const payload = Buffer.from('hi!');
  const ipv4 = { ...MACS, source: addressOf('10.0.0.6'), destination: addressOf('10.0.0.7'), port: 9999, payload };
  assert.equal(
    frameBytes(ipv4).toString('hex'),
    '02420a0000fa02420a00000708004500001f00010000401166c10a0000060a000007270f270f000b1444686921',
  );
  const ipv6 = { ...ipv4, source: addressOf('fd00::6'), destination: addressOf('fd00::7') };
  const bytes = frameBytes(ipv6);
  assert.equal(bytes.subarray(12, 22).toString('hex'), '86dd60000000000b1140');
  assert.equal(bytes.length, 14 + 40 + 8 + 3);
});

const face = (address: string, cidr: string, internal = false): NetworkInterfaceInfo => {
  return { address, cidr, internal, mac: MACS.from, netmask: '', family: 'IPv4' };
};
const INTERFACES = {
  lo: [face('127.0.0.1', '127.0.0.1/8', true)],
  eth0: [face('172.18.0.2', '172.18.0.2/16')],
  eth1: [face('172.31.250.7', '172.31.250.7/24'), face('fe80::7', 'fe80::7/64'), face('fd00::7', 'fd00::7/64')],
};

test('the link is the one on which the proxy is, and the neighbour is neither of them', () => {
  const links = linksTo(addressOf('172.31.250.250'), INTERFACES);
  assert.deepEqual(
    links.map(({ name, address, neighbour }) => [name, address.text, neighbour.text]),
    [
      ['eth1', '172.31.250.7', '172.31.250.6'],
      ['eth1', 'fd00::7', 'fd00::6'],
    ],
  );
  assert.equal(linksTo(addressOf('172.31.250.6'), INTERFACES)[0]?.neighbour.text, '172.31.250.5');
  assert.deepEqual(linksTo(addressOf('45.45.45.45'), INTERFACES), []);
});

test('the MAC of the proxy is what the kernel has learnt', () => {
  const arp = `IP address       HW type     Flags       HW address            Mask     Device
172.31.250.250   0x1         0x2         02:42:ac:1f:fa:fa     *        eth0
172.31.250.25    0x1         0x0         00:00:00:00:00:00     *        eth0
`;
  assert.equal(macOf(addressOf('172.31.250.250'), arp), '02:42:ac:1f:fa:fa');
  assert.equal(macOf(addressOf('172.31.250.25'), arp), null);
  assert.equal(macOf(addressOf('172.31.250.2'), arp), null);
});
