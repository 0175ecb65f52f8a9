/**
 * Compares the TLS server name with the host of a tunnel. An allow list of names is worthless if a client may open a tunnel to
 * one name and ask the server behind it for another (domain fronting).
 */
import type { DnsName } from '../core/host-pattern.js';
import { plainTextFault, serverNameFault } from '../core/judge.js';
import type { DenyReason } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Judged, Screen } from '../net/first-bytes.js';
import { HeldBytes } from '../net/held-bytes.js';
import { refusalAlert } from './alert.js';
import { HelloReader, type HelloState } from './hello-reader.js';

export interface SniOptions {
  readonly target: Target;
  /** `log`: what `enforce` would refuse is reported and let through. */
  readonly mode: 'enforce' | 'log';
  /** Called once, with the fault of the first bytes or null. `serverName`: the one that does not match, if that is the fault. */
  onJudged(reason: DenyReason | null, serverName: DnsName | null): void;
}

/** What the beginning of a tunnel turned out to be. */
type Opening = HelloState | { readonly kind: 'server-first' | 'ended' | 'late' };

const NOTHING = Buffer.alloc(0);

/**
 * Holds what the client sends until it is known whether that is a ClientHello. Protocols in which the server speaks first, or
 * the client speaks something else, are not held up: their first bytes tell.
 */
export class SniScreen implements Screen {
  readonly #options: SniOptions;
  // Both made only when needed: thousands of idle tunnels need neither, and most hellos come in one piece.
  #reader: HelloReader | null = null;
  #held: HeldBytes | null = null;

  constructor(options: SniOptions) {
    this.#options = options;
  }

  get held(): number {
    return (this.#held?.room ?? 0) + (this.#reader?.room ?? 0);
  }

  fromClient(bytes: Buffer): Judged | { readonly act: 'hold' } {
    this.#reader ??= new HelloReader();
    const state = this.#reader.push(bytes);
    if (this.#held === null && state.kind !== 'need-more') return this.#settle(state, bytes);
    this.#held ??= new HeldBytes();
    this.#held.push(bytes);
    return state.kind === 'need-more' ? { act: 'hold' } : this.#settle(state, this.#held.all());
  }

  fromUpstream(): Judged {
    return this.#settle({ kind: 'server-first' }, this.#held?.all() ?? NOTHING);
  }

  ended(): Judged {
    if (this.#held === null) return this.#settle({ kind: 'ended' }, NOTHING);
    return this.#settle({ kind: 'defect', defect: 'malformed-hello' }, this.#held.all());
  }

  late(): Judged {
    return this.#settle({ kind: 'late' }, this.#held?.all() ?? NOTHING);
  }

  #settle(opening: Opening, bytes: Buffer): Judged {
    const { target, mode } = this.#options;
    const reason = judgeOpening(opening, target);
    this.#options.onJudged(reason, reason === 'sni-mismatch' && opening.kind === 'hello' ? opening.hello.sni : null);
    if (reason === null || mode === 'log') return { act: 'pass', bytes };
    return { act: 'refuse', farewell: opening.kind === 'hello' ? refusalAlert(reason) : NOTHING };
  }
}

/** What `enforce` objects to in these first bytes of a tunnel to `target`; null: nothing. */
export function judgeOpening(opening: Opening, target: Target): DenyReason | null {
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
