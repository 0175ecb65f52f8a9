import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { policy } from '../../firewall/policies.js';
import { rulesOf } from '../../firewall/rules-of.js';
import { NEVER_ROUTED, PUBLIC_DESTINATIONS, refusedDestinations } from './destinations.js';
import { AT, BRIDGE, type Lab, openLab, PORT, SUBNETS } from './lab.js';
import type { Probe } from './probe.js';

const RESOLVERS = ['192.168.1.53', 'fd00:1::53'];
const OTHER_RESOLVERS = ['192.168.1.54', 'fd00:1::54', '8.8.8.8', '2001:4860:4860::8888'];
const LAN = refusedDestinations();

let lab: Lab;
before(async () => {
  lab = openLab();
  const borrowed = (address: string) => !(AT.lan as readonly string[]).includes(address);
  lab.lend('lan', [...LAN.filter(borrowed), ...RESOLVERS, '192.168.1.54', 'fd00:1::54']);
  lab.lend('public', PUBLIC_DESTINATIONS);
  lab.run('host', ['iptables-restore'], '*filter\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\nCOMMIT\n');
  const on = (port: number) => (address: string) => ({ address, port });
  const dns = [...RESOLVERS, '192.168.1.54', 'fd00:1::54'];
  await Promise.all([
    lab.respond('lan', [PORT, 53], [...[...LAN, ...RESOLVERS].map(on(PORT)), ...dns.map(on(53))]),
    lab.respond(
      'public',
      [PORT, 53],
      [...[...PUBLIC_DESTINATIONS, ...AT.public].map(on(PORT)), ...OTHER_RESOLVERS.slice(2).map(on(53))],
    ),
    lab.respond('host', [PORT, 53], [...AT.host, 'fe80::1%br-tools'].map(on(PORT))),
    ...(['tool', 'neighbour', 'other'] as const).map((seat) => lab.respond(seat, [PORT], AT[seat].map(on(PORT)))),
  ]);
});
after(() => lab.close());

for (const format of ['iptables', 'nftables'] as const) {
  test(`${format}: before the rules every probe is answered, after them only what is to stay open, after removal all again`, () => {
    assert.deepEqual(unanswered(refused(), open(), inbound()), [], 'before the rules');
    apply(format, '--interface', BRIDGE);
    assert.deepEqual(answered(refused()), [], 'refused');
    assert.deepEqual(unanswered(open(), inbound()), [], 'left open');
    apply(format, '--remove');
    assert.deepEqual(unanswered(refused(), open(), inbound()), [], 'after removal');
  });

  test(`${format}: with subnets alone all of it is refused but the bridge's link-local address`, () => {
    apply(format);
    const [linkLocal, others] = [refused().filter(isLinkLocal), refused().filter((probe) => !isLinkLocal(probe))];
    assert.deepEqual(answered(others), []);
    assert.deepEqual(unanswered(linkLocal, open(), inbound()), []);
    apply(format, '--remove');
  });

  test(`${format}: refusals are counted and let the tool know at once`, () => {
    apply(format, '--interface', BRIDGE);
    const started = lab.run('tool', ['ping', '-n', '-c', '1', '-W', '60', '8.8.8.8']);
    assert.match(started, /1 received/);
    const { output } = lab.attempt('tool', ['ping', '-n', '-c', '1', '-W', '60', '10.0.0.7']);
    assert.match(output, /Packet filtered/);
    assert.ok(refusedPackets(format) > 0);
    apply(format, '--remove');
  });

  test(`${format}: a connection that a tool has open to a private host is cut, one to a public host is not`, async () => {
    const [toLan, toPublic] = await Promise.all([holdOpen(AT.lan[0]), holdOpen(AT.public[0])]);
    apply(format, '--interface', BRIDGE);
    assert.equal(await toLan.again(), 'cut');
    assert.equal(await toPublic.again(), 'echoed');
    apply(format, '--remove');
  });

  test(`${format}: another container's way is not judged`, () => {
    apply(format, '--interface', BRIDGE);
    const probes = probesOf([...AT.lan, ...AT.host.slice(2), ...LAN.slice(0, 10)]);
    const answers = lab.probe('other', probes);
    assert.deepEqual(
      probes.filter((_, i) => answers[i] !== true),
      [],
    );
    apply(format, '--remove');
  });
}

test('the rows that are never routed do not answer without rules either', () => {
  const addresses = ['0.0.0.7', '127.0.0.7', '224.0.0.7', '255.255.255.255', '::ffff:127.0.0.7', 'ff0e::7'];
  const probes = addresses.map((address): Probe => ({ protocol: 'tcp', address, port: 9 }));
  assert.deepEqual(
    lab.probe('tool', probes),
    probes.map(() => false),
  );
  assert.equal(NEVER_ROUTED.size, 12);
});

/** A TCP connection of the tool over which one message went both ways; `again` sends a second one. */
async function holdOpen(address: string) {
  const talk =
    'exec 3<>/dev/tcp/$0/$1; for i in 1 2; do read -r; echo hello >&3; read -rt 2 a <&3 && echo echoed || echo cut; done';
  const child = lab.start('tool', ['bash', '-c', talk, address, `${PORT}`]);
  const again = async () => {
    child.stdin.write('go\n');
    const [answer]: unknown[] = await once(child.stdout, 'data');
    return String(answer).trim();
  };
  assert.equal(await again(), 'echoed');
  return { again };
}

function refused(): Probe[] {
  const resolvers = [...RESOLVERS].map((address): Probe => ({ protocol: 'tcp', address, port: PORT }));
  return [
    ...probesOf(LAN),
    ...probesOf(AT.other),
    ...probesOf([...AT.host, 'fe80::1%eth0']),
    ...resolvers,
    ...dnsOf(OTHER_RESOLVERS),
  ];
}

function open(): Probe[] {
  return [...probesOf([...PUBLIC_DESTINATIONS, ...AT.public]), ...probesOf(AT.neighbour), ...dnsOf(RESOLVERS)];
}

/** Probes of the tool from elsewhere: the tool's answers are what is on trial. */
function inbound(): Probe[] {
  return probesOf(AT.tool);
}

function isLinkLocal(probe: Probe): boolean {
  return probe.address.startsWith('fe80:');
}

function probesOf(addresses: readonly string[]): Probe[] {
  return addresses.flatMap((address) =>
    (['tcp', 'udp', 'icmp'] as const).map((protocol) => ({ protocol, address, port: PORT })),
  );
}

function dnsOf(addresses: readonly string[]): Probe[] {
  return addresses.flatMap((address) => (['tcp', 'udp'] as const).map((protocol) => ({ protocol, address, port: 53 })));
}

function answered(probes: readonly Probe[]): Probe[] {
  const answers = lab.probe('tool', probes);
  return probes.filter((_, i) => answers[i]);
}

function unanswered(...groups: Probe[][]): string[] {
  const isInbound = (probe: Probe) => (AT.tool as readonly string[]).includes(probe.address);
  const outward = groups.flat().filter((probe) => !isInbound(probe));
  const inward = groups.flat().filter(isInbound);
  const fromTool = lab.probe('tool', outward);
  const missing = outward.filter((_, i) => fromTool[i] !== true).map((probe) => `tool to ${text(probe)}`);
  for (const seat of ['lan', 'public', 'host'] as const) {
    const answers = lab.probe(seat, inward);
    missing.push(...inward.filter((_, i) => answers[i] !== true).map((probe) => `${seat} to ${text(probe)}`));
  }
  return missing;
}

function text({ protocol, address, port }: Probe): string {
  return `${protocol} ${address} ${port}`;
}

function apply(format: 'iptables' | 'nftables', ...args: string[]): void {
  const named = args.includes('--remove') ? [] : [...flags('--subnet', SUBNETS), ...flags('--dns', RESOLVERS)];
  const rules = rulesOf(policy(), [...named, '--format', format, ...args]);
  lab.run('host', format === 'iptables' ? ['sh'] : ['nft', '-f', '-'], rules);
}

function flags(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value]);
}

function refusedPackets(format: 'iptables' | 'nftables'): number {
  if (format === 'nftables') {
    const listed = lab.run('host', ['nft', 'list', 'chain', 'inet', 'mcp_egress', 'refuse']);
    return Number(/packets (\d+) bytes \d+ reject/.exec(listed)?.[1]);
  }
  const listed = lab.run('host', ['iptables', '-nvxL', 'MCP-EGRESS-REFUSE']);
  return Number(/(\d+)\s+\d+ REJECT/.exec(listed)?.[1]);
}
