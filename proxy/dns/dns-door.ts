/**
 * The DNS door, over UDP and TCP: every name that a steering door could let through has the sidecar's own address. No
 * question is ever forwarded: what a name means is asked by our resolver, once a connection has come in for it.
 *
 * The one file that sends datagrams: only as answers, and only to neighbours of the door (peers.ts).
 */

import dgram, { type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { DnsAnswers } from '../config/config.js';
import type { HostPort } from '../config/places.js';
import { type Address, parseAddress } from '../core/address.js';
import { decideHost, type Refusal } from '../core/policy.js';
import type { DnsName } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import { peerAddress } from '../door/clients.js';
import type { ConnectionLimits } from '../door/connection-limits.js';
import { EMPTY_TRACE } from '../door/flow.js';
import { HTTP_PORT, HTTPS_PORT } from '../door/steered-ports.js';
import type { Link } from '../net/interfaces.js';
import { close, listen, listenError } from '../net/listen.js';
import { type OctetReader, readOctets } from '../net/octet-reader.js';
import { answerQuery, type DnsDoorAnswer, type DnsDoorPolicy, MAX_QUERY_BYTES } from './dns-answer.js';
import { endsInSuffix, isNamedWhole } from './own-names.js';
import { isNeighbour } from './peers.js';

export interface DnsDoor {
  /** The port is the same for UDP and TCP. */
  readonly bound: AddressInfo;
  /** Datagrams and connections of peers that are not answered. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** The ports of the other two steering doors: a name that neither may let through does not exist for its client. */
const STEERED_PORTS = [HTTPS_PORT, HTTP_PORT];
/** RFC 7766 section 6.2.3: clients over TCP ask at once or come back. */
const TCP_QUERY_MS = 5000;

export interface DnsDoorOptions {
  readonly arrivals: Arrivals;
  readonly connectionLimits: ConnectionLimits;
  readonly at: HostPort;
  /** The interfaces as they are now: networks come and go. */
  readonly links: () => readonly Link[];
  /** What the configuration says of the answers now. */
  readonly says: () => DnsAnswers;
}

/** What an answer is made of. */
type Answering = Pick<DnsDoorOptions, 'arrivals' | 'says'>;

/** True where the peer at `remoteAddress` may be answered by the door at `own`; counts those that may not. */
type Admits = (asker: Asker) => boolean;

/** Resolves once it answers; rejects where an address cannot be bound. */
export async function openDnsDoor(options: DnsDoorOptions): Promise<DnsDoor> {
  const { connectionLimits, at, links, says } = options;
  let dropped = 0;
  const admits: Admits = ({ own, remoteAddress }) => {
    const isAdmitted = isNeighbour(parseAddress(peerAddress(remoteAddress)), own, links(), says().peers);
    if (!isAdmitted) dropped++;
    return isAdmitted;
  };
  const connections = new Set<Socket>();
  // A client may end its side after its questions: the answers to them still go out.
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const asker = { own: parseAddress(peerAddress(socket.localAddress)), remoteAddress: socket.remoteAddress };
    const counted = admits(asker) ? connectionLimits.follow(socket) : null;
    if (counted?.isAdmitted !== true) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    void serveTcp(options, socket, asker, () => counted.heard());
  });
  const { bound, sockets } = await bindBoth(server, at, (place) => bindUdp(options, admits, place));
  return {
    bound,
    get dropped() {
      return dropped;
    },
    async close() {
      for (const socket of connections) socket.destroy();
      for (const socket of sockets.splice(0)) socket.close();
      await close(server);
    },
  };
}

/** A port of the system's choice is one that is free for TCP, and perhaps not for UDP. */
const MOST_CHOICES = 16;

async function bindBoth(
  server: Server,
  at: HostPort,
  bind: (place: HostPort) => Promise<DatagramSocket>,
): Promise<{ readonly bound: AddressInfo; readonly sockets: DatagramSocket[] }> {
  for (let choices = at.port === 0 ? MOST_CHOICES : 1; ; choices--) {
    const bound = await listen(server, at, 'steer.dns');
    const tried = await Promise.allSettled(
      datagramHosts(bound.address).map((host) => bind({ host, port: bound.port })),
    );
    const sockets = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = tried.find((one) => one.status === 'rejected');
    if (failed === undefined) return { bound, sockets };
    for (const socket of sockets) socket.close();
    await close(server);
    if (choices === 1) throw failed.reason;
  }
}

/** A datagram does not say on which address it arrived, so each address has a socket of its own. A link-local one names no place without its link. */
function datagramHosts(host: string): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const isHeard = ({ family, address }: { readonly family: string; readonly address: string }): boolean =>
    family === 'IPv4' || (host === '::' && !/^fe[89ab]/i.test(address));
  return interfaces.filter(isHeard).map(({ address }) => address);
}

async function bindUdp(options: Answering, admits: Admits, { host, port }: HostPort): Promise<DatagramSocket> {
  const own = parseAddress(host);
  const socket = dgram.createSocket(own?.family === 6 ? 'udp6' : 'udp4');
  socket.on('message', (packet, peer) => {
    const asker = { own, remoteAddress: peer.address };
    // Neither answered nor recorded: a forged source says nothing about who sent it.
    if (!admits(asker)) return;
    const response = answer(options, packet, asker);
    // What cannot be sent is lost, as any datagram may be. Port 0 is no port, and send() throws at it.
    if (response !== null && peer.port !== 0) socket.send(response, peer.port, peer.address, () => undefined);
  });
  socket.bind({ address: host, port });
  await once(socket, 'listening').catch((error: Error) => {
    throw listenError({ host, port }, 'steer.dns', error, ' over UDP');
  });
  socket.on('error', (error) => options.arrivals.onDefect(error));
  return socket;
}

interface Connection {
  readonly socket: Socket;
  readonly octets: OctetReader;
  readonly signal: AbortSignal;
}

/** Never rejects, and never leaves `socket` open. */
async function serveTcp(options: Answering, socket: Socket, asker: Asker, heard: () => void): Promise<void> {
  const idle = new AbortController();
  // Also for whoever does not read the last answers.
  const timer = setTimeout(() => {
    idle.abort();
    octets.onLate();
    socket.destroy();
  }, TCP_QUERY_MS);
  socket.once('close', () => clearTimeout(timer));
  const octets = readOctets(socket, options.arrivals.reads);
  try {
    while (await answerNext(options, asker, { socket, octets, signal: idle.signal })) {
      heard();
      timer.refresh();
    }
  } catch {
    // Every way here is the client's own doing: it has said all that it had to say, went away, or took too long.
  }
  socket.destroySoon();
  octets.release();
}

/** RFC 7766 section 8: two octets of length before each message. False where there is nothing to go on with. */
async function answerNext(options: Answering, asker: Asker, { socket, octets, signal }: Connection): Promise<boolean> {
  const length = (await octets.take(2)).readUInt16BE(0);
  if (length === 0 || length > MAX_QUERY_BYTES) return false;
  const query = await octets.take(length);
  await options.arrivals.turns.wait(peerAddress(asker.remoteAddress));
  const response = answer(options, query, asker);
  if (response === null) return false;
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(response.length);
  // A client that asks and does not read the answers is cut off by the timer.
  return socket.write(Buffer.concat([prefix, response])) || (await once(socket, 'drain', { signal })).length === 0;
}

interface Asker {
  /** The address on which it asked. */
  readonly own: Address | null;
  readonly remoteAddress: string | undefined;
}

/** Never throws: a defect of the proxy costs one answer. */
function answer(options: Answering, packet: Buffer, asker: Asker): Buffer | null {
  const { arrivals } = options;
  try {
    const { response, refused } = answerQuery(packet, policyOf(options, asker));
    if (refused !== null) record(arrivals, refused, asker).catch(arrivals.onDefect);
    return response;
  } catch (error) {
    arrivals.onDefect(error);
    return null;
  }
}

/** An own name comes first: it may end in a suffix of the search list, and no policy has to allow what leads nowhere else. */
function policyOf({ arrivals, says }: Answering, { own, remoteAddress }: Asker): DnsDoorPolicy {
  const { address, names, search } = says();
  const here = own?.family === 4 ? [own] : [];
  return {
    addresses: address.length > 0 ? address : here,
    isAbsent: (name) =>
      endsInSuffix(search, name) && !names.includes(name) && !isNamedWhole(arrivals.inForce.settings.policy, name),
    decideName(name) {
      if (names.includes(name)) return null;
      const refusal = refusalOf(arrivals, name, { own, remoteAddress });
      if (refusal === null) arrivals.asked({ remoteAddress }, name).catch(arrivals.onDefect);
      return refusal;
    },
  };
}

/** By name alone, before any resolution: refused where no steered port is open for it. */
function refusalOf(arrivals: Arrivals, name: DnsName, { remoteAddress }: Asker): Refusal | null {
  const { policy } = arrivals.inForce.settings;
  const identified = arrivals.whoIs({ remoteAddress });
  const client = { name: identified.outcome === 'known' ? identified.name : null };
  const own = arrivals.gate.own();
  const refusals = STEERED_PORTS.map((port) => {
    const target = { form: 'authority', scheme: null, host: { kind: 'name', name }, port } as const;
    return decideHost(policy, { target, client, own });
  });
  // A question is asked at the other doors, where a client without an address would never arrive: so the name is answered.
  return refusals.some((refusal) => refusal === null || refusal.reason === 'not-yet-allowed')
    ? null
    : (refusals[0] ?? null);
}

async function record(arrivals: Arrivals, refused: NonNullable<DnsDoorAnswer['refused']>, asker: Asker): Promise<void> {
  const { remoteAddress } = asker;
  const { flow } = await arrivals.arrive('steer-dns', { remoteAddress }, { method: null, credentials: null });
  const host = refused.host === null ? {} : { host: { kind: 'name', name: refused.host } as const };
  flow.refused({ ...EMPTY_TRACE, ...host }, null, refused.refusal);
}
