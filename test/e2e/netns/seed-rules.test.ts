import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { policy } from '../../firewall/policies.js';
import { rulesOf } from '../../firewall/rules-of.js';
import { PUBLIC_DESTINATIONS, refusedDestinations } from './destinations.js';
import { AT, BRIDGE, type Lab, openLab, PORT, SUBNETS } from './lab.js';
import type { Probe } from './probe.js';
import { seedCommands } from './seed-rules.js';

const LAN = refusedDestinations();
const PRIVATE_RESOLVER = '192.168.1.20';

let lab: Lab;
before(async () => {
  lab = openLab();
  lab.lend(
    'lan',
    LAN.filter((address) => !(AT.lan as readonly string[]).includes(address)),
  );
  lab.lend('public', PUBLIC_DESTINATIONS);
  const udp = (addresses: readonly string[]) => addresses.map((address) => ({ address, port: PORT }));
  await Promise.all([
    lab.respond('lan', [PORT, 53], [...udp(LAN), { address: PRIVATE_RESOLVER, port: 53 }]),
    lab.respond('public', [PORT], udp(PUBLIC_DESTINATIONS)),
    lab.respond('host', [PORT], udp(AT.host)),
    lab.respond('neighbour', [PORT], udp(AT.neighbour)),
    lab.respond('other', [PORT], udp(AT.other)),
  ]);
});
after(() => lab.close());
beforeEach(() => {
  lab.run('host', ['iptables-restore'], '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n');
  lab.run('host', ['ip6tables-restore'], '*filter\nCOMMIT\n');
});

test('whatever the seed rules drop the generated ones refuse, but for the subnet itself', () => {
  const probes = everything();
  const seed = withRules(applySeed, probes);
  const ours = withRules(applyOurs, probes);
  const opened = probes.filter((_, i) => !seed[i] && ours[i]).map((probe) => probe.address);
  assert.deepEqual([...new Set(opened)], ['172.31.250.8']);
  assert.ok(seed.filter((answer) => !answer).length >= 40, 'the seed rules drop something');
});

test('a hole of the seed rules, closed: the own subnet is cut off where bridged packets pass iptables', () => {
  assert.deepEqual(compare('tcp', '172.31.250.8', PORT), { seed: false, ours: true });
});

test('a hole of the seed rules, closed: DNS goes to any private host', () => {
  assert.deepEqual(compare('tcp', PRIVATE_RESOLVER, 53), { seed: true, ours: false });
  assert.deepEqual(compare('udp', PRIVATE_RESOLVER, 53), { seed: true, ours: false });
});

test('a hole of the seed rules, closed: IPv6 is open', () => {
  for (const address of ['fd00:1::20', 'fd00:ec2::254', '64:ff9b::169.254.169.254'])
    assert.deepEqual(compare('tcp', address, PORT), { seed: true, ours: false }, address);
});

test("a hole of the seed rules, closed: the host's own services are open", () => {
  for (const address of AT.host) assert.deepEqual(compare('tcp', address, PORT), { seed: true, ours: false }, address);
});

test('a hole of the seed rules, closed: each run adds all of them again', () => {
  const count = () => lab.run('host', ['iptables-save']).match(/^-A /gm)?.length;
  applySeed();
  const once = count();
  applySeed();
  assert.notEqual(count(), once);
  lab.run('host', ['iptables', '-F', 'DOCKER-USER']);
  applyOurs();
  const ours = count();
  applyOurs();
  assert.equal(count(), ours);
});

function everything(): Probe[] {
  const addresses = [...LAN, ...AT.other, ...AT.neighbour, ...AT.host, ...PUBLIC_DESTINATIONS];
  return addresses.flatMap((address) =>
    (['tcp', 'udp', 'icmp'] as const).map((protocol) => ({ protocol, address, port: PORT })),
  );
}

function compare(protocol: Probe['protocol'], address: string, port: number) {
  const probe = [{ protocol, address, port }];
  assert.deepEqual(lab.probe('tool', probe), [true], 'without rules');
  return { seed: withRules(applySeed, probe)[0], ours: withRules(applyOurs, probe)[0] };
}

function withRules(apply: () => void, probes: readonly Probe[]): boolean[] {
  apply();
  const answers = lab.probe('tool', probes);
  lab.run('host', ['iptables', '-F', 'DOCKER-USER']);
  lab.run('host', ['sh'], command('--remove'));
  return answers;
}

function applySeed(): void {
  for (const each of seedCommands(SUBNETS[0] ?? '')) lab.run('host', each);
}

function applyOurs(): void {
  lab.run('host', ['sh'], command(...SUBNETS.flatMap((subnet) => ['--subnet', subnet]), '--interface', BRIDGE));
}

function command(...args: string[]): string {
  return rulesOf(policy(), args);
}
