/** What an observation means: open or closed, why it matters and how to close it. Pure. */

import { adviceOf, ENFORCED, INTERNAL_ONLY, type Place } from './advice.js';
import { PROXY_VARIABLES, parseProxyUrl, type Seat } from './container.js';
import { type Area, describeWay, type Finding, type Observation, type Sight, type State, type Try } from './try.js';

const SAW: Readonly<Record<Sight, string>> = {
  answered: 'answered',
  reset: 'refused by the far end',
  rejected: 'refused, like addresses that nobody has',
  silent: 'no answer',
  'no-route': 'no route',
  'no-name': 'no such name',
  absent: 'no such file',
  steered: 'leads to the proxy',
  denied: 'refused by the proxy',
  dialed: 'the proxy tried to reach it',
  inside: 'not forwarded',
  'not-tried': 'not tried',
};

const OPEN: ReadonlySet<Sight> = new Set(['answered', 'reset', 'dialed']);

export function judge({ area, way }: Try, { sight, detail }: Observation, place: Place = 'docker'): Finding {
  const state = stateIn(area, sight);
  const told = state === 'open' || state === 'wrong' || state === 'note';
  const { meaning, remedy } = adviceOf(area, place);
  return {
    area,
    tried: describeWay(way),
    state,
    saw: detail === '' ? SAW[sight] : `${SAW[sight]}: ${detail}`,
    meaning: told ? meaning : null,
    remedy: told ? remedy : null,
  };
}

/** The proxy is the one place that has to be reachable, and its closed admin port answers with a reset. */
function stateIn(area: Area, sight: Sight): State {
  if (sight === 'not-tried') return 'skipped';
  if (area === 'proxy') return sight === 'answered' ? 'ok' : 'wrong';
  if (area === 'admin') return sight === 'answered' ? 'open' : 'closed';
  // A note, since no network can close the gateway's own port to the tools beside it.
  if (area === 'gateway') return sight === 'answered' ? 'note' : 'closed';
  if (area === 'relay') return sight === 'answered' ? 'open' : 'closed';
  return OPEN.has(sight) ? 'open' : 'closed';
}

/**
 * The six proxy variables. `steered`: the resolver of this network leads to the proxy, so that a tool works without any of
 * them.
 */
export function judgeVariables(env: NodeJS.ProcessEnv, steered: boolean): Finding[] {
  const names = [...PROXY_VARIABLES, 'NO_PROXY', 'no_proxy'];
  const unused = names.every((name) => (env[name] ?? '') === '');
  return names.map((name) => {
    const problem = variableProblem(name, env[name] ?? '');
    const state = problem === null ? 'ok' : unused && steered ? 'note' : 'wrong';
    const advice = adviceOf('variables', 'docker');
    return {
      area: 'variables',
      tried: name,
      state,
      saw: problem ?? 'set',
      meaning: state === 'wrong' ? advice.meaning : null,
      remedy: state === 'wrong' ? advice.remedy : null,
    };
  });
}

/** Never shows a value, since it may hold credentials. */
function variableProblem(name: string, value: string): string | null {
  if (value === '') return 'not set';
  if (name.toLowerCase() === 'no_proxy') {
    const wide = value
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '' && !isLoopbackEntry(entry));
    return wide.length === 0 ? null : `more than loopback is exempt: ${JSON.stringify(wide.join(',').slice(0, 100))}`;
  }
  if (parseProxyUrl(value) !== null) return null;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value)
    ? 'not an http:// URL with a host'
    : 'has no scheme: http:// is missing';
}

function isLoopbackEntry(entry: string): boolean {
  return /^(localhost|127(\.\d+){1,3}(\/8)?|\[?::1\]?)$/i.test(entry);
}

/** What no network can close, or no probe can know, said once. */
export function seatNotes(seat: Seat, hosts: readonly string[] | null = null): Finding[] {
  const isInCluster = seat.cluster !== null;
  const notes: Finding[] = [];
  const note = (tried: string, saw: string, meaning: string, remedy: string): void => {
    notes.push({ area: 'seat', tried, state: 'note', saw, meaning, remedy });
  };
  if (seat.hasDefaultRoute) {
    note(
      'default route',
      'there is one',
      'only a firewall outside this container keeps packets in',
      isInCluster ? ENFORCED : INTERNAL_ONLY,
    );
  }
  if (seat.canForgePackets) {
    const remedy = isInCluster
      ? '`capabilities: { drop: [ALL] }` in the podTemplate: PodSecurity `restricted` asks for it'
      : 'drop it where the tool allows (`cap_drop: [ALL]`), and add the host rules of `egress-proxy firewall`';
    note('CAP_NET_RAW', 'held', 'it can send packets with any source to whatever shares this network', remedy);
  } else if (seat.rootCanForgePackets) {
    const meaning =
      'a tool that runs as root here can send packets with any source; whether the proxy routes them was not tried';
    note(
      'CAP_NET_RAW',
      'not held by this user, but by root',
      meaning,
      'try it as root, too, with python3 or perl installed',
    );
  }
  if (hosts?.length === 0) {
    const meaning =
      'a public address of the host looks like any other to the proxy, unless EGRESS_HOST_ADDRESSES names it';
    note('addresses of the host', 'not named', meaning, 'name them to this command as well: --host ADDRESS');
  }
  return notes;
}
