/**
 * The dialer where there is a parent proxy: the vetted address is handed to it, and a parent that is down is a failure,
 * never a reason to connect without it. Its own address is dialled under a Permit of its own. DECISIONS 47.
 */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import { goesToParent, type Parent } from '../core/parent.js';
import { decideAddresses, decideHost, holdsAddress, isIssued, type OwnEndpoints, type Permit } from '../core/policy.js';
import { EgressError, reasonOf } from '../core/reasons.js';
import { authorityText, type Host, hostText, type Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed, Dialer } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import { openHttpTunnel } from './http-tunnel.js';
import { openSocksTunnel } from './socks-tunnel.js';

export interface ParentDialerOptions {
  /** Connects without a parent. */
  readonly direct: Dialer;
  readonly resolver: Resolver;
  readonly own: () => OwnEndpoints;
  /** The parent in force; null: none. */
  readonly parent: () => Parent | null;
  /** For the connection to the parent and its answer together. */
  readonly connectTimeoutMs: () => number;
}

/** Of one name, one after the other: each costs a connection to the parent. */
const MOST_ADDRESSES = 3;
const NOT_ISSUED = 'the dialer takes what the policy has issued, and this is no such Permit';

/** Rejects with what a dialer rejects with, and with `parent-unreachable`, `parent-refused` or `parent-credentials`. */
export function createParentDialer(options: ParentDialerOptions): Dialer {
  return {
    dial(permit, signal) {
      if (!isIssued(permit)) return Promise.reject(new TypeError(NOT_ISSUED));
      const parent = options.parent();
      // Where the parent is gone since, a name that only it could resolve leads nowhere.
      if (parent === null && permit.isByName) return Promise.reject(new EgressError('parent-unreachable'));
      if (parent === null || !goesToParent(parent, permit)) return options.direct.dial(permit, signal);
      return throughParent(options, { parent, permit, signal });
    },
  };
}

interface Passing {
  readonly parent: Parent;
  readonly permit: Permit;
  readonly signal: Abortable;
}

async function throughParent(options: ParentDialerOptions, passing: Passing): Promise<Dialed> {
  const { parent, permit, signal } = passing;
  const own = await permitForParent(options, parent, signal);
  let last = new EgressError('parent-unreachable');
  // By name there is one way only, and what is connected to is the parent.
  const byName = permit.isByName || (parent.resolve === 'parent' && permit.target.host.kind === 'name');
  const addresses = byName ? [null] : ipv4First(permit.addresses).slice(0, MOST_ADDRESSES);
  for (const address of addresses) {
    if (address !== null && !holdsAddress(permit, address)) throw new EgressError('internal-error');
    try {
      const dialed = await openTunnel(options, { ...passing, own }, address);
      return address === null ? dialed : { ...dialed, address };
    } catch (error) {
      last = error instanceof EgressError ? error : new EgressError('parent-unreachable', { cause: error });
      // The next address would fare no better.
      if (['client-closed', 'parent-unreachable', 'parent-credentials'].includes(last.reason)) break;
    }
  }
  throw last;
}

/** Whether the parent has IPv6 is not known here, and company networks seldom have. */
function ipv4First(addresses: readonly Address[]): readonly Address[] {
  return addresses.toSorted((a, b) => a.family - b.family);
}

/** `address` null: by name. */
async function openTunnel(
  options: ParentDialerOptions,
  passing: Passing & { readonly own: Permit },
  address: Address | null,
): Promise<Dialed> {
  const { parent, own, permit, signal } = passing;
  const dialed = await options.direct.dial(own, signal).catch(unreachable);
  const { socket } = dialed;
  const gone = { reason: null as 'client-closed' | 'connect-timeout' | null };
  const give = (reason: 'client-closed' | 'connect-timeout') => (): void => {
    gone.reason ??= reason;
    socket.destroy();
  };
  const [onAbort, onLate] = [give('client-closed'), give('connect-timeout')];
  const deadline = setTimeout(onLate, options.connectTimeoutMs());
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await ask(socket, parent, permit.target, address);
    socket.off('error', ignore);
    return dialed;
  } catch (error) {
    socket.destroy();
    throw gone.reason === null ? error : new EgressError(gone.reason);
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', onAbort);
  }
}

function ask(socket: Socket, parent: Parent, target: Target, address: Address | null): Promise<void> {
  if (parent.protocol === 'socks5')
    return openSocksTunnel(socket, { host: address ?? hostText(target.host), port: target.port }, parent);
  const host: Host = address === null ? target.host : { kind: 'literal', address };
  return openHttpTunnel(socket, authorityText({ host, port: target.port }), parent);
}

/** The host around the container may be the parent's place: that it is no destination for tools is another matter. */
async function permitForParent(
  { resolver, own }: ParentDialerOptions,
  { target, policy }: Parent,
  signal: Abortable,
): Promise<Permit> {
  const { addresses: mine, ports } = own();
  const question = { target, client: { name: null }, own: { addresses: mine, ports } };
  if (decideHost(policy, question) !== null) throw new EgressError('parent-unreachable');
  const { host } = target;
  const addresses =
    host.kind === 'literal' ? [host.address] : await resolver.resolve(host.name, signal).catch(unreachable);
  const verdict = decideAddresses(policy, question, addresses);
  if (verdict.outcome === 'deny') throw new EgressError('parent-unreachable');
  return verdict.permit;
}

function unreachable(error: unknown): never {
  throw reasonOf(error) === 'client-closed' ? error : new EgressError('parent-unreachable', { cause: error });
}
