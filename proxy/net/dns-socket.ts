/**
 * The sockets that carry questions to DNS servers: a UDP socket for each question, so that each has a source port of its own,
 * and a TCP socket where an answer does not fit. All are connected, so that the kernel lets in only what comes from the
 * server's address and port.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import type { DnsServer } from './dns-server.js';
import { HeldBytes } from './held-bytes.js';

export interface DnsSocket {
  /** May be called again, but over TCP only once. Never throws. */
  send(query: Buffer): void;
  /** No callback is called from now on. */
  close(): void;
}

export interface DnsSocketCallbacks {
  onMessage(message: Buffer): void;
  /** The server cannot be reached this way, or has gone. Called at most once, as the last callback. */
  onLoss(): void;
}

export function openUdp(server: DnsServer, { onMessage, onLoss }: DnsSocketCallbacks): DnsSocket {
  let state: 'connecting' | 'open' | 'closed' = 'connecting';
  let waiting: Buffer | null = null;
  const socket = dgram.createSocket({ type: server.family === 6 ? 'udp6' : 'udp4', lookup: literalOnly });
  const close = (): void => {
    if (state === 'closed') return;
    state = 'closed';
    socket.close();
  };
  const lose = (): void => {
    if (state === 'closed') return;
    close();
    onLoss();
  };
  const transmit = (query: Buffer): void => socket.send(query, (error) => error !== null && lose());
  socket.on('error', lose);
  socket.on('message', (message) => state === 'open' && onMessage(message));
  // Not as the callback of `connect`, because errors would then go to that instead of the event.
  socket.once('connect', () => {
    if (state === 'closed') return;
    state = 'open';
    if (waiting !== null) transmit(waiting);
  });
  socket.connect(server.port, server.host);
  return {
    send(query) {
      if (state === 'open') transmit(query);
      else waiting = query;
    },
    close,
  };
}

/** RFC 1035 section 4.2.2: each message after its length in two octets. */
const LENGTH_OCTETS = 2;

export function openTcp(server: DnsServer, { onMessage, onLoss }: DnsSocketCallbacks): DnsSocket {
  const { host, port, family } = server;
  const socket = net.connect({ host, port, family, autoSelectFamily: false, noDelay: true, lookup: literalOnly });
  const held = new HeldBytes();
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    socket.destroy();
  };
  const lose = (): void => {
    if (!isOpen) return;
    close();
    onLoss();
  };
  socket.on('error', lose);
  socket.on('close', lose);
  socket.on('data', (bytes) => {
    if (!isOpen) return;
    held.push(bytes);
    const all = held.all();
    if (all.length < LENGTH_OCTETS || all.length < LENGTH_OCTETS + all.readUInt16BE()) return;
    onMessage(all.subarray(LENGTH_OCTETS, LENGTH_OCTETS + all.readUInt16BE()));
  });
  return {
    send(query) {
      const length = Buffer.alloc(LENGTH_OCTETS);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    },
    close,
  };
}

/** Takes addresses only: should a name ever get here, it must fail and not resolve. Answers in the next tick, as callers expect. */
function literalOnly(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = net.isIP(host);
  const error = family === 0 ? new Error(`not an address: ${host}`) : null;
  process.nextTick(callback, error, host, family);
}
