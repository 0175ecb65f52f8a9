/**
 * Applies `policy.sni` to a tunnel: compares the TLS server name with its host. An allow list of names is worthless if a client may
 * open a tunnel to one name and ask the server behind it for another (domain fronting). The decision record waits for the first
 * bytes, so that one record says everything.
 */
import { enforcesSni, plainTextFault, serverNameFault } from '../core/judge.js';
import type { Permit } from '../core/policy.js';
import type { DenyReason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Connected } from '../door/connect-upstream.js';
import { EMPTY_TRACE, type Flow, type Trace } from '../door/flow.js';
import { Deadline, type Deadlines, type Due } from '../net/deadlines.js';
import type { Screen, Screened } from '../net/first-bytes.js';
import { HeldBytes } from '../net/held-bytes.js';
import type { Claim } from '../net/memory-budget.js';
import { refusalAlert } from './alert.js';
import { HelloReader, type HelloState } from './client-hello.js';

/**
 * A tunnel in which nobody has sent anything for this long is recorded as it stands. Its first bytes are judged nevertheless,
 * and what is wrong with them is in the close record.
 */
const SILENCE_MS = 200;
const NOTHING = Buffer.alloc(0);

/** The request for the tunnel, whose record is written. */
export type RecordedFlow = Pick<Flow, 'policy' | 'allowed' | 'refused'>;
export type Judgeable = Pick<Connected, 'permit' | 'wouldDeny' | 'trace'>;

/**
 * Writes the flow's record, now or with the first bytes of the tunnel. `status`: sent to the client. Returns null if the policy
 * does not look at server names.
 */
export function screenTunnel(
  deadlines: Deadlines,
  flow: RecordedFlow,
  upstream: Judgeable,
  status: number | null,
): Screen | null {
  if (flow.policy.sni !== 'off') return new TunnelScreen(deadlines, flow, upstream, status);
  flow.allowed(upstream.trace, status, upstream.permit.rule, upstream.wouldDeny);
  return null;
}

/** What the beginning of a tunnel turned out to be. */
type Opening = HelloState | { readonly kind: 'server-first' | 'ended' | 'late' };

/**
 * Holds what the client sends until it is known whether that is a ClientHello. Protocols in which the server speaks first, or
 * the client speaks something else, are not held up: their first bytes tell. One object, which keeps no trace once the record is
 * written: see OpenTunnel.
 */
class TunnelScreen implements Screen, Due {
  readonly #deadlines: Deadlines;
  readonly #flow: RecordedFlow;
  readonly #permit: Permit;
  readonly #wouldDeny: Refusal | null;
  readonly #status: number | null;
  readonly #enforces: boolean;
  #trace: Trace;
  /** Null once the record has been written. */
  #silence: Deadline | null;
  // Both made only when needed: thousands of idle tunnels need neither, and most hellos come in one piece.
  #reader: HelloReader | null = null;
  #held: Held | null = null;

  constructor(
    deadlines: Deadlines,
    flow: RecordedFlow,
    { permit, wouldDeny, trace }: Judgeable,
    status: number | null,
  ) {
    this.#deadlines = deadlines;
    this.#flow = flow;
    this.#permit = permit;
    this.#wouldDeny = wouldDeny;
    this.#status = status;
    this.#enforces = enforcesSni(flow.policy);
    this.#trace = trace;
    this.#silence = new Deadline(deadlines, this);
    this.#silence.set(SILENCE_MS);
  }

  /** Nobody has sent anything. */
  onLate(): void {
    const trace = this.#trace;
    this.#silence = null;
    this.#trace = EMPTY_TRACE;
    this.#flow.allowed(trace, this.#status, this.#permit.rule, this.#wouldDeny);
  }

  up(bytes: Buffer, tunnel: Screened): Buffer | null {
    try {
      this.#reader ??= new HelloReader();
      const state = this.#reader.push(bytes);
      if (this.#held === null && state.kind !== 'need-more') return this.#judge(state, bytes, tunnel);
      this.#held ??= new Held(this.#deadlines, this, tunnel);
      this.#held.bytes.push(bytes);
      if (state.kind !== 'need-more') return this.#judge(state, this.#held.bytes.all(), tunnel);
      this.#held.claim.hold(this.#held.bytes.room + this.#reader.room);
      return null;
    } catch (error) {
      this.#close(tunnel);
      throw error;
    }
  }

  down(tunnel: Screened): void {
    this.#settle({ kind: 'server-first' }, tunnel);
  }

  ended(tunnel: Screened): void {
    this.#settle(this.#held === null ? { kind: 'ended' } : { kind: 'defect', defect: 'malformed-hello' }, tunnel);
  }

  /** The time for holding back the first bytes is over. */
  late(tunnel: Screened): void {
    this.#settle({ kind: 'late' }, tunnel);
  }

  /** Waits for nothing more from the client. */
  #settle(opening: Opening, tunnel: Screened): void {
    try {
      const held = this.#judge(opening, this.#held?.bytes.all() ?? NOTHING, tunnel);
      if (held !== null && held.length > 0) tunnel.up(held);
    } catch (error) {
      this.#close(tunnel);
      throw error;
    }
  }

  /** What goes up of `bytes`, which are all that have come; null: nothing. */
  #judge(opening: Opening, bytes: Buffer, tunnel: Screened): Buffer | null {
    const reason = faultOf(opening, this.#permit.target);
    const isRefused = reason !== null && this.#enforces;
    this.#silence?.clear();
    this.#silence = null;
    const isOther = reason === 'sni-mismatch' && opening.kind === 'hello' && opening.hello.sni !== null;
    const trace = isOther ? { ...this.#trace, serverName: opening.hello.sni } : this.#trace;
    const refused = reason === null ? null : refusal(reason, 'sni');
    if (refused !== null && isRefused) this.#flow.refused(trace, this.#status, refused);
    else this.#flow.allowed(trace, this.#status, this.#permit.rule, this.#wouldDeny ?? refused);
    this.#held?.release();
    tunnel.judged();
    if (!isRefused) return bytes;
    tunnel.refuse(opening.kind === 'hello' ? refusalAlert(reason) : NOTHING);
    return null;
  }

  /** After a defect: nobody has judged the tunnel. */
  #close(tunnel: Screened): void {
    this.#held?.release();
    tunnel.judged();
    tunnel.refuse(NOTHING);
  }
}

/** What is held of one tunnel, and for how long. */
class Held implements Due {
  readonly bytes = new HeldBytes();
  readonly claim: Claim;
  readonly #deadline: Deadline;
  readonly #screen: TunnelScreen;
  readonly #tunnel: Screened;

  constructor(deadlines: Deadlines, screen: TunnelScreen, tunnel: Screened) {
    this.claim = tunnel.claimEarly();
    this.#screen = screen;
    this.#tunnel = tunnel;
    this.#deadline = new Deadline(deadlines, this);
    this.#deadline.set(tunnel.screenTimeoutMs);
  }

  onLate(): void {
    this.#screen.late(this.#tunnel);
  }

  release(): void {
    this.#deadline.clear();
    this.claim.hold(0);
  }
}

/** What `enforce` objects to in these first bytes of a tunnel to `target`; null: nothing. `log` reports it, and lets them through. */
function faultOf(opening: Opening, target: Target): DenyReason | null {
  switch (opening.kind) {
    case 'hello':
      return serverNameFault(opening.hello.sni, target.host);
    case 'defect':
      // A server name that is no name is fine here: what was allowed is the address, whatever it is called.
      return opening.defect === 'sni-invalid' && target.host.kind === 'literal' ? null : opening.defect;
    case 'not-tls':
    case 'server-first':
      return plainTextFault(target);
    case 'late':
      return 'handshake-timeout';
    case 'ended':
    case 'need-more':
      return null;
  }
}
