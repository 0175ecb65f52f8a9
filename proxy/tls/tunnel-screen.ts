/** Applies `policy.sni` to a tunnel: the decision record waits for the first bytes, so that one record says everything. */
import type { DnsName } from '../core/host-pattern.js';
import { enforcesSni } from '../core/judge.js';
import type { Permit } from '../core/policy.js';
import type { DenyReason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Connected } from '../door/connect-upstream.js';
import { EMPTY_TRACE, type Flow, type Trace } from '../door/flow.js';
import { Deadline, type Deadlines, type Due } from '../net/deadlines.js';
import type { Screen } from '../net/first-bytes.js';
import { type SniOptions, SniScreen } from './sni-screen.js';

/**
 * A tunnel in which nobody has sent anything for this long is recorded as it stands. Its first bytes are judged nevertheless,
 * and what is wrong with them is in the close record.
 */
const SILENCE_MS = 200;

/**
 * Writes the flow's record, now or with the first bytes of the tunnel. `status`: sent to the client. Returns null if the policy
 * does not look at server names.
 */
export function screenTunnel(
  deadlines: Deadlines,
  flow: Flow,
  upstream: Connected,
  status: number | null,
): Screen | null {
  if (flow.policy.sni !== 'off') return new SniScreen(new AwaitedRecord(deadlines, flow, upstream, status));
  flow.allowed(upstream.trace, status, upstream.permit.rule, upstream.wouldDeny);
  return null;
}

/** A record that waits for the first bytes. One object, which keeps nothing once it is written: see OpenTunnel. */
class AwaitedRecord implements SniOptions, Due {
  readonly #flow: Flow;
  readonly #permit: Permit;
  readonly #wouldDeny: Refusal | null;
  readonly #status: number | null;
  readonly #enforces: boolean;
  #trace: Trace;
  /** Null once it has been written. */
  #silence: Deadline | null;

  constructor(deadlines: Deadlines, flow: Flow, { permit, wouldDeny, trace }: Connected, status: number | null) {
    this.#flow = flow;
    this.#permit = permit;
    this.#wouldDeny = wouldDeny;
    this.#status = status;
    this.#enforces = enforcesSni(flow.policy);
    this.#trace = trace;
    this.#silence = new Deadline(deadlines, this);
    this.#silence.set(SILENCE_MS);
  }

  get target(): Target {
    return this.#permit.target;
  }

  get mode(): 'enforce' | 'log' {
    return this.#enforces ? 'enforce' : 'log';
  }

  /** Nobody has sent anything. */
  onLate(): void {
    const trace = this.#release();
    this.#flow.allowed(trace, this.#status, this.#permit.rule, this.#wouldDeny);
  }

  onJudged(reason: DenyReason | null, serverName: DnsName | null): void {
    const refused = reason === null ? null : refusal(reason, 'sni');
    const trace = this.#release();
    const seen = serverName === null ? trace : { ...trace, serverName };
    if (refused !== null && this.#enforces) this.#flow.refused(seen, this.#status, refused);
    else this.#flow.allowed(seen, this.#status, this.#permit.rule, this.#wouldDeny ?? refused);
  }

  #release(): Trace {
    const trace = this.#trace;
    this.#silence?.clear();
    this.#silence = null;
    this.#trace = EMPTY_TRACE;
    return trace;
  }
}
