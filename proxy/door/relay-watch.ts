/**
 * Watches what the fixed relays lead to: whether it answers, and whether the same service answers outside the tools'
 * network, where it would be if the stack had been started without its override.
 */
import type { FixedDestination, FixedRelay } from '../config/config.js';
import type { Address } from '../core/address.js';
import { ownPlace } from '../core/judge.js';
import { decideAddresses, decideHost } from '../core/policy.js';
import { type Reason, reasonOf } from '../core/reasons.js';
import { authorityText } from '../core/target.js';
import { Abort, type Abortable } from '../net/abort.js';
import { dialed } from '../net/dialer.js';
import type { Link } from '../net/interfaces.js';
import type { Gate } from './admit.js';
import { sharesLink } from './relay-clients.js';

/** `unknown`: not checked yet. A reason: why the target cannot be reached. */
export type RelayState = 'unknown' | 'up' | Reason;

export interface RelayHealth {
  /** `relay[0]`, as in the configuration. */
  readonly relay: string;
  readonly to: string;
  readonly state: RelayState;
  /** Addresses that answer under the target's name but on no network of the tools: they are not behind the proxy. */
  readonly outside: readonly string[];
}

export interface RelayWatch {
  readonly health: readonly RelayHealth[];
  /** Checks once, and reports what has changed. Never rejects. */
  look(): Promise<void>;
  /** Checks again and again until `stop`. */
  start(): void;
  stop(): void;
}

export interface RelayWatchOptions {
  readonly gate: Gate;
  readonly links: () => readonly Link[];
  /** The addresses of the doors for tools. */
  readonly doors: readonly Address[];
  readonly relays: readonly FixedRelay[];
  readonly onChange: (health: RelayHealth) => void;
  /** For one name or one connection. */
  readonly timeoutMs?: number;
}

/** A gateway may start after its sidecar: it gets a moment before it is reported as down. */
const FIRST_LOOK_MS = 3000;
const LOOK_MS = 5000;
/** Longer than the default of `dns.timeout`, so that DNS itself says what is wrong. */
const LOOK_TIMEOUT_MS = 4000;

export function createRelayWatch(options: RelayWatchOptions): RelayWatch {
  const health: RelayHealth[] = options.relays.map(({ to }, i) => ({
    relay: `relay[${i}]`,
    to: authorityText(to),
    state: 'unknown',
    outside: [],
  }));
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    await Promise.all(
      options.relays.map(async (fixed, i) => {
        const before = health[i];
        if (before === undefined) return;
        const found = await examine(options, fixed);
        health[i] = { ...before, ...found };
        const same = before.state === found.state && before.outside.join() === found.outside.join();
        if (!same) options.onChange(health[i]);
      }),
    );
  };
  const again = (afterMs: number): void => {
    timer = setTimeout(() => look().finally(() => timer !== undefined && again(LOOK_MS)), afterMs).unref();
  };
  return {
    health,
    look,
    start: () => options.relays.length > 0 && again(FIRST_LOOK_MS),
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Each lookup has a deadline of its own: a name that no server answers for must not hide what another one shows. */
async function examine(options: RelayWatchOptions, fixed: FixedRelay): Promise<Pick<RelayHealth, 'state' | 'outside'>> {
  const { outside } = fixed;
  const [inner, others] = await Promise.all([
    inTime(options, (signal) => addressesOf(options, fixed, signal)),
    outside === null ? [] : inTime(options, (signal) => addressesOf(options, outside, signal)),
  ]);
  const [state, answering] = await Promise.all([
    inTime(options, (signal) => reach(options, fixed, signal)),
    outside === null ? [] : answersOutside(options, outside, { inner: [...options.doors, ...inner], others }),
  ]);
  return { state, outside: answering };
}

async function inTime<T>(
  { timeoutMs = LOOK_TIMEOUT_MS }: RelayWatchOptions,
  work: (signal: Abortable) => Promise<T>,
): Promise<T> {
  const deadline = new Abort();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    return await work(deadline);
  } finally {
    clearTimeout(timer);
  }
}

async function addressesOf({ gate }: RelayWatchOptions, { to }: FixedDestination, signal: Abortable) {
  if (to.host.kind === 'literal') return [to.host.address];
  return gate.resolver.resolve(to.host.name, signal).catch((): readonly Address[] => []);
}

/** `up`, or why not. */
async function reach(options: RelayWatchOptions, fixed: FixedDestination, signal: Abortable): Promise<RelayState> {
  const { host } = fixed.to;
  try {
    const addresses = host.kind === 'literal' ? [host.address] : await options.gate.resolver.resolve(host.name, signal);
    return await connects(options, fixed, addresses, signal);
  } catch (error) {
    return notInTime(reasonOf(error));
  }
}

/** Each address by itself: the name also has the sidecar's own addresses, and a mixed answer would be refused. */
async function answersOutside(
  options: RelayWatchOptions,
  fixed: FixedDestination,
  { inner, others }: { readonly inner: readonly Address[]; readonly others: readonly Address[] },
): Promise<string[]> {
  const own = options.gate.own();
  const links = options.links();
  const candidates = others.filter(
    (address) => ownPlace(own, address, fixed.to.port) !== 'own' && !sharesLink(links, inner, [address.text]),
  );
  const answers = await Promise.all(
    candidates.map((address) =>
      inTime(options, (signal) => connects(options, fixed, [address], signal)).catch(reasonOf),
    ),
  );
  return candidates.filter((_address, i) => answers[i] === 'up').map(({ text }) => text);
}

/** Opens a connection and closes it at once. Rejects with an EgressError. */
async function connects(
  { gate }: RelayWatchOptions,
  { to, policy }: FixedDestination,
  addresses: readonly Address[],
  signal: Abortable,
): Promise<RelayState> {
  const question = { target: to, client: { name: null }, own: gate.own() };
  const refusal = decideHost(policy, question);
  if (refusal !== null) return refusal.reason;
  const verdict = decideAddresses(policy, question, addresses);
  if (verdict.outcome === 'deny') return verdict.reason;
  const { socket } = await dialed(gate.dialer, verdict.permit, signal);
  socket.on('error', () => undefined).destroy();
  return 'up';
}

/** An abort here is our own deadline, not a client that left. */
function notInTime(reason: Reason): Reason {
  return reason === 'client-closed' ? 'connect-timeout' : reason;
}
