/** What an observation means: open or closed, why it matters and how to close it. Pure. */

import { PROXY_VARIABLES, parseProxyUrl, type Seat } from './container.js';
import { type Area, describeWay, type Finding, type Observation, type Sight, type State, type Try } from './try.js';

interface Advice {
  readonly meaning: string;
  readonly remedy: string;
}

const INTERNAL_ONLY = 'put the tool on the internal tools network only: `networks: !override`, `internal: true`';
const INHIBIT = 'set the network option com.docker.network.bridge.inhibit_ipv4 to "true" and create the network anew';
const PROXY_POLICY = 'remove the `internal` exception that covers it, or the proxy in front of this one';

const ADVICE: Readonly<Record<Area, Advice>> = {
  variables: {
    meaning: 'clients that read this variable do not use the proxy',
    remedy: 'set all six: HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case forms, the URLs with http://',
  },
  proxy: {
    meaning: 'the one way out does not answer',
    remedy: 'start egress-proxy, and put it on the network of the tool',
  },
  public: { meaning: 'a public address is reached without the proxy', remedy: INTERNAL_ONLY },
  private: { meaning: 'a private network is reached without the proxy', remedy: INTERNAL_ONLY },
  host: { meaning: 'the host answers on the bridge, with every service that listens on 0.0.0.0', remedy: INHIBIT },
  stack: {
    meaning: 'a service of the stack is reached without the proxy',
    remedy: 'take it off the tools network, and allow what is needed with an `internal` exception',
  },
  named: { meaning: 'what you named is reached without the proxy', remedy: INTERNAL_ONLY },
  dns: { meaning: 'a DNS server outside is reached: queries carry anything out', remedy: INTERNAL_ONLY },
  names: {
    meaning: 'the resolver of this network forwards queries: names carry anything out',
    remedy:
      'use Docker Engine 26.0, 25.0.5, 23.0.11 or newer with an internal network (CVE-2024-29018), or `dns:` with the address of the proxy',
  },
  metadata: {
    meaning: 'cloud metadata, and with it the credentials of the machine, is reached',
    remedy: INTERNAL_ONLY,
  },
  ipv6: { meaning: 'IPv6 leads around the proxy', remedy: 'set `enable_ipv6: false` on the tools network' },
  udp: { meaning: 'UDP leads around the proxy', remedy: INTERNAL_ONLY },
  icmp: { meaning: 'ICMP echo leads around the proxy, and carries bytes', remedy: INTERNAL_ONLY },
  admin: {
    meaning: 'the admin API of the proxy is in reach of tools',
    remedy: 'keep listen.admin on 127.0.0.1, or on an address of another network with admin.token',
  },
  gateway: {
    meaning: 'it asks for no token: a tool can call every other tool by it, with the credentials of that tool',
    remedy: 'set MCP_GATEWAY_AUTH_TOKEN, or use the spawn guard, which gives each server a network of its own',
  },
  relay: {
    meaning: 'the relay to the gateway serves a tool, which can call every other tool by it',
    remedy:
      'bind listen.proxy or a steering door to the address of the proxy on the tools network: clients there are then refused',
  },
  'docker-socket': {
    meaning: 'whoever holds this socket is root on the host',
    remedy: 'do not mount it into a tool; only the gateway may have it',
  },
  forwarding: {
    meaning:
      'the kernel of the proxy routes what a tool with CAP_NET_RAW writes into a frame: past the proxy, to all its networks',
    remedy:
      'set the sysctls of compose.override.yml on the proxy: net.ipv4.ip_forward and net.ipv6.conf.all.forwarding to 0',
  },
  'host-by-proxy': {
    meaning: 'the proxy connects to the host itself, inside of its firewall',
    remedy: 'name every address of the host in EGRESS_HOST_ADDRESSES',
  },
  'through-proxy': { meaning: 'the proxy lets a private address through', remedy: PROXY_POLICY },
  seat: { meaning: '', remedy: '' },
};

const SAW: Readonly<Record<Sight, string>> = {
  answered: 'answered',
  reset: 'refused by the far end',
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

export function judge({ area, way }: Try, { sight, detail }: Observation): Finding {
  const state = stateIn(area, sight);
  const told = state === 'open' || state === 'wrong' || state === 'note';
  return {
    area,
    tried: describeWay(way),
    state,
    saw: detail === '' ? SAW[sight] : `${SAW[sight]}: ${detail}`,
    meaning: told ? ADVICE[area].meaning : null,
    remedy: told ? ADVICE[area].remedy : null,
  };
}

/** The proxy is the one thing that has to be there, and a reset from its admin port is how a closed one looks. */
function stateIn(area: Area, sight: Sight): State {
  if (sight === 'not-tried') return 'skipped';
  if (area === 'proxy') return sight === 'answered' ? 'ok' : 'wrong';
  if (area === 'admin') return sight === 'answered' ? 'open' : 'closed';
  // No network closes the gateway's own port to the tools beside it.
  if (area === 'gateway') return sight === 'answered' ? 'note' : 'closed';
  if (area === 'relay') return sight === 'answered' ? 'open' : 'closed';
  return OPEN.has(sight) ? 'open' : 'closed';
}

/**
 * The six proxy variables. `steered`: the resolver of this network leads to the proxy, so a tool without any of them
 * works all the same.
 */
export function judgeVariables(env: NodeJS.ProcessEnv, steered: boolean): Finding[] {
  const names = [...PROXY_VARIABLES, 'NO_PROXY', 'no_proxy'];
  const unused = names.every((name) => (env[name] ?? '') === '');
  return names.map((name) => {
    const problem = variableProblem(name, env[name] ?? '');
    const state = problem === null ? 'ok' : unused && steered ? 'note' : 'wrong';
    const advice = ADVICE.variables;
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

/** A value may hold credentials, so none is ever shown. */
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

/** What no probe can close, or know, said once. */
export function seatNotes(seat: Seat, hosts: readonly string[] | null = null): Finding[] {
  const notes: Finding[] = [];
  const note = (tried: string, saw: string, meaning: string, remedy: string): void => {
    notes.push({ area: 'seat', tried, state: 'note', saw, meaning, remedy });
  };
  if (seat.hasDefaultRoute) {
    note('default route', 'there is one', 'only a firewall outside of this container keeps packets in', INTERNAL_ONLY);
  }
  if (seat.canForgePackets) {
    const remedy =
      'drop it where the tool allows (`cap_drop: [ALL]`), and add the host rules of `egress-proxy firewall`';
    note('CAP_NET_RAW', 'held', 'packets with any source can be sent to what shares this network', remedy);
  } else if (seat.rootCanForgePackets) {
    const meaning =
      'a tool that runs as root here can send packets with any source; whether the proxy routes them was not tried';
    note(
      'CAP_NET_RAW',
      'not held by this user, but by root',
      meaning,
      'try it as root where there is python3 or perl, too',
    );
  }
  if (hosts?.length === 0) {
    const meaning =
      'a public address of the host looks like any other to the proxy, unless EGRESS_HOST_ADDRESSES names it';
    note('addresses of the host', 'not named', meaning, 'name them to this command as well: --host ADDRESS');
  }
  return notes;
}
