/**
 * The only file that opens outward TCP connections. It takes a Permit and connects to the addresses in it: no name is
 * resolved a second time, and no caller can dial anything else.
 */
import net from 'node:net';
import type { LimitsInForce } from '../config/config.js';
import { type Address, parseAddress, sameAddress } from '../core/address.js';
import { holdsAddress, isIssued, type Permit } from '../core/policy.js';
import { EgressError, type FailReason } from '../core/reasons.js';
import type { Abortable } from './abort.js';
import { Deadline, Deadlines, type Due } from './deadlines.js';

/** `socket` is connected to `address`, half-open, without listeners; the caller owns it. */
export interface Dialed {
  readonly socket: net.Socket;
  readonly address: Address;
}

/** Is told once how a dial ends, perhaps before `dial` has returned. Neither may throw. */
export interface DialOwner {
  onDialed(dialed: Dialed): void;
  /** `error`: an EgressError, or a defect. Nothing is left open. */
  onFailed(error: unknown): void;
}

export interface Dial {
  /** Fails it with `client-closed`, unless it is over. */
  abort(): void;
}

export interface Dialer {
  /**
   * Connects to one of the permit's addresses: staggered attempts in the manner of RFC 8305 section 5, the first to
   * connect wins. Fails with an EgressError `connect-refused`, `connect-timeout`, `unroutable`, `upstream-reset`, or
   * `client-closed` after an abort. Throws a TypeError, before anything is opened, for a Permit that the policy has not issued.
   */
  dial(permit: Permit, owner: DialOwner): Dial;
}

export interface DialerOptions {
  /** `connectTimeoutMs`: the bound of each attempt, and of all of them together. */
  readonly inForce: LimitsInForce<'connectTimeoutMs'>;
  /** True if IPv6 is worth trying first. */
  readonly prefersIPv6: () => boolean;
  readonly deadlines?: Deadlines;
}

/** RFC 8305 section 5: the recommended delay before the next attempt. */
const ATTEMPT_DELAY_MS = 250;
/** Names with dozens of addresses are not worth dozens of attempts. */
const MOST_ATTEMPTS = 8;

export function createDialer(options: DialerOptions): Dialer {
  const { deadlines = new Deadlines() } = options;
  return {
    dial(permit, owner) {
      if (!isIssued(permit) || permit.isByName)
        throw new TypeError('the dialer takes what the policy has issued, and this is no such Permit');
      const addresses = permit.addresses.length === 1 ? permit.addresses : inOrder(permit.addresses, options);
      const race = new Race(permit, addresses, owner, deadlines);
      // The first attempt comes first: if it throws, nothing is left that would act later.
      race.tryNext();
      if (!race.isOver) race.deadline.set(options.inForce.settings.limits.connectTimeoutMs);
      return race;
    },
  };
}

/** The same as a promise. Rejects with what the dial fails with; `signal` aborts it. */
export function dialed(dialer: Dialer, permit: Permit, signal: Abortable): Promise<Dialed> {
  return new Promise((onDialed, onFailed) => {
    if (signal.aborted) throw new EgressError('client-closed');
    const onAbort = (): void => dial.abort();
    const ending = <T>(end: (result: T) => void): ((result: T) => void) => {
      return (result) => {
        signal.removeEventListener('abort', onAbort);
        end(result);
      };
    };
    const dial = dialer.dial(permit, { onDialed: ending(onDialed), onFailed: ending(onFailed) });
    signal.addEventListener('abort', onAbort);
  });
}

/** The attempts of one dial. */
class Race implements Dial, Due {
  readonly #permit: Permit;
  readonly #addresses: readonly Address[];
  readonly #owner: DialOwner;
  readonly #open: net.Socket[] = [];
  readonly #failures: FailReason[] = [];
  #next = 0;
  isOver = false;
  #stagger: NodeJS.Timeout | undefined;
  readonly deadline: Deadline;

  /** `addresses`: those of the permit in the order in which they are tried. */
  constructor(permit: Permit, addresses: readonly Address[], owner: DialOwner, deadlines: Deadlines) {
    this.#permit = permit;
    this.#addresses = addresses;
    this.#owner = owner;
    this.deadline = new Deadline(deadlines, this);
  }

  onLate(): void {
    this.#fail('connect-timeout');
  }

  abort(): void {
    if (!this.isOver) this.#fail('client-closed');
  }

  tryNext(): void {
    clearTimeout(this.#stagger);
    const address = this.#addresses[this.#next++];
    if (address !== undefined) this.#attempt(address);
    else if (this.#open.length === 0) this.#fail(worthTelling(this.#failures));
    if (this.#next < this.#addresses.length && !this.isOver)
      this.#stagger = setTimeout(() => this.tryNext(), ATTEMPT_DELAY_MS);
  }

  #attempt(address: Address): void {
    if (!holdsAddress(this.#permit, address)) {
      this.#fail('internal-error');
      return;
    }
    const { port } = this.#permit.target;
    const socket = net.connect({ host: address.text, family: address.family, port, ...HERE_ONLY });
    const onError = (error: Error): void => {
      if (this.isOver) return;
      this.#open.splice(this.#open.indexOf(socket), 1);
      this.#failures.push(reasonOfConnect(error));
      this.tryNext();
    };
    const onConnect = (): void => {
      if (socket.remoteAddress !== address.text && !isPeer(socket, address)) {
        socket.destroy(new Error('the peer is not the vetted address'));
        return;
      }
      socket.off('connect', onConnect).off('error', onError);
      this.#settle(socket);
      this.#owner.onDialed({ socket, address });
    };
    this.#open.push(socket);
    socket.on('error', onError).on('connect', onConnect);
  }

  #fail(reason: FailReason): void {
    this.#settle(null);
    this.#owner.onFailed(new EgressError(reason));
  }

  #settle(winner: net.Socket | null): void {
    this.isOver = true;
    clearTimeout(this.#stagger);
    this.deadline.clear();
    for (const socket of this.#open) if (socket !== winner) socket.destroy();
  }
}

const refuseNames: net.LookupFunction = (name, _options, callback) => {
  callback(new Error(`the dialer resolves no names: ${name}`), '', 0);
};

/**
 * `lookup` refuses: should anything ever be taken for a name here, it must fail and not resolve. Options that would lead
 * elsewhere are set to nothing, so that none is inherited from a polluted prototype.
 */
const HERE_ONLY = {
  autoSelectFamily: false,
  allowHalfOpen: true,
  noDelay: true,
  lookup: refuseNames,
  path: undefined,
  fd: undefined,
  handle: undefined,
  localAddress: undefined,
  localPort: undefined,
};

/** `address` in another form is still its own peer. */
function isPeer(socket: net.Socket, address: Address): boolean {
  const peer = parseAddress(socket.remoteAddress ?? '');
  return peer !== null && sameAddress(peer, address);
}

/** The preferred family first, then alternating (RFC 8305 section 4), at most MOST_ATTEMPTS. */
function inOrder(addresses: readonly Address[], { prefersIPv6 }: DialerOptions): readonly Address[] {
  const first = prefersIPv6() ? 6 : 4;
  const preferred = addresses.filter(({ family }) => family === first);
  const others = addresses.filter(({ family }) => family !== first);
  const order: Address[] = [];
  for (let i = 0; i < Math.max(preferred.length, others.length); i++) {
    order.push(...preferred.slice(i, i + 1), ...others.slice(i, i + 1));
  }
  return order.slice(0, MOST_ATTEMPTS);
}

/** Of several failures, the one that says most: first that somebody answered, then that nobody did, then that there is no route. */
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
