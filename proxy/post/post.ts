/**
 * Sends what the proxy itself has to say to a receiver that the configuration names. It goes through the policy in force and
 * the dialer as any request does: no rule opens what is "never", `deny` rules come first, and a private address needs an
 * `internal` exception, which may be for the sender's name alone. Redirects are not followed.
 */
import type { Receiver } from '../config/receivers.js';
import type { Permit, Policy } from '../core/policy.js';
import { EgressError, type Reason, reasonOf } from '../core/reasons.js';
import { authorityText, hostText } from '../core/target.js';
import { admit, type Gate } from '../door/admit.js';
import { dial } from '../door/dial.js';
import type { ContentSource, ResponseEvents, ResponseHead, ResponseWriter } from '../http/client-side.js';
import { exchange } from '../http/exchange.js';
import { UpstreamConnection } from '../http/upstream-connection.js';
import { Abort } from '../net/abort.js';
import type { Deadlines } from '../net/deadlines.js';
import type { DirectReads } from '../net/direct-io.js';
import { secure } from '../net/upstream-tls.js';

/** The way out of the process, with the policy in force now. */
export interface PostWay {
  readonly gate: Gate;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  readonly policy: Policy;
  readonly connectTimeoutMs: number;
}

export interface Post {
  /** The client's name for rules, which no client of the configuration may have. */
  readonly sender: 'notify' | 'otlp';
  readonly to: Receiver;
  /** In place of the receiver's path. */
  readonly path?: string;
  readonly contentType: string;
  readonly body: Buffer;
  /** The bound of everything from DNS to the end of the answer. */
  readonly timeoutMs: number;
}

/** `mayWork`: a later attempt may succeed. `why`: a reason or the status, and never a text of the receiver's. */
export type Posted = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly mayWork: boolean };

/** The most that is read of an answer, at which nobody looks. */
const MOST_ANSWER_BYTES = 64 * 1024;
/** Statuses after which another attempt may succeed, beside all 5xx. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

/** Never rejects, and leaves nothing open. */
export async function post(way: PostWay, request: Post): Promise<Posted> {
  const late = new Abort();
  const deadline = setTimeout(() => late.abort(), request.timeoutMs);
  try {
    const permit = await permitFor(way, request, late);
    if (typeof permit === 'string') return { ok: false, why: permit, mayWork: false };
    return judged(await send(way, { ...request, permit, late }));
  } catch (error) {
    const reason = reasonOf(error);
    return { ok: false, why: late.aborted ? 'time-out' : reason, mayWork: reason !== 'upstream-certificate' };
  } finally {
    clearTimeout(deadline);
  }
}

/** A Permit, or the reason of the refusal. */
async function permitFor({ gate, policy }: PostWay, { sender, to }: Post, late: Abort): Promise<Permit | Reason> {
  const client = { name: sender, address: 'self', label: null, couldBe: [] };
  const { verdict } = await admit(gate, { client, policy: policyFor(policy, to) }, to.target, { lost: late });
  if (verdict.outcome === 'fail') throw verdict.error;
  return verdict.outcome === 'deny' ? verdict.reason : verdict.permit;
}

/**
 * The rules in force, always enforced, plus one that allows the receiver that the file names. Pauses do not apply, since they
 * are for clients.
 */
function policyFor(policy: Policy, { rule }: Receiver): Policy {
  const own = { mode: 'enforce', default: 'none', sni: 'off', clients: 'optional', asks: false } as const;
  const paused = { all: false, clients: new Set<string>() };
  return { ...policy, ...own, paused, perClient: new Map(), allow: [rule, ...policy.allow] };
}

interface Sending extends Post {
  readonly permit: Permit;
  readonly late: Abort;
}

/** The status of the answer. */
async function send(way: PostWay, sending: Sending): Promise<number> {
  const { permit, late, to } = sending;
  const dialed = await dial(way.gate, permit, late);
  if (!dialed.ok) throw dialed.error;
  const isSecure = to.target.scheme === 'https';
  const options = { signal: late, timeoutMs: way.connectTimeoutMs };
  const socket = isSecure ? await secure(dialed.socket, permit.target, options) : dialed.socket;
  const { target } = permit;
  const { reads, deadlines } = way;
  const connection = new UpstreamConnection(socket, { target, address: dialed.address, reads, deadlines });
  const answer = new Answer();
  const giveUp = (): void => answer.giveUp();
  late.addEventListener('abort', giveUp);
  try {
    if (late.aborted) throw new EgressError('upstream-timeout');
    const { timeoutMs } = sending;
    const end = await exchange(
      connection,
      {
        request: exchangeRequest(sending),
        writer: answer,
        // Not counted, since heads have a bound of their own.
        claim: () => ({ hold: () => undefined }),
        onFinal: () => undefined,
        onUpgraded: (_fields, upgraded) => upgraded.destroy(),
      },
      { idleMs: timeoutMs, headMs: timeoutMs, answerMs: timeoutMs },
    );
    if (answer.status !== null) return answer.status;
    throw end.kind === 'failed' ? end.error : new EgressError('upstream-protocol');
  } finally {
    late.removeEventListener('abort', giveUp);
    connection.close();
  }
}

function exchangeRequest({ to, path = to.path, contentType, body }: Sending) {
  const { target, fields } = to;
  const isDefault = target.port === (target.scheme === 'https' ? 443 : 80);
  const bare = target.host.kind === 'literal' && target.host.address.family === 6 ? null : hostText(target.host);
  const host = isDefault && bare !== null ? bare : authorityText(target);
  const own = ['Host', host, 'User-Agent', 'mcp-egress-proxy', 'Content-Type', contentType];
  return {
    method: 'POST',
    path,
    fields: [...own, 'Content-Length', String(body.length), ...fields],
    content: contentOf(body),
    upgrade: null,
    expectsContinue: false,
  };
}

function contentOf(body: Buffer): ContentSource {
  return {
    length: body.length,
    flowTo(sink) {
      sink.data(body);
      sink.end([]);
    },
    resume: () => undefined,
    discard: () => undefined,
  };
}

function judged(status: number): Posted {
  if (status >= 200 && status < 300) return { ok: true };
  return { ok: false, why: `status ${status}`, mayWork: status >= 500 || LATER.has(status) };
}

/** Takes the status, and reads as much of the rest as an honest receiver might send. */
class Answer implements ResponseWriter {
  status: number | null = null;
  events: ResponseEvents | null = null;
  #read = 0;

  /** Ends the exchange as if its client were gone. */
  giveUp(): void {
    this.events?.onClientLost();
  }

  interim(): void {}

  head({ status }: ResponseHead): void {
    this.status = status;
  }

  flush(): boolean {
    return true;
  }

  write(bytes: Buffer): boolean {
    this.#read += bytes.length;
    if (this.#read > MOST_ANSWER_BYTES) this.giveUp();
    return true;
  }

  end(): void {}
}
