/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Socket } from 'node:net';
import type { Denial, Permit, Policy } from '../core/policy.js';
import { EgressError, reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import { Abort } from '../net/abort.js';
import type { Dial, Dialed, DialOwner } from '../net/dialer.js';
import type { Heir, Side } from '../net/side.js';
import { type Admitted, admitOrAsk, dialerFor, since, type Waiter } from './admit.js';
import type { Arrivals } from './arrivals.js';
import { forgetName } from './dial.js';
import type { EarlyData, EarlyOwner } from './early-data.js';
import { EMPTY_TRACE, type Flow, type OpenTrace, type Trace } from './flow.js';
import type { Work } from './running.js';
import type { Standing } from './standings.js';

export interface Connected {
  readonly socket: Socket;
  readonly permit: Permit;
  readonly standing: Standing;
  readonly wouldDeny: Denial | null;
  readonly trace: Trace;
  /** What the client has sent meanwhile, to be sent first. */
  readonly head: Buffer;
}

/** The door, which answers and records. One object for all of its clients. If it throws, both connections are closed. */
export interface OpeningOwner {
  onOpen(opening: Opening, upstream: Connected): void;
  onRefused(opening: Opening, trace: Trace, refused: Refusal): void;
  /** A last look at the permit before anything is dialled. */
  inspect?(permit: Permit): Refusal | null;
  /** That of a fixed destination; absent: the policy in force. */
  readonly policy?: Policy | undefined;
}

export interface OpeningOptions {
  readonly client: Side;
  /** Keeps what the client sends meanwhile: if there is no memory for it, the answer is `busy`. Null: nothing reads the client. */
  readonly early: EarlyData | null;
  readonly owner: OpeningOwner;
}

/**
 * One request, from its target to its connection, with the client that waits for it: ends when that is lost. A half-close is
 * no loss. The owner is told once how it ends: at once if nothing has to be waited for. Never throws.
 */
export class Opening implements Waiter, Heir, EarlyOwner, DialOwner, Work {
  readonly arrivals: Arrivals;
  readonly flow: Flow;
  readonly client: Side;
  /** The client's. */
  readonly socket: Socket;
  before: Work | null = null;
  behind: Work | null = null;
  readonly #target: Target;
  readonly #early: EarlyData | null;
  readonly #owner: OpeningOwner;
  readonly #trace: OpenTrace;
  #isLost: boolean;
  /** Both made for what waits for them: with an address that no person has to decide about, nothing does. */
  #lost: Abort | null = null;
  #unread: Abort | null = null;
  #standing: Standing | null = null;
  #wouldDeny: Denial | null = null;
  #dial: Dial | null = null;
  #dialedAt = 0;

  constructor(arrivals: Arrivals, flow: Flow, target: Target, { client, early, owner }: OpeningOptions) {
    this.arrivals = arrivals;
    this.flow = flow;
    this.client = client;
    this.socket = client.socket;
    this.#target = target;
    this.#early = early;
    this.#owner = owner;
    this.#trace = { ...EMPTY_TRACE, target };
    this.#isLost = client.socket.destroyed || early?.isRefused === true;
    client.inherit(this);
  }

  /** What is refused without asking DNS or a person is refused at once. */
  start(): void {
    try {
      const admitting = admitOrAsk(this.arrivals.admitting, this.flow, this.#target, this);
      if (admitting instanceof Promise) this.#await(admitting);
      else this.#judge(admitting);
    } catch (error) {
      this.#fail(error);
    }
  }

  get lost(): Abort {
    this.#lost ??= new Abort();
    if (this.#isLost) this.#lost.abort();
    return this.#lost;
  }

  get unread(): Abort {
    this.#unread ??= new Abort();
    if (this.#early?.isFull === true) this.#unread.abort();
    return this.#unread;
  }

  onFull(): void {
    this.#unread?.abort();
  }

  onNoMemory(): void {
    this.#lose();
  }

  ended(): void {}

  closed(): void {
    this.#lose();
  }

  #lose(): void {
    this.#isLost = true;
    this.#lost?.abort();
    this.#dial?.abort();
  }

  #await(admitting: Promise<Admitted>): void {
    this.#wait();
    admitting.then((admitted) => this.#judge(admitted)).catch((error) => this.#fail(error));
  }

  /** From here on the client is read, and the drain waits for this. A fixed relay is counted by its door. */
  #wait(): void {
    if (this.flow.door !== 'relay' && this.arrivals.running.ordinary.add(this)) this.#early?.start(this);
  }

  #judge({ verdict, addresses, dnsMs, once = false }: Admitted): void {
    this.#trace.addresses = addresses;
    this.#trace.dnsMs = dnsMs;
    if (verdict.outcome !== 'allow') {
      this.#refuse(verdict.outcome === 'deny' ? verdict : refusalOf(this.arrivals, verdict.error));
      return;
    }
    const { permit } = verdict;
    const standing = { permit, once, dialed: null, policy: this.#owner.policy ?? null };
    // DNS or a person may have taken a while: what is forbidden by now is not dialled.
    const objection = this.#owner.inspect?.(permit) ?? this.arrivals.objection(this.flow, standing);
    if (objection !== null) {
      this.#refuse(objection);
      return;
    }
    this.#standing = standing;
    this.#wouldDeny = verdict.wouldDeny;
    this.#wait();
    this.#dialedAt = performance.now();
    if (this.#isLost) this.onFailed(new EgressError('client-closed'));
    else this.#dial = dialerFor(this.arrivals.gate, permit).dial(permit, this);
  }

  /** The dial takes time as well: if it is forbidden by now, not even the client's early data may leave. */
  onDialed({ socket, address }: Dialed): void {
    this.#trace.connectMs = since(this.#dialedAt);
    this.#trace.dialed = address;
    try {
      if (this.#standing === null) throw new Error('dialled before it was admitted');
      const standing = { ...this.#standing, dialed: address };
      const objection = this.arrivals.objection(this.flow, standing);
      if (objection === null && this.#early?.isRefused !== true) {
        this.#open(socket, standing);
        return;
      }
      socket.destroy();
      this.#refuse(objection ?? refusal('busy'));
    } catch (error) {
      socket.destroy();
      this.#fail(error);
    }
  }

  /** Nobody listens to the connection yet: without a tunnel it would stay open until its peer ends it. */
  #open(socket: Socket, standing: Standing): void {
    try {
      const head = this.#early?.all() ?? NOTHING;
      const { permit } = standing;
      this.#owner.onOpen(this, { socket, permit, standing, wouldDeny: this.#wouldDeny, trace: this.#trace, head });
    } catch (error) {
      socket.destroy();
      this.#defect(error);
    }
    this.arrivals.running.ordinary.leave(this);
  }

  onFailed(error: unknown): void {
    this.#trace.connectMs = since(this.#dialedAt);
    try {
      forgetName(this.arrivals.gate, this.#target, error);
      this.#fail(error);
    } catch (defect) {
      // Nobody would catch it, and the client would wait for ever.
      this.#fail(defect);
    }
  }

  #fail(error: unknown): void {
    this.#refuse(refusalOf(this.arrivals, error));
  }

  #refuse(why: Refusal): void {
    const isCut = this.#early?.isRefused === true;
    try {
      this.#early?.drop();
      this.#owner.onRefused(this, this.#trace, isCut ? refusal('busy') : why);
    } catch (error) {
      this.#defect(error);
    }
    this.arrivals.running.ordinary.leave(this);
  }

  /** Costs its own client the connection, and nobody else. */
  #defect(error: unknown): void {
    this.arrivals.onDefect(error);
    this.socket.destroy();
  }
}

const NOTHING = Buffer.alloc(0);

/** The refusal for something thrown; a defect of the proxy is reported, and ends as `internal-error`. */
export function refusalOf(arrivals: Arrivals, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') arrivals.onDefect(error);
  return refusal(reason);
}
