/**
 * Network namespaces that stand for a host with two bridges, a tool and its neighbour, a container on the other bridge,
 * the LAN and the public internet. Nothing leaves them: none has a way to this machine's own interfaces.
 */
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Endpoint, Probe } from './probe.js';

export type Seat = 'host' | 'tool' | 'neighbour' | 'other' | 'lan' | 'public';

export const SUBNETS = ['172.31.250.0/24', 'fd00:31:250::/64'];
export const BRIDGE = 'br-tools';
export const PORT = 8080;

/** The addresses of each seat on its link. The host has several, one of each family per link. */
export const AT = {
  host: ['172.31.250.1', 'fd00:31:250::1', '192.168.1.1', 'fd00:1::1', '5.5.5.1', '2a00:5::1'],
  tool: ['172.31.250.7', 'fd00:31:250::7'],
  neighbour: ['172.31.250.8', 'fd00:31:250::8'],
  other: ['172.31.251.7', 'fd00:31:251::7'],
  lan: ['192.168.1.20', 'fd00:1::20'],
  public: ['5.5.5.20', '2a00:5::20'],
} as const satisfies Record<Seat, readonly string[]>;

const LINKS: readonly { seat: Seat; bridge: string | null; gateway: readonly [string, string] }[] = [
  { seat: 'tool', bridge: BRIDGE, gateway: ['172.31.250.1', 'fd00:31:250::1'] },
  { seat: 'neighbour', bridge: BRIDGE, gateway: ['172.31.250.1', 'fd00:31:250::1'] },
  { seat: 'other', bridge: 'br-other', gateway: ['172.31.251.1', 'fd00:31:251::1'] },
  { seat: 'lan', bridge: null, gateway: ['192.168.1.1', 'fd00:1::1'] },
  { seat: 'public', bridge: null, gateway: ['5.5.5.1', '2a00:5::1'] },
];

/** The bridge's link-local address, which every container on it can reach. */
const LINK_LOCAL = 'fe80::1';

export interface Lab {
  /** Runs a command in a namespace; throws with its output where it fails. */
  run(seat: Seat, command: readonly string[], input?: string): string;
  /** The same, without throwing. */
  attempt(seat: Seat, command: readonly string[], input?: string): { status: number | null; output: string };
  /** Gives a seat more addresses, routed there by the host. */
  lend(seat: 'lan' | 'public', addresses: readonly string[]): void;
  /** Answers TCP on `ports`, and UDP on every address of the seat that `udp` names. */
  respond(seat: Seat, ports: readonly number[], udp: readonly Endpoint[]): Promise<void>;
  /** Starts a command with its standard input and output piped; it ends with the lab at the latest. */
  start(seat: Seat, command: readonly string[]): ChildProcessByStdio<Writable, Readable, null>;
  /** True per probe where an answer came. */
  probe(seat: Seat, probes: readonly Probe[]): boolean[];
  close(): void;
}

export function openLab(): Lab {
  const prefix = `fw${process.pid}-`;
  const name = (seat: Seat) => `${prefix}${seat}`;
  const children: ReturnType<Lab['start']>[] = [];
  const attempt: Lab['attempt'] = (seat, command, input = '') => {
    const args = ['netns', 'exec', name(seat), ...command];
    const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8', input, maxBuffer: 2 ** 26 });
    return { status, output: `${stdout}${status === 0 ? '' : stderr}` };
  };
  const run: Lab['run'] = (seat, command, input) => {
    const { status, output } = attempt(seat, command, input);
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${output}`);
    return output;
  };
  const start: Lab['start'] = (seat, command) => {
    const child = spawn('ip', ['netns', 'exec', name(seat), ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  };
  build(run, name);
  return {
    run,
    attempt,
    lend: (seat, addresses) => lend(run, seat, addresses),
    respond: async (seat, ports, udp) => {
      const settings = JSON.stringify({ tcp: ports, udp });
      await once(start(seat, [process.execPath, script('responder.js'), settings]).stdout, 'data', {
        signal: AbortSignal.timeout(120_000),
      });
    },
    start,
    probe: (seat, probes) => {
      const output = run(seat, [process.execPath, script('probe.js'), JSON.stringify(probes)]);
      const answers: unknown = JSON.parse(output);
      if (!Array.isArray(answers)) throw new Error(`no answers: ${output}`);
      return answers.map((answer) => answer === true);
    },
    close: () => {
      for (const child of children) child.kill('SIGKILL');
      for (const seat of ['host', ...LINKS.map((link) => link.seat)] as const)
        spawnSync('ip', ['netns', 'del', name(seat)]);
    },
  };
}

function build(run: Lab['run'], name: (seat: Seat) => string): void {
  for (const seat of ['host', ...LINKS.map((link) => link.seat)] as const) {
    execFileSync('ip', ['netns', 'add', name(seat)]);
    // A refusal by ICMP is limited to a few in a second, and answers late or never in a test that makes hundreds.
    const settings = ['ipv6.conf.default.accept_dad=0', 'ipv6.conf.all.accept_dad=0'];
    const ofHost = [
      'ipv4.ip_forward=1',
      'ipv6.conf.all.forwarding=1',
      'ipv4.icmp_ratelimit=0',
      'ipv6.icmp.ratelimit=0',
    ];
    for (const setting of [...settings, ...(seat === 'host' ? ofHost : [])])
      run(seat, ['sysctl', '-qw', `net.${setting}`]);
    run(seat, ['ip', 'link', 'set', 'lo', 'up']);
  }
  for (const bridge of [BRIDGE, 'br-other']) {
    run('host', ['ip', 'link', 'add', bridge, 'type', 'bridge']);
    run('host', ['ip', 'link', 'set', bridge, 'up']);
  }
  for (const link of LINKS) join(run, name, link);
  run('host', ['ip', 'address', 'add', `${LINK_LOCAL}/64`, 'dev', BRIDGE, 'nodad']);
  // As on a host with Docker: what passes a bridge passes the packet filter, too.
  run('host', ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1']);
}

function join(run: Lab['run'], name: (seat: Seat) => string, link: (typeof LINKS)[number]): void {
  const { seat, bridge, gateway } = link;
  const end = `to-${seat}`;
  run('host', ['ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name(seat)]);
  run('host', ['ip', 'link', 'set', end, 'up', ...(bridge === null ? [] : ['master', bridge])]);
  run(seat, ['ip', 'link', 'set', 'eth0', 'up']);
  for (const [i, length] of [24, 64].entries()) {
    run('host', ['ip', 'address', 'replace', `${gateway[i]}/${length}`, 'dev', bridge ?? end, 'nodad']);
    run(seat, ['ip', 'address', 'add', `${AT[seat][i]}/${length}`, 'dev', 'eth0', 'nodad']);
    run(seat, ['ip', 'route', 'add', 'default', 'via', gateway[i] ?? '']);
  }
}

function lend(run: Lab['run'], seat: 'lan' | 'public', addresses: readonly string[]): void {
  const lengthOf = (address: string) => (address.includes(':') ? 128 : 32);
  const onLoopback = addresses.map((address) => `address add ${address}/${lengthOf(address)} dev lo nodad\n`);
  const routes = addresses.map((address) => {
    const via = AT[seat][address.includes(':') ? 1 : 0];
    return `route add ${address}/${lengthOf(address)} via ${via}\n`;
  });
  run(seat, ['ip', '-batch', '-'], onLoopback.join(''));
  run('host', ['ip', '-batch', '-'], routes.join(''));
}

function script(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
