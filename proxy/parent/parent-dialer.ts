/**
 * The dialer if there is a parent proxy, which gets the vetted address. A parent that is down is a failure, never a reason to
 * connect without it. The parent's own address is dialled under a Permit of its own. DECISIONS 47.
 */
import type { Socket } from 'node:net';
import type { InForce } from '../config/config.js';
import type { Address } from '../core/address.js';
import { goesToParent, type Parent } from '../core/parent.js';
import { decideAddresses, decideHost, holdsAddress, isIssued, type OwnEndpoints, type Permit } from '../core/policy.js';
import { EgressError, reasonOf } from '../core/reasons.js';
import { authorityText, type Host, hostText, type Target } from '../core/target.js';
import { Abort, type Abortable } from '../net/abort.js';
import { type Dial, type Dialed, type Dialer, type DialOwner, dialed } from '../net/dialer.js';
import type { Resolver } from '../net/resolver.js';
import { openHttpTunnel } from './http-tunnel.js';
import { openSocksTunnel } from './socks-tunnel.js';

export interface ParentDialerOptions {
  /** The dialer that connects without a parent. */
  readonly direct: Dialer;
  readonly resolver: Resolver;
  readonly own: () => OwnEndpoints;
  /** The parent, if there is one; `limits.connectTimeoutMs`: for the connection to it and its answer together. */
  readonly inForce: InForce<'parent' | 'limits'>;
}

/** The most addresses of one name that are tried, one after the other: each takes a connection to the parent. */
const MOST_ADDRESSES = 3;
const NOT_ISSUED = 'the dialer takes what the policy has issued, and this is no such Permit';

/** Fails with what a dialer fails with, and with `parent-unreachable`, `parent-refused` or `parent-credentials`. */
export function createParentDialer(options: ParentDialerOptions): Dialer {
  return {
    dial(permit, owner) {
      const { parent } = options.inForce.settings;
      // The direct dialer asks for itself whether the Permit was issued, and takes none for a name.
      if (parent === null && !permit.isByName) return options.direct.dial(permit, owner);
      if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
      if (parent !== null && !goesToParent(parent, permit)) return options.direct.dial(permit, owner);
      return passing(options, { parent, permit, owner });
    },
  };
}

interface Asked {
  readonly parent: Parent | null;
  readonly permit: Permit;
  readonly owner: DialOwner;
}

function passing(options: ParentDialerOptions, { parent, permit, owner }: Asked): Dial {
  const signal = new Abort();
  const onDialed = (socket: Dialed): void => owner.onDialed(socket);
  const onFailed = (error: unknown): void => owner.onFailed(error);
  // If a reload has taken the parent away since, nobody can resolve this name.
  if (parent === null) onFailed(new EgressError('parent-unreachable'));
  else throughParent(options, { parent, permit, signal }).then(onDialed, onFailed);
  return signal;
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
  // With a name there is only one attempt, and the connected address is the parent's.
  const byName = permit.isByName || (parent.resolve === 'parent' && permit.target.host.kind === 'name');
  const addresses = byName ? [null] : ipv4First(permit.addresses).slice(0, MOST_ADDRESSES);
  for (const address of addresses) {
    if (address !== null && !holdsAddress(permit, address)) throw new EgressError('internal-error');
    try {
      const opened = await openTunnel(options, { ...passing, own }, address);
      return address === null ? opened : { ...opened, address };
    } catch (error) {
      last = error instanceof EgressError ? error : new EgressError('parent-unreachable', { cause: error });
      // Another address would fare no better.
      if (['client-closed', 'parent-unreachable', 'parent-credentials'].includes(last.reason)) break;
    }
  }
  throw last;
}

/** IPv4 first, because it is unknown here whether the parent has IPv6, and company networks seldom do. */
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
  const opened = await dialed(options.direct, own, signal).catch(unreachable);
  const { socket } = opened;
  const gone = { reason: null as 'client-closed' | 'connect-timeout' | null };
  const give = (reason: 'client-closed' | 'connect-timeout') => (): void => {
    gone.reason ??= reason;
    socket.destroy();
  };
  const [onAbort, onLate] = [give('client-closed'), give('connect-timeout')];
  const deadline = setTimeout(onLate, options.inForce.settings.limits.connectTimeoutMs);
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await ask(socket, parent, permit.target, address);
    socket.off('error', ignore);
    return opened;
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

/** The parent may run on the host around the container, although that is no destination for tools. */
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
