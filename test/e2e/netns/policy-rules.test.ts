import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Prefix } from '../../../proxy/core/address.js';
import type { Policy } from '../../../proxy/core/policy.js';
import { policy, port, rule } from '../../firewall/policies.js';
import { rulesOf } from '../../firewall/rules-of.js';
import { AT, BRIDGE, type Lab, openLab, PORT, SUBNETS } from './lab.js';
import type { Probe } from './probe.js';

const OTHER_PORT = 8081;
const IN_LAN = ['192.168.1.21', '10.0.0.7', '2a00:64::10.0.0.7', '2a00:65::7'];
const IN_PUBLIC = ['8.8.8.8', '9.9.9.9', '2a00:9::7', '64:ff9b::8.8.8.8', '64:ff9b::9.9.9.9', '2a00:64::9.9.9.9'];
const FORGED = '203.0.114.7';

let lab: Lab;
before(async () => {
  lab = openLab();
  lab.lend('lan', IN_LAN);
  lab.lend('public', IN_PUBLIC);
  lab.run('host', ['iptables-restore'], '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n');
  lab.run('tool', ['ip', 'address', 'add', `${FORGED}/32`, 'dev', 'eth0']);
  lab.run('host', ['ip', 'route', 'add', `${FORGED}/32`, 'dev', BRIDGE]);
  for (const seat of ['lan', 'public', 'host'] as const) await lab.respond(seat, [PORT, OTHER_PORT], []);
});
after(() => lab.close());

for (const format of ['iptables', 'nftables'] as const) {
  test(`${format}: deny rules, exceptions and NAT64 prefixes of the policy hold on the wire`, () => {
    const rules = policy({
      deny: [rule('deny[0]', { address: '8.8.8.8/32' }), rule('deny[1]', { ports: [port(OTHER_PORT)] })],
      internal: [
        rule('internal[0]', { address: '192.168.1.20/32', ports: [port(PORT)] }),
        rule('internal[1]', { address: '192.168.1.21/32', ports: [port(PORT)], clients: ['nas'] }),
        rule('internal[2]', { address: '192.168.1.1/32', ports: [{ from: 8000, to: 8080 }] }),
      ],
      nat64: [prefixOf('2a00:64::/96'), prefixOf('2a00:65::/64')],
    });
    const probes = everywhere(PORT, OTHER_PORT);
    assert.deepEqual(reached(probes), probes, 'without rules');
    apply(format, rules);
    const open = [
      '192.168.1.20',
      '192.168.1.1',
      '5.5.5.20',
      '9.9.9.9',
      '2a00:9::7',
      '64:ff9b::9.9.9.9',
      '2a00:64::9.9.9.9',
    ];
    assert.deepEqual(
      reached(probes),
      probes.filter((probe) => probe.port === PORT && open.includes(probe.address)),
    );
    apply(format, rules, '--remove');
  });

  test(`${format}: with default none the allow rules by address are all that is open`, () => {
    const rules = policy({
      default: 'none',
      allow: [
        rule('allow[0]', { address: '9.9.9.9/32', ports: [port(PORT)] }),
        rule('allow[1]', { address: '2a00:9::/32' }),
        rule('allow[2]', { host: 'example.com', ports: [port(PORT)] }),
      ],
    });
    apply(format, rules);
    assert.deepEqual(
      reached(everywhere(PORT, OTHER_PORT)).map(({ address, port: at }) => `${address} ${at}`),
      ['9.9.9.9 8080', '2a00:9::7 8080', '64:ff9b::9.9.9.9 8080', '2a00:9::7 8081'],
    );
    apply(format, rules, '--remove');
  });

  test(`${format}: a forged source address passes rules by subnet, and does not pass rules by bridge`, () => {
    const ping = () => lab.attempt('tool', ['ping', '-nc', '1', '-W', '2', '-I', FORGED, AT.lan[0]]).status === 0;
    assert.equal(ping(), true, 'without rules');
    apply(format, policy(), '--without-bridge');
    assert.equal(ping(), true);
    apply(format, policy());
    assert.equal(ping(), false);
    apply(format, policy(), '--remove');
  });
}

function everywhere(...ports: number[]): Probe[] {
  const addresses = [AT.lan[0], AT.host[2], AT.public[0], ...IN_LAN, ...IN_PUBLIC];
  return ports.flatMap((at) => addresses.map((address) => ({ protocol: 'tcp' as const, address, port: at })));
}

function reached(probes: readonly Probe[]): Probe[] {
  const answers = lab.probe('tool', probes);
  return probes.filter((_, i) => answers[i]);
}

function apply(format: 'iptables' | 'nftables', of: Policy, mode?: '--remove' | '--without-bridge'): void {
  const named = [
    ...SUBNETS.flatMap((subnet) => ['--subnet', subnet]),
    ...(mode === '--without-bridge' ? [] : ['--interface', BRIDGE]),
    ...(mode === '--remove' ? ['--remove'] : []),
  ];
  const rules = rulesOf(of, [...named, '--format', format]);
  lab.run('host', format === 'iptables' ? ['sh'] : ['nft', '-f', '-'], rules);
}

function prefixOf(text: string): Prefix {
  const { address } = rule('allow[0]', { address: text });
  if (address === null) throw new Error(`${text} is no prefix`);
  return address;
}
