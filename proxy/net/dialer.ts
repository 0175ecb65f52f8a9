/**
 * The only opener of outward TCP connections. It takes a Permit, and connects to the addresses in it: no name, no
 * second resolution, no way around.
 */
import net from 'node:net';
import { type Address, parseAddress, sameAddress } from '../core/address.js';
import { isIssued, type Permit } from '../core/policy.js';
import { EgressError, type FailReason } from '../core/reasons.js';
import type { Abortable } from './abort.js';

/** `socket` is connected to `address`, half-open, without listeners; the caller owns it. */
export interface Dialed {
  readonly socket: net.Socket;
  readonly address: Address;
}

export interface Dialer {
  /**
   * Connects to one of the permit's addresses: staggered attempts in the manner of RFC 8305 section 5, the first to
   * connect wins. Rejects with an EgressError `connect-refused`, `connect-timeout`, `unroutable`, `upstream-reset`, or
   * `client-closed` when `signal` aborts; with a TypeError, before anything is opened, for what the policy has not issued.
   */
  dial(permit: Permit, signal: Abortable): Promise<Dialed>;
}

export interface DialerOptions {
  /** For each attempt, and for all of them together. */
  readonly connectTimeoutMs: () => number;
  /** True where IPv6 is worth trying first. */
  readonly prefersIPv6: () => boolean;
}

/** RFC 8305 section 5: the recommended delay before the next attempt. */
const ATTEMPT_DELAY_MS = 250;
/** Names with dozens of addresses are not worth dozens of attempts. */
const MOST_ATTEMPTS = 8;

export function createDialer(options: DialerOptions): Dialer {
  return {
    async dial(permit, signal) {
      if (!isIssued(permit) || permit.isByName)
        throw new TypeError('the dialer takes what the policy has issued, and this is no such Permit');
      const addresses = interleave(permit.addresses, options.prefersIPv6() ? 6 : 4).slice(0, MOST_ATTEMPTS);
      return race(addresses, permit.target.port, { signal, timeoutMs: options.connectTimeoutMs() });
    },
  };
}

interface RaceOptions {
  readonly signal: Abortable;
  readonly timeoutMs: number;
}

function race(addresses: readonly Address[], port: number, options: RaceOptions): Promise<Dialed> {
  return new Promise((resolve, reject) => {
    const waiting = [...addresses];
    const open = new Set<net.Socket>();
    const failures: FailReason[] = [];
    let stagger: NodeJS.Timeout | undefined;
    const settle = (winner: net.Socket | null): void => {
      clearTimeout(stagger);
      clearTimeout(deadline);
      options.signal.removeEventListener('abort', onAbort);
      waiting.length = 0;
      for (const socket of open) if (socket !== winner) socket.destroy();
      open.clear();
    };
    const fail = (reason: FailReason): void => {
      settle(null);
      reject(new EgressError(reason));
    };
    const onAbort = (): void => fail('client-closed');
    const next = (): void => {
      clearTimeout(stagger);
      const address = waiting.shift();
      if (address === undefined) {
        if (open.size === 0) fail(worthTelling(failures));
        return;
      }
      if (waiting.length > 0) stagger = setTimeout(next, ATTEMPT_DELAY_MS);
      start(address);
    };
    const start = (address: Address): void => {
      const socket = attempt(address, port);
      open.add(socket);
      const onError = (error: Error): void => {
        if (!open.delete(socket)) return;
        failures.push(reasonOfConnect(error));
        next();
      };
      socket.on('error', onError);
      socket.once('connect', () => {
        if (!isPeer(socket, address)) {
          socket.destroy(new Error('the peer is not the vetted address'));
          return;
        }
        settle(socket);
        socket.off('error', onError);
        resolve({ socket, address });
      });
    };
    const deadline = setTimeout(() => fail('connect-timeout'), options.timeoutMs);
    if (options.signal.aborted) return onAbort();
    options.signal.addEventListener('abort', onAbort, { once: true });
    next();
  });
}

/** `lookup` refuses: should anything ever be taken for a name here, it must fail and not resolve. */
function attempt(address: Address, port: number): net.Socket {
  return net.connect({
    host: address.text,
    port,
    family: address.family,
    autoSelectFamily: false,
    allowHalfOpen: true,
    noDelay: true,
    lookup: refuseNames,
  });
}

const refuseNames: net.LookupFunction = (name, _options, callback) => {
  callback(new Error(`the dialer resolves no names: ${name}`), '', 0);
};

function isPeer(socket: net.Socket, address: Address): boolean {
  const { remoteAddress = '' } = socket;
  if (remoteAddress === address.text) return true;
  const peer = parseAddress(remoteAddress);
  return peer !== null && sameAddress(peer, address);
}

/** The preferred family first, then alternating (RFC 8305 section 4). */
function interleave(addresses: readonly Address[], first: 4 | 6): Address[] {
  if (addresses.length === 1) return [...addresses];
  const preferred = addresses.filter(({ family }) => family === first);
  const others = addresses.filter(({ family }) => family !== first);
  const order: Address[] = [];
  for (let i = 0; i < Math.max(preferred.length, others.length); i++) {
    order.push(...preferred.slice(i, i + 1), ...others.slice(i, i + 1));
  }
  return order;
}

/** Of several failures the one that says most: somebody answered, before nobody did, before no way there. */
function worthTelling(failures: readonly FailReason[]): FailReason {
  const order: readonly FailReason[] = ['connect-refused', 'upstream-reset', 'connect-timeout', 'unroutable'];
  return order.find((reason) => failures.includes(reason)) ?? 'internal-error';
}

function reasonOfConnect(error: Error): FailReason {
  switch ('code' in error ? error.code : null) {
    case 'ECONNREFUSED':
      return 'connect-refused';
    case 'ETIMEDOUT':
      return 'connect-timeout';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'upstream-reset';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
    case 'EADDRNOTAVAIL':
    case 'EACCES':
    case 'EPERM':
    case 'EINVAL':
      return 'unroutable';
    default:
      return 'internal-error';
  }
}
