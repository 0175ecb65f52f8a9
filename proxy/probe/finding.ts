/** Carries out one attempt, with a few packets and a deadline. Never throws: a failure is an observation, too. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { stat } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import type { ProxyPlace } from './container.js';
import { questionBytes } from './dns.js';
import { mcpRequest, readMcpAnswer } from './mcp.js';
import { payloadOf } from './payload.js';
import { readRefusal, requestText } from './proxy.js';
import { seeQuery } from './query.js';
import {
  type Area,
  type HostAndPort,
  hostAndPortText,
  type Observation,
  type Sight,
  type Try,
  type Way,
} from './try.js';

export interface SightOptions {
  readonly timeoutMs: number;
  readonly proxy: ProxyPlace;
  readonly proxyAddresses: readonly string[];
  /** Addresses of a name by /etc/hosts and the resolver of this container; empty if there is none. */
  readonly addressesOf: (name: string) => Promise<readonly string[]>;
}

/** Long enough for a proxy that tries a target it should have refused until its own connect timeout. */
const PROXY_TIMEOUT_MS = 15_000;
const NO_ROUTE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EACCES', 'EPERM', 'EINVAL']);

export async function see({ area, way }: Try, options: SightOptions): Promise<Observation> {
  if (IN_CLUSTER.has(area) && leadsToProxy(way, options)) return seen('steered');
  switch (way.kind) {
    case 'tcp':
      return area === 'proxy' || area === 'admin' ? seeTcp(way.to, options) : seeNamed(way.to, options);
    case 'udp':
      return exchangeDatagram(way.to, payloadOf(way.protocol), options.timeoutMs, () => seen('answered'));
    case 'query': {
      const server = { host: way.server, port: 53 };
      return seeQuery(way, options.proxyAddresses, ({ name, type }, read) =>
        exchangeDatagram(server, questionBytes(name, type), options.timeoutMs, read),
      );
    }
    case 'mcp':
      return askMcp(way.to, options);
    case 'ping':
      return ping(way.address);
    case 'frame':
      return seen('not-tried');
    case 'socket-file':
      return stat(way.path).then(
        () => seen('answered', 'it is there'),
        () => seen('absent'),
      );
    case 'request':
      return throughProxy(way.method, way.target, options);
  }
}

/** True for a guessed address of the cluster that is in fact the proxy's own Service. */
function leadsToProxy(way: Way, { proxyAddresses }: SightOptions): boolean {
  return (way.kind === 'tcp' || way.kind === 'udp') && proxyAddresses.includes(way.to.host);
}

const IN_CLUSTER: ReadonlySet<Area> = new Set<Area>(['node', 'api-server', 'kube-dns', 'pods']);

/** A name that leads to the proxy is the steering door at work, and connecting there proves nothing. */
async function seeNamed(to: HostAndPort, options: SightOptions): Promise<Observation> {
  if (isIP(to.host) !== 0) return seeTcp(to, options);
  const addresses = await options.addressesOf(to.host);
  if (addresses.length === 0) return seen('no-name');
  const others = addresses.filter((address) => !options.proxyAddresses.includes(address));
  if (others.length === 0) return seen('steered');
  const views = await Promise.all(others.slice(0, 2).map((host) => seeTcp({ host, port: to.port }, options)));
  return views.find(({ sight }) => sight === 'answered' || sight === 'reset') ?? views[0] ?? seen('no-name');
}

async function seeTcp({ host, port }: HostAndPort, { timeoutMs, addressesOf }: SightOptions): Promise<Observation> {
  const address = isIP(host) === 0 ? (await addressesOf(host))[0] : host;
  if (address === undefined) return seen('no-name');
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (observation: Observation): void => {
      socket.destroy();
      resolve(observation);
    };
    socket.setTimeout(timeoutMs, () => end(seen('silent')));
    socket.once('connect', () => end(seen('answered', host === address ? '' : address)));
    socket.on('error', (error) => end(fromError(error)));
  });
}

function exchangeDatagram(
  { host, port }: HostAndPort,
  payload: Uint8Array,
  timeoutMs: number,
  read: (reply: Uint8Array) => Observation,
): Promise<Observation> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const end = (observation: Observation): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(observation);
    };
    const timer = setTimeout(() => end(seen('silent')), timeoutMs);
    socket.on('error', (error) => end(fromError(error)));
    socket.once('message', (reply) => end(read(reply)));
    socket.once('connect', () => socket.send(payload, (error) => error && end(fromError(error))));
    socket.connect(port, host);
  });
}

function ping(address: string): Promise<Observation> {
  return new Promise((resolve) => {
    const ended = (error: { readonly code?: unknown } | null): void => {
      if (error === null) resolve(seen('answered'));
      else resolve(error.code === 'ENOENT' ? seen('not-tried', 'no ping here') : seen('silent'));
    };
    // Thrown instead of passed to the callback: EPERM, for a program with a file capability that this container has dropped.
    try {
      execFile('ping', ['-c', '1', '-W', '1', address], { timeout: 5000 }, ended);
    } catch {
      resolve(seen('not-tried', 'ping may not run here'));
    }
  });
}

/** Asks the proxy's addresses, too, since its relay is a port like any other. */
async function askMcp(to: HostAndPort, { addressesOf, timeoutMs }: SightOptions): Promise<Observation> {
  const host = isIP(to.host) === 0 ? (await addressesOf(to.host))[0] : to.host;
  if (host === undefined) return seen('no-name');
  const text = mcpRequest(hostAndPortText(to));
  return exchange(
    { host, port: to.port },
    { text, timeoutMs, read: readMcpAnswer, silence: () => seen('silent'), lost: fromError },
  );
}

interface Exchange {
  readonly text: string;
  readonly timeoutMs: number;
  /** Reads what has come up to the end of the head. */
  readonly read: (head: string) => Observation;
  readonly silence: () => Observation;
  readonly lost: (error: Error) => Observation;
}

function exchange(to: HostAndPort, { text, timeoutMs, read, silence, lost }: Exchange): Promise<Observation> {
  return new Promise((resolve) => {
    const socket = connect(to);
    let head = '';
    const end = (observation: Observation): void => {
      socket.destroy();
      resolve(observation);
    };
    socket.setTimeout(timeoutMs, () => end(silence()));
    socket.once('connect', () => socket.write(text));
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      if (head.includes('\r\n\r\n') || head.length > 65_536) end(read(head));
    });
    socket.on('end', () => end(read(head)));
    socket.on('error', (error) => end(lost(error)));
  });
}

function throughProxy(method: 'CONNECT' | 'GET', target: string, options: SightOptions): Promise<Observation> {
  const { proxy, proxyAddresses } = options;
  const [host] = proxyAddresses;
  if (host === undefined) return Promise.resolve(seen('not-tried', 'the proxy has no address'));
  return exchange(
    { host, port: proxy.port },
    {
      text: requestText(method, target, proxy.authorization),
      timeoutMs: PROXY_TIMEOUT_MS,
      read: (head) => readRefusal(head, method),
      silence: () => seen('not-tried', 'the proxy did not answer'),
      lost: (error) => seen('not-tried', `the proxy cannot be reached: ${codeOf(error)}`),
    },
  );
}

function fromError(error: Error): Observation {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return seen('reset');
  if (code === 'ETIMEDOUT') return seen('silent');
  return NO_ROUTE.has(code) ? seen('no-route') : seen('no-route', code);
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function seen(sight: Sight, detail = ''): Observation {
  return { sight, detail };
}
