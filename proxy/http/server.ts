/** The proxy port: Node's HTTP/1.1 server with its limits, and which door takes what. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Limits } from '../config/config.js';
import type { Reason } from '../core/reasons.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Doorway } from '../door/arrivals.js';
import type { Budget } from '../door/connection-limits.js';
import type { Door } from '../observe/record.js';
import { connect } from './connect.js';
import { type Early, keepEarly } from './early-data.js';
import { createFront, type Front } from './first-head.js';
import { type ForwardTerms, forward } from './forward.js';
import { answerUnderWay, createTurns } from './pipeline.js';
import { type Ending, endResponse, endSocket } from './refusal.js';
import { framingFault, type RequestHead } from './request-head.js';
import { carriesUpgrade, headWithoutUpgrade, upgrade } from './upgrade.js';
import type { UpstreamPool } from './upstream-pool.js';

export interface ServerParts {
  readonly doorway: Doorway;
  readonly pool: UpstreamPool;
  readonly budget: Budget;
  /** Reads the Target of a request that is no CONNECT. */
  readonly target: (request: IncomingMessage) => Parsed<AbsoluteTarget>;
  /** The door of a request that is neither CONNECT nor Upgrade. */
  readonly door: Door;
}

export interface ProxyServer {
  readonly server: http.Server;
  /** Ends the connections that wait for a request. */
  closeIdle(): void;
}

/** Between two requests of a persistent connection. */
const KEEP_ALIVE_MS = 60_000;
/** Longer than the upstream's idle time-out, which has the better answer. */
const SOCKET_GRACE_MS = 5000;

/**
 * Not listening yet. Whatever a client sends ends in one of the doors, in a refusal, or in a closed connection. Header
 * limits of Node's parser are those of the configuration at start.
 */
export function createProxyServer(parts: ServerParts): ProxyServer {
  const { doorway } = parts;
  const { limits } = doorway.terms();
  const busy = new WeakSet<Socket>();
  const taken = new WeakMap<Socket, IncomingMessage>();
  const turns = createTurns();
  const server = http.createServer(optionsOf(limits));
  server.maxHeadersCount = 0;
  // A client may end its side behind its request and still wait for the answer (RFC 9112 section 9.6). Not in the types.
  Reflect.set(server, 'httpAllowHalfOpen', true);
  server.timeout = limits.idleTimeoutMs + SOCKET_GRACE_MS;
  const { front, parse, leaveParser, tunnel } = acceptThrough(server, parts, busy);
  const take = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const { socket } = request;
    taken.set(socket, request);
    // Now, not in its turn: the parser gives the connection up behind such a head, and the answer would be lost.
    const fault = framingFault(request);
    if (fault !== null) {
      endResponse(response, doorway.arriveUnread(parts.door, socket), refusal(fault));
      return;
    }
    const terms: ForwardTerms = { ...parts, busy: busy.has(socket), expectsContinue, onUpgraded: null };
    doorway.track(
      socket,
      turns.take(socket, response, () => forward(doorway, request, response, terms)),
    );
  };
  const takeOver = (socket: Socket, work: () => Promise<void>): void => {
    leaveParser(socket);
    doorway.track(socket, turns.takeOver(socket, work));
  };
  server.on('request', (request, response) => take(request, response, false));
  server.on('checkContinue', (request, response) => take(request, response, true));
  server.on('checkExpectation', (request, response) => take(request, response, false));
  server.on('connect', (request: IncomingMessage, _stream: Duplex, head: Buffer) => {
    const { socket } = request;
    if (parts.door !== 'absolute') return refuseHead(parts, socket, 'not-origin-form');
    takeOver(socket, () => {
      socket.setTimeout(0);
      return tunnel(request, socket, keepEarly(socket, doorway.reads, head));
    });
  });
  server.on('upgrade', (request: IncomingMessage, _stream: Duplex, head: Buffer) => {
    const { socket } = request;
    const terms = { ...parts, door: upgradeDoor(parts.door), busy: busy.has(socket), head };
    if (carriesUpgrade(request)) return takeOver(socket, () => upgrade(doorway, request, socket, terms));
    const again = Buffer.concat([headWithoutUpgrade(request), head]);
    takeOver(socket, async () => readAgain(socket, again, parse));
  });
  server.on('clientError', (error: Error, stream: Duplex) => {
    // What breaks off in its content has its record already.
    if (stream instanceof Socket && taken.get(stream)?.complete === false) stream.destroy();
    else unreadable(parts, error, stream);
  });
  return {
    server,
    closeIdle() {
      front.close();
      server.closeIdleConnections();
    },
  };
}

interface Acceptance {
  readonly front: Front;
  /** Hands a connection to the HTTP parser. */
  readonly parse: (socket: Socket) => void;
  /** After the parser has let go of it. */
  readonly leaveParser: (socket: Socket) => void;
  readonly tunnel: (request: RequestHead, socket: Socket, early: Early) => Promise<void>;
}

/** Puts the front before the parser of `server`: counts each connection, and reads its first head. */
function acceptThrough(server: http.Server, parts: ServerParts, busy: WeakSet<Socket>): Acceptance {
  const { doorway, budget } = parts;
  const { headerTimeoutMs } = doorway.terms().limits;
  const parsers = server.listeners('connection');
  // On the wire nothing tells a client that has gone from one that has ended its side: silence does. An idle stream of
  // events would go on upstream until its next event.
  const awaitSilence = function (this: Socket): void {
    this.setTimeout(headerTimeoutMs);
  };
  const parse = (socket: Socket): void => {
    socket.on('end', awaitSilence);
    for (const parser of parsers) parser.call(server, socket);
  };
  const tunnel: Acceptance['tunnel'] = (request, socket, early) =>
    connect(doorway, request, socket, { early, busy: busy.has(socket) });
  const front = createFront({
    reads: doorway.reads,
    limits: () => doorway.terms().limits,
    onConnect(request, socket, early) {
      // Whoever takes us for the origin has no tunnel to ask for.
      if (parts.door === 'absolute') doorway.track(socket, tunnel(request, socket, early));
      else refuseConnect(parts, socket, early);
    },
    onOther: parse,
    onFault: (reason, socket) => refuseHead(parts, socket, reason),
  });
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    if (!budget.enter(socket)) busy.add(socket);
    front.welcome(socket);
  });
  return { front, parse, leaveParser: (socket) => void socket.off('end', awaitSilence), tunnel };
}

function refuseConnect(parts: ServerParts, socket: Socket, early: Early): void {
  early.drop();
  refuseHead(parts, socket, 'not-origin-form');
}

function optionsOf(limits: Limits): http.ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.max(250, Math.min(5000, limits.headerTimeoutMs / 2)),
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
  };
}

/**
 * What Node's parser refused. A connection that was lost, or whose request is not whole, is only closed; the answer to
 * a whole request goes out before.
 */
function unreadable({ doorway, door }: ServerParts, error: Error, stream: Duplex): void {
  const reason = reasonOfParser(error);
  if (reason === null || !(stream instanceof Socket) || !stream.writable || stream.bytesRead === 0) {
    stream.destroy();
    return;
  }
  const answering = answerUnderWay(stream);
  if (answering === null) refuseHead({ doorway, door }, stream, reason);
  else if (answering.req.complete) answering.once('finish', () => stream.destroySoon());
  else stream.destroy();
}

function refuseHead({ doorway, door }: Pick<ServerParts, 'doorway' | 'door'>, socket: Socket, reason: Reason): void {
  endSocket(socket, doorway.arriveUnread(door, socket), refusal(reason));
}

function refusal(reason: Reason): Ending {
  return { reason, rule: null, what: null };
}

function reasonOfParser(error: Error): Reason | null {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'HPE_HEADER_OVERFLOW') return 'header-too-large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'header-timeout';
  return code.startsWith('HPE_') ? 'malformed-request' : null;
}

/** Hands the connection back to the parser, the rewritten head in front. */
function readAgain(socket: Socket, bytes: Buffer, parse: (socket: Socket) => void): void {
  if (socket.destroyed) return;
  socket.unshift(bytes);
  parse(socket);
}

function upgradeDoor(door: Door): Door {
  return door === 'absolute' ? 'upgrade' : door;
}
