/** From a tool's seat: tries every way out and says what is open. */
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseAddress } from '../core/address.js';
import { parseHosts } from '../core/hosts-table.js';
import { parseDnsName } from '../core/target.js';
import { readSeat, type Seat } from './container.js';
import { CONTROLS, controlNotes, rejectedKinds, withoutRejections } from './control.js';
import { type SightOptions, see } from './finding.js';
import { linksTo, macOf, seeForwarding } from './forwarding.js';
import { judge, judgeVariables, seatNotes } from './judge.js';
import { withoutNeighbours } from './neighbours.js';
import { planTries } from './plan.js';
import type { Finding, HostAndPort, Seen, Try } from './try.js';

export interface ProbeRequest {
  /** The zone under which a random name is asked for. */
  readonly zone: string;
  /** Tried in place of well-known public addresses. */
  readonly publicTargets: readonly HostAndPort[];
  /** Further targets that must be closed. */
  readonly targets: readonly HostAndPort[];
  /** Addresses of the host as seen from outside. */
  readonly hosts: readonly string[];
}

const TIMEOUT_MS = 1500;
const AT_ONCE = 24;

/** Tries every way out from where this process runs, and judges each. */
export async function probe(
  request: ProbeRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const seat = await withoutNeighbours(await currentSeat(env), namesOf);
  return findWaysOut(seat, request, env);
}

async function findWaysOut(
  seat: Seat,
  request: ProbeRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const addressesOf = await hostAddresses();
  const proxyAddresses = isIP(seat.proxy.host) === 0 ? await addressesOf(seat.proxy.host) : [seat.proxy.host];
  const options: SightOptions = { timeoutMs: TIMEOUT_MS, proxy: seat.proxy, proxyAddresses, addressesOf };
  const isPod = seat.cluster !== null;
  const controls = isPod ? await seeAll(CONTROLS, options) : [];
  const rejected = rejectedKinds(controls);
  const tries = planTries(seat, request, () => randomBytes(8).toString('hex'));
  const seen = await seeAll(tries, options);
  const findings = seen.map(({ each, saw }) =>
    judge(each, withoutRejections(each, saw, rejected), isPod ? 'kubernetes' : 'docker'),
  );
  const steered = seen.some(({ each, saw }) => each.area === 'names' && saw.sight === 'steered');
  const forwarding = seat.canForgePackets ? await findForwarding(proxyAddresses) : [];
  const notes = [...controlNotes(controls), ...seatNotes(seat, [...request.hosts, ...(seat.cluster?.nodes ?? [])])];
  return [...judgeVariables(env, steered), ...findings, ...forwarding, ...notes];
}

/** The results in the order of `tries`, a bounded number of which are under way at once. */
async function seeAll(tries: readonly Try[], options: SightOptions): Promise<Seen[]> {
  const seen: Seen[] = new Array(tries.length);
  const queue = tries.entries();
  const work = async (): Promise<void> => {
    for (const [i, each] of queue) seen[i] = { each, saw: await see(each, options) };
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return seen;
}

/** After everything else, when the kernel knows the proxy's MAC address. */
async function findForwarding(proxyAddresses: readonly string[]): Promise<Finding[]> {
  const [proxy] = proxyAddresses.flatMap((text) => parseAddress(text) ?? []);
  if (proxy === undefined) return [];
  const mac = macOf(proxy, await textOf('/proc/net/arp'));
  const found: Finding[] = [];
  for (const link of mac === null ? [] : linksTo(proxy, networkInterfaces())) {
    const way = { kind: 'frame', to: link.address.text, through: proxy.text } as const;
    found.push(judge({ area: 'forwarding', way }, await seeForwarding(link, mac ?? '')));
  }
  return found;
}

async function currentSeat(env: Readonly<Record<string, string | undefined>>): Promise<Seat> {
  const [routes, routes6, resolvConf, status] = await Promise.all(
    ['/proc/net/route', '/proc/net/ipv6_route', '/etc/resolv.conf', '/proc/self/status'].map(textOf),
  );
  return readSeat(env, networkInterfaces(), {
    routes: routes ?? '',
    routes6: routes6 ?? '',
    resolvConf: resolvConf ?? '',
    status: status ?? '',
  });
}

function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** A resolver with a deadline, because `dns.lookup` waits for 5 s or more on a network that swallows queries. */
async function hostAddresses(): Promise<(name: string) => Promise<readonly string[]>> {
  const hosts = parseHosts(await textOf('/etc/hosts'));
  return async (name) => {
    const known = hosts.get(parseDnsName(name) ?? '');
    if (known !== undefined) return known.map(({ text }) => text);
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
    const found = await resolver.resolve4(name).catch(() => []);
    return found.length > 0 ? found : resolver.resolve6(name).catch(() => []);
  };
}

/** By a PTR query, because `reverse` would answer for an own address from /etc/hosts, which lacks the network's name. */
function namesOf(address: string): Promise<readonly string[]> {
  if (isIP(address) !== 4) return Promise.resolve([]);
  const name = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  return new Resolver({ timeout: TIMEOUT_MS, tries: 1 }).resolvePtr(name).catch(() => []);
}
