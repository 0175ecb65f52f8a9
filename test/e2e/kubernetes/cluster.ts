/**
 * A node with routed pods in network namespaces: links with a prefix of one address, Services by DNAT, policies as packet
 * filter rules. Nothing leaves these namespaces.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServicePort } from './rendered.js';

export const NODE = '172.30.0.1';
export const API_SERVER = '10.96.0.1';
export const DNS_SERVICE = '10.96.0.10';
export const PODS = {
  tool: '10.244.1.7',
  neighbour: '10.244.1.9',
  gw1: '10.244.1.21',
  gw2: '10.244.1.22',
  gw3: '10.244.1.23',
  dns: '10.244.1.53',
} as const;
export const PUBLIC = '5.5.5.20';
const ROUTER = '10.244.1.1';

export type Gateway = 'gw1' | 'gw2' | 'gw3';
export type Seat = keyof typeof PODS | 'node' | 'public';

/** A process in a namespace, with what it has printed. */
export interface Running {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** The first line, of those that there are or that come, that is so. */
  line(isIt: (line: string) => boolean): Promise<string>;
}

const SEATS: readonly Seat[] = ['node', 'public', 'tool', 'neighbour', 'gw1', 'gw2', 'gw3', 'dns'];
const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));
const PATIENCE_MS = 30_000;

export class Cluster {
  readonly #prefix = `ku${process.pid}-`;
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'egress-cluster-'));

  constructor() {
    for (const seat of SEATS) execFileSync('ip', ['netns', 'add', this.#name(seat)]);
    for (const seat of SEATS) this.run(seat, ['ip', 'link', 'set', 'lo', 'up']);
    for (const setting of ['ip_forward=1', 'icmp_ratelimit=0'])
      this.run('node', ['sysctl', '-qw', `net.ipv4.${setting}`]);
    for (const [seat, address] of Object.entries(PODS)) this.#join(seat as Seat, address);
    this.#join('public', PUBLIC);
    this.run('node', ['ip', 'address', 'add', `${NODE}/32`, 'dev', 'lo']);
    // As to the internet: what nobody has is not refused by the node.
    this.run('node', ['ip', 'route', 'add', 'default', 'via', PUBLIC, 'dev', 'to-public', 'onlink']);
    this.run('node', ['nft', '-f', '-'], CLUSTER_SERVICES);
  }

  /** New connections to the Service go to these pods in turn, as kube-proxy does it: before the packet filter sees them. */
  endpoints(clusterIp: string, ports: readonly ServicePort[], pods: readonly string[]): void {
    const targets = pods.map((pod, i) => `${i} : ${pod}`).join(', ');
    const rules = ports.map(({ port, protocol, target }) => {
      const match = `ip daddr ${clusterIp} ${protocol.toLowerCase()} dport ${port}`;
      return `    ${match} dnat to numgen inc mod ${pods.length} map { ${targets} } : ${target}`;
    });
    const table = 'table ip gateway_service';
    const chain = ['  chain prerouting {', '    type nat hook prerouting priority dstnat;', ...rules, '  }'];
    this.filter([table, `delete ${table}`, `${table} {`, ...chain, '}', ''].join('\n'));
  }

  /** Rules of the node. */
  filter(rules: string): void {
    this.run('node', ['nft', '-f', '-'], rules);
  }

  /** A script of this folder, or of another one, until it has said that it is ready. */
  async script(seat: Seat, file: string, settings: unknown): Promise<Running> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const running = this.#start(seat, [process.execPath, path, JSON.stringify(settings)], {});
    await running.line((line) => line === 'ready');
    return running;
  }

  /** The same for one that says other things. */
  talk(seat: Seat, file: string, settings: unknown): Running {
    const path = fileURLToPath(new URL(file, import.meta.url));
    return this.#start(seat, [process.execPath, path, JSON.stringify(settings)], {});
  }

  /** A gateway's pod, whose configuration is `text`, until its doors are open. */
  async serve(seat: Gateway, text: string): Promise<Running> {
    const path = join(this.#folder, `${seat}.yaml`);
    writeFileSync(path, text);
    const env = { KUBERNETES_SERVICE_HOST: API_SERVER, POD_NAME: `egress-proxy-${seat}`, EGRESS_STATE: 'off' };
    const running = this.#start(seat, [process.execPath, MAIN, 'serve', '--config', path], env);
    await running.line((line) => line.includes('"event":"listening"'));
    return running;
  }

  /** A command in the tool's pod, with the nameserver that the manifest gives it. */
  async asTool(nameserver: string, env: Readonly<Record<string, string>>, command: readonly string[]) {
    const resolv = join(this.#folder, 'resolv.conf');
    writeFileSync(resolv, `nameserver ${nameserver}\noptions ndots:1\n`);
    const inside = `mount --bind ${resolv} /etc/resolv.conf && mount -t tmpfs none /run && exec "$@"`;
    const unshare = ['unshare', '--mount', 'sh', '-ec', inside, 'sh', ...command];
    const args = ['netns', 'exec', this.#name('tool'), ...unshare];
    const child = spawn('ip', args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
    const [status]: (number | null)[] = await once(child, 'close');
    return { status, ...said };
  }

  async probe(nameserver: string, env: Readonly<Record<string, string>>) {
    const command = [process.execPath, MAIN, 'probe', '--json', '--public', `${PUBLIC}:443`];
    const { status, stdout, stderr } = await this.asTool(nameserver, env, command);
    if (!stdout.startsWith('{')) throw new Error(`the probe ended with ${status}: ${stderr}`);
    const findings: readonly { area: string; tried: string; state: string }[] = JSON.parse(stdout).findings;
    const found = findings.filter(({ state }) => state === 'open' || state === 'wrong');
    return { status, findings, found: found.map(({ area, tried }) => `${area}: ${tried}`) };
  }

  run(seat: Seat, command: readonly string[], input = ''): void {
    execFileSync('ip', ['netns', 'exec', this.#name(seat), ...command], { input, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const seat of SEATS) spawnSync('ip', ['netns', 'del', this.#name(seat)]);
    rmSync(this.#folder, { recursive: true });
  }

  #name(seat: Seat): string {
    return `${this.#prefix}${seat}`;
  }

  /** The command itself gets the signals: `ip netns exec` becomes it. */
  #start(seat: Seat, command: readonly string[], env: Readonly<Record<string, string>>): Running {
    const args = ['netns', 'exec', this.#name(seat), ...command];
    const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env.PATH, ...env } });
    this.#children.push(child);
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => lines.push(line));
    return {
      child,
      lines,
      async line(isIt) {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        for (;;) {
          const found = lines.find(isIt);
          if (found !== undefined) return found;
          await once(reader, 'line', { signal });
        }
      },
    };
  }

  #join(seat: Seat, address: string): void {
    const end = `to-${seat}`;
    this.run('node', ['ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name(seat)]);
    this.run('node', ['ip', 'address', 'add', `${ROUTER}/32`, 'dev', end]);
    this.run('node', ['ip', 'link', 'set', end, 'up']);
    this.run(seat, ['ip', 'address', 'add', `${address}/32`, 'dev', 'eth0']);
    this.run(seat, ['ip', 'link', 'set', 'eth0', 'up']);
    this.run(seat, ['ip', 'route', 'add', ROUTER, 'dev', 'eth0']);
    this.run(seat, ['ip', 'route', 'add', 'default', 'via', ROUTER]);
    this.run('node', ['ip', 'route', 'add', `${address}/32`, 'dev', end]);
  }
}

const CLUSTER_SERVICES = `table ip cluster_services {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${API_SERVER} tcp dport 443 dnat to ${NODE}:6443
    ip daddr ${DNS_SERVICE} udp dport 53 dnat to ${PODS.dns}:53
    ip daddr ${DNS_SERVICE} tcp dport 53 dnat to ${PODS.dns}:53
  }
}
`;
