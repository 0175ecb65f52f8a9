import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKernel } from '../../proxy/net/kernel.js';

const NOTHING = { ipv4Forwarding: [], ipv6Forwarding: [], anySource: [], routerAdvertisements: [] };
/** As in a container of Engine 28 on two networks, the second one with IPv6. */
const INHERITED = {
  'ipv4/conf/all/rp_filter': '0\n',
  'ipv4/conf/eth0/rp_filter': '0\n',
  'ipv4/conf/eth1/rp_filter': '0\n',
  'ipv4/conf/eth0/forwarding': '1\n',
  'ipv4/conf/eth1/forwarding': '1\n',
  'ipv6/conf/eth0/forwarding': '0\n',
  'ipv6/conf/eth1/forwarding': '0\n',
  'ipv6/conf/eth0/disable_ipv6': '1\n',
  'ipv6/conf/eth1/disable_ipv6': '0\n',
  'ipv6/conf/eth0/accept_ra': '1\n',
  'ipv6/conf/eth1/accept_ra': '1\n',
};

function face(internal: boolean): NetworkInterfaceInfo[] {
  return [{ address: '10.0.0.1', cidr: '10.0.0.1/8', netmask: '255.0.0.0', mac: '', internal, family: 'IPv4' }];
}

function kernelOf(context: TestContext, files: Readonly<Record<string, string>>, names = ['eth0', 'eth1']) {
  const root = mkdtempSync(join(tmpdir(), 'kernel-'));
  context.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const interfaces = Object.fromEntries([['lo', face(true)], ...names.map((name) => [name, face(false)] as const)]);
  return readKernel({ root, interfaces: () => interfaces });
}

test('a container as Docker starts it routes IPv4, takes any source, and a route from a neighbour with IPv6', (context) => {
  assert.deepEqual(kernelOf(context, INHERITED), {
    ipv4Forwarding: ['eth0', 'eth1'],
    ipv6Forwarding: [],
    anySource: ['eth0', 'eth1'],
    routerAdvertisements: ['eth1'],
  });
});

test('with the sysctls of the override none of it is left but the advertisements', (context) => {
  const files = { ...INHERITED, 'ipv4/conf/all/rp_filter': '1\n' };
  for (const name of ['eth0', 'eth1']) Object.assign(files, { [`ipv4/conf/${name}/forwarding`]: '0\n' });
  assert.deepEqual(kernelOf(context, files), { ...NOTHING, routerAdvertisements: ['eth1'] });
  assert.deepEqual(kernelOf(context, { ...files, 'ipv6/conf/eth1/disable_ipv6': '1\n' }), NOTHING);
});

test('IPv6 forwarding counts where IPv6 is on, and ends the advertisements, but for those that are always taken', (context) => {
  const on = { ...INHERITED, 'ipv6/conf/eth0/forwarding': '1\n', 'ipv6/conf/eth1/forwarding': '1\n' };
  const state = kernelOf(context, on);
  assert.deepEqual([state.ipv6Forwarding, state.routerAdvertisements], [['eth1'], []]);
  const always = kernelOf(context, { ...on, 'ipv6/conf/eth1/accept_ra': '2\n' });
  assert.deepEqual(always.routerAdvertisements, ['eth1']);
});

test('a loose filter takes any source that has a route, a strict one of one interface holds for that one', (context) => {
  const loose = { ...INHERITED, 'ipv4/conf/all/rp_filter': '2\n', 'ipv4/conf/eth0/rp_filter': '1\n' };
  assert.deepEqual(kernelOf(context, loose).anySource, ['eth0', 'eth1'], 'the kernel takes the greater number');
  const strict = { ...INHERITED, 'ipv4/conf/eth0/rp_filter': '1\n' };
  assert.deepEqual(kernelOf(context, strict).anySource, ['eth1']);
});

test('one interface routes to nobody, and an alias is no second one', (context) => {
  assert.deepEqual(kernelOf(context, INHERITED, ['eth0']), NOTHING);
  assert.deepEqual(kernelOf(context, INHERITED, ['eth0', 'eth0:1']), NOTHING);
});

test('without /proc nothing is reported', (context) => {
  assert.deepEqual(kernelOf(context, {}), NOTHING);
});
