/** The vocabulary of the probe: what is tried, what was seen, and what that means. */
import { hostPortText } from '../core/target.js';

export type Area =
  | 'variables'
  | 'proxy'
  | 'public'
  | 'private'
  | 'host'
  | 'stack'
  | 'named'
  | 'dns'
  | 'names'
  | 'metadata'
  | 'ipv6'
  | 'udp'
  | 'icmp'
  | 'admin'
  | 'gateway'
  | 'relay'
  | 'docker-socket'
  | 'forwarding'
  | 'host-by-proxy'
  | 'through-proxy'
  | 'node'
  | 'api-server'
  | 'kube-dns'
  | 'service-account'
  | 'pods'
  | 'control'
  | 'seat';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export type Way =
  | { readonly kind: 'tcp'; readonly to: HostAndPort }
  | { readonly kind: 'udp'; readonly to: HostAndPort; readonly protocol: 'dns' | 'ntp' | 'quic' }
  /** A name that nobody has asked for before, so that an answer to it must have come from outside. */
  | { readonly kind: 'query'; readonly server: string; readonly name: string; readonly type: 'A' | 'TXT' }
  /** An MCP request to what may be a gateway. */
  | { readonly kind: 'mcp'; readonly to: HostAndPort }
  | { readonly kind: 'ping'; readonly address: string }
  /** To an address of this container, by the MAC address of `through`. */
  | { readonly kind: 'frame'; readonly to: string; readonly through: string }
  | { readonly kind: 'socket-file'; readonly path: string }
  | { readonly kind: 'request'; readonly method: 'CONNECT' | 'GET'; readonly target: string };

export interface Try {
  readonly area: Area;
  readonly way: Way;
}

/**
 * `answered`: bytes, a handshake or a file; `reset`: refused by the far end, so packets get there and back;
 * `silent`: nothing within the time; `no-route`: the kernel sent nothing; `no-name`: the name has no address; `absent`: no such file;
 * `rejected`: refused by a firewall, which also refuses addresses that nobody has;
 * `steered`: the name leads to the proxy; `denied`: the proxy refused it; `dialed`: the proxy tried it and failed;
 * `inside`: refused or answered by the resolver of this network; `not-tried`: not possible from here.
 */
export type Sight =
  | 'answered'
  | 'reset'
  | 'rejected'
  | 'silent'
  | 'no-route'
  | 'no-name'
  | 'absent'
  | 'steered'
  | 'denied'
  | 'dialed'
  | 'inside'
  | 'not-tried';

export interface Seen {
  readonly each: Try;
  readonly saw: Observation;
}

export interface Observation {
  readonly sight: Sight;
  readonly detail: string;
}

/** `wrong`: no way out, but tools will not work like this. `ok`: as it should be. `note`: what no network can rule out. */
export type State = 'open' | 'wrong' | 'closed' | 'ok' | 'note' | 'skipped';

export interface Finding {
  readonly area: Area;
  readonly tried: string;
  readonly state: State;
  readonly saw: string;
  /** Null unless the state is `open`, `wrong` or `note`. */
  readonly meaning: string | null;
  readonly remedy: string | null;
}

/** One line for a person: `tcp 10.0.0.1:80`. */
export function describeWay(way: Way): string {
  switch (way.kind) {
    case 'tcp':
      return `tcp ${hostAndPortText(way.to)}`;
    case 'udp':
      return `udp ${hostAndPortText(way.to)} (${way.protocol})`;
    case 'mcp':
      return `mcp ${hostAndPortText(way.to)}`;
    case 'query':
      return `${way.type} ${way.name} from ${way.server}`;
    case 'ping':
      return `ping ${way.address}`;
    case 'frame':
      return `a frame to ${way.to} by ${way.through}`;
    case 'socket-file':
      return way.path;
    case 'request':
      return `${way.method} ${way.target}`;
  }
}

export function hostAndPortText({ host, port }: HostAndPort): string {
  return hostPortText(host, port);
}
