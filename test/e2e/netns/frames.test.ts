import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { policy } from '../../firewall/policies.js';
import { rulesOf } from '../../firewall/rules-of.js';
import { AT, BRIDGE, type Lab, openLab, PORT, SUBNETS } from './lab.js';

/**
 * A neighbour of the tool whose kernel forwards, as that of a sidecar without sysctls does, and that is on the other
 * bridge too. Bridged frames pass no packet filter here, as on Engine 27.3 and newer, until the rules say so.
 */
const SEND = fileURLToPath(new URL('../../../../test/e2e/docker/frames/send.py', import.meta.url));
const HEAR = fileURLToPath(new URL('../../../../test/e2e/docker/frames/hear.py', import.meta.url));
const OTHER_SIDE = ['172.31.251.8', 'fd00:31:251::8'] as const;
const GIVEN = ['--interface', BRIDGE, ...SUBNETS.flatMap((subnet) => ['--subnet', subnet])];

let lab: Lab;
const heard: Record<'other' | 'host' | 'public', string[]> = { other: [], host: [], public: [] };
let mac: string;

before(async () => {
  lab = openLab();
  lab.run('host', ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0', 'net.bridge.bridge-nf-call-ip6tables=0']);
  lab.run('host', ['iptables', '-N', 'DOCKER-USER']);
  lab.run('host', ['iptables', '-A', 'FORWARD', '-j', 'DOCKER-USER']);
  lab.run('host', ['ip', 'link', 'add', 'second', 'type', 'veth', 'peer', 'name', 'second0']);
  const { pid } = lab.start('neighbour', ['sleep', '1000']);
  lab.run('host', ['ip', 'link', 'set', 'second0', 'netns', `${pid}`]);
  lab.run('host', ['ip', 'link', 'set', 'second', 'up', 'master', 'br-other']);
  lab.run('neighbour', ['ip', 'link', 'set', 'second0', 'up']);
  lab.run('neighbour', ['ip', 'address', 'add', `${OTHER_SIDE[0]}/24`, 'dev', 'second0']);
  lab.run('neighbour', ['ip', 'address', 'add', `${OTHER_SIDE[1]}/64`, 'dev', 'second0', 'nodad']);
  for (const setting of ['ipv4.ip_forward=1', 'ipv6.conf.all.forwarding=1'])
    lab.run('neighbour', ['sysctl', '-qw', `net.${setting}`]);
  mac = lab.run('neighbour', ['cat', '/sys/class/net/eth0/address']).trim();
  await Promise.all((['other', 'host', 'public'] as const).map(listen));
});
after(() => lab.close());
beforeEach(() => {
  for (const list of Object.values(heard)) list.length = 0;
});

async function listen(seat: 'other' | 'host' | 'public'): Promise<void> {
  const { stdout } = lab.start(seat, ['python3', HEAR, `${PORT}`]);
  await new Promise<void>((resolve) => {
    stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('ready')) return resolve();
      for (const [, payload = ''] of chunk.toString().matchAll(/"payload": "([^"]*)"/g)) heard[seat].push(payload);
    });
  });
}

const FRAMES = [
  { source: '172.31.251.77', destination: AT.other[0], payload: 'another bridge' },
  { source: '172.31.250.7', destination: AT.other[0], payload: 'another bridge, own source' },
  { source: 'fd00:31:251::77', destination: AT.other[1], payload: 'another bridge, IPv6' },
  { source: '172.31.251.77', destination: AT.other[0], payload: 'another bridge, with a VLAN tag', tag: true },
  { source: '172.31.251.77', destination: AT.host[4], payload: 'the host' },
  { source: '172.31.251.77', destination: AT.public[0], payload: 'the internet' },
];

/** What arrived, each once, after everything that was sent has. */
async function leaks(): Promise<string[]> {
  lab.run('tool', ['python3', SEND], JSON.stringify(FRAMES.map((frame) => ({ to: mac, port: PORT, ...frame }))));
  // The listener on the way that is always open comes last.
  lab.run('lan', ['bash', '-c', `echo -n last >/dev/udp/${AT.public[0]}/${PORT}`]);
  while (!heard.public.includes('last')) await new Promise((resolve) => setTimeout(resolve, 10));
  return [...new Set(Object.values(heard).flat())].filter((payload) => payload !== 'last').sort();
}

for (const format of ['iptables', 'nftables'] as const) {
  test(`${format}: frames past the bridge's own subnet are routed on by a neighbour before the rules, and not with them`, async () => {
    assert.deepEqual(await leaks(), FRAMES.map(({ payload }) => payload).sort());
    apply(format, GIVEN);
    for (const list of Object.values(heard)) list.length = 0;
    assert.deepEqual(await leaks(), []);
    assert.deepEqual(lab.probe('tool', [{ protocol: 'icmp', address: AT.neighbour[0], port: 0 }]), [true]);
    assert.deepEqual(lab.probe('tool', [{ protocol: 'icmp', address: AT.neighbour[1], port: 0 }]), [true]);
    apply(format, ['--remove']);
    for (const list of Object.values(heard)) list.length = 0;
    assert.deepEqual(await leaks(), FRAMES.map(({ payload }) => payload).sort(), 'after removal');
  });
}

test('from the network of the sidecar the host is refused, and the internet is not', () => {
  const host = { protocol: 'icmp', address: AT.host[4], port: 0 } as const;
  const internet = { protocol: 'icmp', address: AT.public[0], port: 0 } as const;
  for (const format of ['iptables', 'nftables'] as const) {
    assert.deepEqual(lab.probe('other', [host, internet]), [true, true]);
    apply(format, [...GIVEN, '--egress', '172.31.251.0/24', '--egress-interface', 'br-other']);
    assert.deepEqual(lab.probe('other', [host, internet]), [false, true], format);
    apply(format, ['--remove']);
  }
});

/** By the host script, which also turns the judging of frames on and off for the nftables form. */
function apply(format: 'iptables' | 'nftables', args: readonly string[]): void {
  const script = fileURLToPath(new URL('../../../../docker/host/ssrf-egress-block.sh', import.meta.url));
  if (format === 'iptables') lab.run('host', ['sh'], rulesOf(policy(), [...args, '--format', format]));
  else lab.run('host', [script, '--format', format, ...args.filter((arg) => arg !== '--subnet')]);
}
