/**
 * A node with routed pods, as a CNI without bridges makes them: a tool, the proxy, a neighbour and the DNS of the cluster,
 * Services by DNAT, and a policy engine that drops, rejects or is not there. Nothing leaves these namespaces.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { PodObject } from '../../kubernetes/fake-api-server.js';
import { engineRules, NO_ENGINE, type World } from '../kubernetes/policy-engine.js';
import { type NetworkPolicy, readRendered } from '../kubernetes/rendered.js';

export const NODE = '172.30.0.1';
export const API_SERVER = '10.96.0.1';
export const DNS_SERVICE = '10.96.0.10';
export const PROXY_SERVICE = '10.96.0.250';
export const PODS = { tool: '10.244.1.7', proxy: '10.244.1.20', neighbour: '10.244.1.9', dns: '10.244.1.53' } as const;
export const PUBLIC = '5.5.5.20';
const ROUTER = '10.244.1.1';

export type Seat = keyof typeof PODS | 'node' | 'public';

/** What a policy engine does with what the tool may not send; `absent`: policies are objects and nothing else. */
export interface Enforced {
  readonly engine: 'drop' | 'reject' | 'absent';
  /** Whether what goes to the own node of the pod is part of it. */
  readonly node: 'closed' | 'open';
  /** The rendered ones, unless others are given. */
  readonly policies?: readonly NetworkPolicy[];
}

const rendered = readRendered();
export const RENDERED: readonly NetworkPolicy[] = rendered.policies;
export const TOOLS = rendered.toolsNamespace.name;

const WORLD: World = {
  namespaces: {
    [TOOLS]: { 'kubernetes.io/metadata.name': TOOLS, ...rendered.toolsNamespace.labels },
    egress: { 'kubernetes.io/metadata.name': 'egress' },
    'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' },
  },
  pods: [
    { address: PODS.tool, namespace: TOOLS, labels: { app: 'github' } },
    { address: PODS.neighbour, namespace: TOOLS, labels: { app: 'slack' } },
    { address: PODS.proxy, namespace: 'egress', labels: rendered.gatewayLabels },
    { address: PODS.dns, namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  ],
};

/** Of the doors, behind the Service's ports. */
const DOORS = { 53: 5353, 80: 8080, 443: 8443, 3128: 3128 } as const;

export class PodLab {
  readonly #prefix = `pd${process.pid}-`;
  readonly #children: ChildProcess[] = [];
  /** The service account of the proxy; empty: it has none. */
  #account = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'pod-lab-'));

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
    this.run('node', ['nft', '-f', '-'], SERVICES);
  }

  /** In force from now on, in place of what was. */
  enforce({ engine, node, policies = RENDERED }: Enforced): void {
    const rules = engine === 'absent' ? NO_ENGINE : engineRules(policies, WORLD, { refuse: engine, node });
    this.run('node', ['nft', '-f', '-'], rules);
  }

  /** TCP and UDP, by the echo of responder.ts. */
  async respond(
    seat: Seat,
    tcp: readonly number[],
    udp: readonly { address: string; port: number }[] = [],
  ): Promise<void> {
    const settings = JSON.stringify({ tcp, udp });
    await once(this.#start(seat, [process.execPath, script('responder.js'), settings], {}).stdout, 'data', {
      signal: AbortSignal.timeout(120_000),
    });
  }

  /** An API server on the node; what it returns takes changes of its pods. */
  async serveApi(): Promise<(type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: PodObject) => void> {
    const at = JSON.stringify({ host: NODE, port: 6443, address: API_SERVER });
    const child = this.#start('node', [process.execPath, script('pod-api.js'), at], {});
    const [mount] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(120_000) });
    this.#account = String(mount).trim();
    return (type, pod) => void child.stdin.write(`${JSON.stringify({ type, pod })}\n`);
  }

  /** The proxy, whose configuration is `text`, once it is ready: its log. */
  async serve(text: string): Promise<AsyncIterator<LogRecord>> {
    const path = join(this.#folder, 'policy.yaml');
    writeFileSync(path, text);
    const serve = [process.execPath, MAIN, 'serve', '--config', path];
    const mounted = `mount -t tmpfs none /run && mkdir -p ${ACCOUNT} && cp ${this.#account}/* ${ACCOUNT} && exec "$@"`;
    const command = this.#account === '' ? serve : ['unshare', '--mount', 'sh', '-ec', mounted, 'sh', ...serve];
    const child = this.#start('proxy', command, { KUBERNETES_SERVICE_HOST: API_SERVER });
    const log = recordsOf(child.stdout);
    await find(log, ({ event }) => event === 'listening');
    return log;
  }

  /** `egress-proxy probe --json` in the pod of the tool, with a resolv.conf and, perhaps, a token of its own. */
  probe(
    env: Readonly<Record<string, string>>,
    mounts: { readonly nameserver: string; readonly token?: string },
  ): { status: number | null; output: string } {
    const resolv = join(this.#folder, 'resolv.conf');
    writeFileSync(resolv, `nameserver ${mounts.nameserver}\noptions ndots:1\n`);
    const token =
      mounts.token === undefined ? '' : `mkdir -p ${ACCOUNT} && printf %s "${mounts.token}" > ${ACCOUNT}/token && `;
    const inside = `mount --bind ${resolv} /etc/resolv.conf && mount -t tmpfs none /run && ${token}exec "$@"`;
    const command = [
      'unshare',
      '--mount',
      'sh',
      '-ec',
      inside,
      'sh',
      process.execPath,
      MAIN,
      'probe',
      '--json',
      '--public',
      `${PUBLIC}:443`,
    ];
    const args = ['netns', 'exec', this.#name('tool'), ...command];
    const { status, stdout, stderr } = spawnSync('ip', args, {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    });
    return { status, output: stdout === '' ? stderr : stdout };
  }

  run(seat: Seat, command: readonly string[], input = ''): void {
    execFileSync('ip', ['netns', 'exec', this.#name(seat), ...command], { input, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const seat of SEATS) spawnSync('ip', ['netns', 'del', this.#name(seat)]);
    rmSync(this.#folder, { recursive: true });
    if (this.#account !== '') rmSync(this.#account, { recursive: true, force: true });
  }

  #name(seat: Seat): string {
    return `${this.#prefix}${seat}`;
  }

  #start(seat: Seat, command: readonly string[], env: Readonly<Record<string, string>>) {
    const args = ['netns', 'exec', this.#name(seat), ...command];
    const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env.PATH, ...env } });
    this.#children.push(child);
    return child;
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

const ACCOUNT = '/run/secrets/kubernetes.io/serviceaccount';
const SEATS: readonly Seat[] = ['node', 'tool', 'proxy', 'neighbour', 'dns', 'public'];
const MAIN = fileURLToPath(new URL('../../../proxy/main.js', import.meta.url));

/** As kube-proxy does it: before the packet filter sees them. */
const SERVICES = `table ip services {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${API_SERVER} tcp dport 443 dnat to ${NODE}:6443
    ip daddr ${DNS_SERVICE} udp dport 53 dnat to ${PODS.dns}:53
    ip daddr ${DNS_SERVICE} tcp dport 53 dnat to ${PODS.dns}:53
${Object.entries(DOORS)
  .flatMap(([port, door]) =>
    ['tcp', 'udp'].map(
      (protocol) => `    ip daddr ${PROXY_SERVICE} ${protocol} dport ${port} dnat to ${PODS.proxy}:${door}\n`,
    ),
  )
  .join('')}  }
}
`;

function script(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

export type LogRecord = Readonly<Record<string, unknown>>;

async function* recordsOf(output: Readable): AsyncGenerator<LogRecord> {
  for await (const line of createInterface({ input: output })) yield JSON.parse(line);
}

/** The next record of which that is so. */
export async function find(log: AsyncIterator<LogRecord>, isSo: (record: LogRecord) => boolean): Promise<LogRecord> {
  for (;;) {
    const { value, done } = await log.next();
    if (done === true) throw new Error('the log has ended');
    if (isSo(value)) return value;
  }
}
