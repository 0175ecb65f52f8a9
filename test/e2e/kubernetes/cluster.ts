/**
 * A node with routed pods in network namespaces, in both families: links with a prefix of one address, Services by DNAT,
 * policies as packet filter rules. Nothing leaves these namespaces.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServicePort } from './rendered.js';
import {
  API_SERVER,
  DNS_SERVICE,
  ELSEWHERE,
  type Gateway,
  LOAD_BALANCER,
  linkOf,
  NODE,
  POD_SEATS,
  PODS,
  PUBLIC,
  type Seat,
} from './seats.js';

/** What the pods have as their next hop. */
const ROUTER = ['10.244.1.1', 'fe80::1'] as const;

/** A process in a namespace, with what it has printed. */
export interface Running {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** The first line, of those that there are or that come, that is so. */
  line(isIt: (line: string) => boolean): Promise<string>;
}

/** What a pod of a tool has mounted. */
export interface Mounts {
  readonly nameserver: string;
  /** Of a service account; empty: none. */
  readonly token?: string;
}

const SEATS: readonly Seat[] = ['node', 'public', ...POD_SEATS];
const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));
const ACCOUNT = '/run/secrets/kubernetes.io/serviceaccount';
const PATIENCE_MS = 120_000;

export class Cluster {
  readonly #prefix = `ku${process.pid}-`;
  readonly #children: ChildProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'egress-cluster-'));

  constructor() {
    for (const seat of SEATS) execFileSync('ip', ['netns', 'add', this.#name(seat)]);
    for (const seat of SEATS) {
      this.run(seat, ['sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0']);
      this.run(seat, ['ip', 'link', 'set', 'lo', 'up']);
    }
    for (const setting of ['ipv4.ip_forward=1', 'ipv4.icmp_ratelimit=0', 'ipv6.conf.all.forwarding=1'])
      this.run('node', ['sysctl', '-qw', `net.${setting}`]);
    for (const seat of POD_SEATS) this.#join(seat, PODS[seat]);
    this.#join('public', PUBLIC);
    for (const address of NODE) this.run('node', ['ip', 'address', 'add', address, 'dev', 'lo']);
    // As to the internet: what nobody has is not refused by the node.
    for (const address of PUBLIC)
      this.run('node', ['ip', 'route', 'add', 'default', 'via', address, 'dev', linkOf('public'), 'onlink']);
    for (const range of ELSEWHERE) this.run('public', ['ip', 'route', 'add', 'local', range, 'dev', 'lo']);
    this.filter(CLUSTER_SERVICES);
  }

  /** New connections to the Service go to these pods in turn, as kube-proxy does it: before the packet filter sees them. */
  endpoints(clusterIp: string, ports: readonly ServicePort[], seats: readonly Gateway[]): void {
    const six = isIP(clusterIp) === 6;
    const targets = seats.map((seat, i) => `${i} : ${PODS[seat][six ? 1 : 0]}`).join(', ');
    const rules = ports.map(({ port, protocol, target }) => {
      const match = `${six ? 'ip6' : 'ip'} daddr ${clusterIp} ${protocol.toLowerCase()} dport ${port}`;
      return `    ${match} dnat to numgen inc mod ${seats.length} map { ${targets} } : ${target}`;
    });
    const table = `table ${six ? 'ip6' : 'ip'} gateway_service`;
    const chain = ['  chain prerouting {', '    type nat hook prerouting priority dstnat;', ...rules, '  }'];
    this.filter([table, `delete ${table}`, `${table} {`, ...chain, '}', ''].join('\n'));
  }

  /** Rules of the node. */
  filter(rules: string): void {
    this.run('node', ['nft', '-f', '-'], rules);
  }

  /** A script of this folder, or of another one, until it has said that it is ready. */
  async script(seat: Seat, file: string, settings: unknown): Promise<Running> {
    const running = this.talk(seat, file, settings);
    await running.line((line) => line === 'ready');
    return running;
  }

  /** The same for one that says other things. */
  talk(seat: Seat, file: string, settings: unknown): Running {
    const path = fileURLToPath(new URL(file, import.meta.url));
    return this.#start(seat, [process.execPath, path, JSON.stringify(settings)], {});
  }

  /** A gateway's pod, whose configuration is `text`, until its doors are open; `account`: a folder to be mounted as its service account. */
  async serve(seat: Gateway, text: string, account?: string): Promise<Running> {
    const path = join(this.#folder, `${seat}.yaml`);
    writeFileSync(path, text);
    const env = { KUBERNETES_SERVICE_HOST: API_SERVER[0], POD_NAME: `egress-proxy-${seat}`, EGRESS_STATE: 'off' };
    const serve = [process.execPath, MAIN, 'serve', '--config', path];
    const copy = account === undefined ? '' : `mkdir -p ${ACCOUNT} && cp ${account}/* ${ACCOUNT}`;
    const running = this.#start(seat, copy === '' ? serve : mounted(copy, serve), env);
    await running.line((line) => line.includes('"event":"listening"'));
    return running;
  }

  /** A command in the tool's pod, with the nameserver that the manifest gives it. */
  async asTool({ nameserver, token = '' }: Mounts, env: Readonly<Record<string, string>>, command: readonly string[]) {
    const resolv = join(this.#folder, 'resolv.conf');
    writeFileSync(resolv, `nameserver ${nameserver}\noptions ndots:1\n`);
    const account = token === '' ? '' : ` && mkdir -p ${ACCOUNT} && printf %s ${token} > ${ACCOUNT}/token`;
    const inside = mounted(`mount --bind ${resolv} /etc/resolv.conf${account}`, command);
    const args = ['netns', 'exec', this.#name('tool'), ...inside];
    const child = spawn('ip', args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (said.stdout += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (said.stderr += bytes.toString()));
    const [status]: (number | null)[] = await once(child, 'close');
    return { status, ...said };
  }

  async probe(mounts: Mounts, env: Readonly<Record<string, string>>) {
    const command = [process.execPath, MAIN, 'probe', '--json', '--public', `${PUBLIC[0]}:443`];
    const { status, stdout, stderr } = await this.asTool(mounts, env, command);
    if (!stdout.startsWith('{')) throw new Error(`the probe ended with ${status}: ${stderr}`);
    const findings: readonly { area: string; tried: string; state: string; saw: string }[] =
      JSON.parse(stdout).findings;
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

  #join(seat: Seat, addresses: readonly [string, string]): void {
    const end = linkOf(seat);
    this.run('node', ['ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#name(seat)]);
    this.run('node', ['ip', 'address', 'add', `${ROUTER[0]}/32`, 'dev', end]);
    this.run('node', ['ip', 'address', 'add', `${ROUTER[1]}/64`, 'dev', end]);
    this.run('node', ['ip', 'link', 'set', end, 'up']);
    for (const address of addresses) this.run(seat, ['ip', 'address', 'add', address, 'dev', 'eth0']);
    this.run(seat, ['ip', 'link', 'set', 'eth0', 'up']);
    this.run(seat, ['ip', 'route', 'add', ROUTER[0], 'dev', 'eth0']);
    for (const hop of ROUTER) this.run(seat, ['ip', 'route', 'add', 'default', 'via', hop, 'dev', 'eth0']);
    for (const address of addresses) this.run('node', ['ip', 'route', 'add', address, 'dev', end]);
  }
}

/** The command with an empty /run of its own, after that. */
function mounted(before: string, command: readonly string[]): string[] {
  return ['unshare', '--mount', 'sh', '-ec', `mount -t tmpfs none /run && ${before} && exec "$@"`, 'sh', ...command];
}

const CLUSTER_SERVICES = [0, 1]
  .map((i) => {
    const family = i === 0 ? 'ip' : 'ip6';
    const to = (address: string | undefined, port: number) => `dnat to ${i === 0 ? address : `[${address}]`}:${port}`;
    return `table ${family} cluster_services {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ${family} daddr ${API_SERVER[i]} tcp dport 443 ${to(NODE[i], 6443)}
    ${family} daddr ${DNS_SERVICE[i]} udp dport 53 ${to(PODS.dns[i], 53)}
    ${family} daddr ${DNS_SERVICE[i]} tcp dport 53 ${to(PODS.dns[i], 53)}
    ${family} daddr ${LOAD_BALANCER[i]} tcp dport 80 ${to(PODS.neighbour[i], 80)}
    ${family} daddr ${LOAD_BALANCER[i]} tcp dport 443 ${to(PODS.neighbour[i], 8000)}
  }
}
`;
  })
  .join('');
