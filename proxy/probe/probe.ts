/** The command `probe`: run from a tool's seat, it tries every way out and says what is open. */
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseArgs } from 'node:util';
import { readSeat, type Seat } from './container.js';
import { type SightContext, see } from './finding.js';
import { judge, judgeVariables, seatNotes } from './judge.js';
import { planAttempts } from './plan.js';
import { countOf, renderTable } from './table.js';
import type { Finding, HostAndPort } from './try.js';

export interface ProbeIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

interface ProbeRequest {
  readonly json: boolean;
  readonly zone: string;
  readonly publicTargets: readonly HostAndPort[];
  readonly targets: readonly HostAndPort[];
}

const TIMEOUT_MS = 1500;
const AT_ONCE = 24;
const USAGE = `usage: egress-proxy probe [--json] [--public ADDRESS:PORT ...] [--target HOST:PORT ...] [--zone NAME]

Run it where a tool runs: docker run --rm --network <tools network> mcp-egress-proxy probe
  --public   tried instead of well-known public addresses
  --target   must be closed as well: a host, a published port, a service of yours
  --zone     the zone under which a random name is asked for (example.com)
`;

/** Exit code 0: nothing is open but the proxy; 1: something is, or tools will not work like this; 2: usage. */
export async function probe(argv: readonly string[], io: ProbeIo): Promise<number> {
  const request = parseRequest(argv);
  if (typeof request === 'string') {
    io.stderr(`${request}${USAGE}`);
    return request === '' ? 0 : 2;
  }
  const findings = await findWaysOut(await currentSeat(io.env), request, io.env);
  const open = countOf(findings, 'open');
  const wrong = countOf(findings, 'wrong');
  io.stdout(request.json ? `${JSON.stringify({ open, wrong, findings }, null, 2)}\n` : renderTable(findings));
  return open + wrong === 0 ? 0 : 1;
}

async function findWaysOut(seat: Seat, request: ProbeRequest, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const addressesOf = await hostAddresses();
  const proxyAddresses = isIP(seat.proxy.host) === 0 ? await addressesOf(seat.proxy.host) : [seat.proxy.host];
  const context: SightContext = { timeoutMs: TIMEOUT_MS, proxy: seat.proxy, proxyAddresses, addressesOf };
  const attempts = planAttempts(seat, request, () => randomBytes(8).toString('hex'));
  const findings: Finding[] = new Array(attempts.length);
  const queue = attempts.entries();
  const work = async (): Promise<void> => {
    for (const [i, attempt] of queue) findings[i] = judge(attempt, await see(attempt, context));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const steered = findings.some(({ area, saw }) => area === 'names' && saw === 'leads to the proxy');
  return [...judgeVariables(env, steered), ...findings, ...seatNotes(seat)];
}

async function currentSeat(env: NodeJS.ProcessEnv): Promise<Seat> {
  const [routes, resolvConf, status] = await Promise.all(
    ['/proc/net/route', '/etc/resolv.conf', '/proc/self/status'].map(textOf),
  );
  return readSeat(env, networkInterfaces(), {
    routes: routes ?? '',
    resolvConf: resolvConf ?? '',
    status: status ?? '',
  });
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** A resolver with a deadline: `dns.lookup` would wait for 5 s and more on a network that swallows queries. */
async function hostAddresses(): Promise<(name: string) => Promise<readonly string[]>> {
  const hosts = (await textOf('/etc/hosts')).split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  return async (name) => {
    const known = hosts.filter(([, ...names]) => names.includes(name)).map(([address = '']) => address);
    if (known.length > 0) return known;
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
    return resolver.resolve4(name).catch(() => []);
  };
}

/** An error with a line break, or '' where help was asked for. */
function parseRequest(argv: readonly string[]): ProbeRequest | string {
  const options = readOptions(argv);
  if (typeof options === 'string') return options;
  const publicTargets = options.public.map(readHostAndPort);
  const targets = options.target.map(readHostAndPort);
  if (publicTargets.includes(null) || targets.includes(null)) return 'probe: a target is HOST:PORT\n';
  if (publicTargets.some((target) => target !== null && isIP(target.host) === 0))
    return 'probe: --public is ADDRESS:PORT\n';
  const present = (target: HostAndPort | null): target is HostAndPort => target !== null;
  return {
    json: options.json,
    zone: options.zone,
    publicTargets: publicTargets.filter(present),
    targets: targets.filter(present),
  };
}

function readOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        public: { type: 'string', multiple: true, default: [] },
        target: { type: 'string', multiple: true, default: [] },
        zone: { type: 'string', default: 'example.com' },
      },
    });
    return values.help ? '' : values;
  } catch (error) {
    return `probe: ${error instanceof Error ? error.message : String(error)}\n`;
  }
}

function readHostAndPort(text: string): HostAndPort | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) return null;
  return { host: match[1] ?? match[2] ?? '', port };
}
