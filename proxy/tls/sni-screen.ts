/**
 * The TLS server name against the host of a tunnel. An allow list of names is worth nothing where a client may open a
 * tunnel to one name and ask the server behind it for another (domain fronting).
 */
import type { DenyReason } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Judged, Screen } from '../net/first-bytes.js';
import { HeldBytes } from '../net/held-bytes.js';
import { refusalAlert } from './alert.js';
import { HelloReader, type HelloState } from './hello-reader.js';

export interface SniTerms {
  readonly target: Target;
  /** `log`: what `enforce` would refuse is told and let through. */
  readonly mode: 'enforce' | 'log';
  /** Called once, with what is wrong with the first bytes, or null. */
  readonly onJudged: (reason: DenyReason | null) => void;
}

/** What the first bytes of a tunnel turn out to be. */
type Opening = HelloState | { readonly kind: 'server-first' } | { readonly kind: 'ended' };

/**
 * Ports that IANA registers for a protocol that begins with TLS (https, smtps, nntps, ldaps, DNS over TLS, ftps, imaps,
 * pop3s, sips, amqps, ircs, mqtt over TLS), and the usual second https port. Nothing but TLS passes there in `enforce`.
 */
const TLS_PORTS: ReadonlySet<number> = new Set([
  443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5671, 6697, 8443, 8883,
]);

const NOTHING = Buffer.alloc(0);

/**
 * Holds what the client sends until it is known to be a ClientHello, or not TLS. Protocols in which the server speaks
 * first, or the client speaks something else, are not held: their first bytes tell.
 */
export function createSniScreen(terms: SniTerms): Screen {
  // Made with the first bytes: thousands of idle tunnels need none, and most openings come in one piece.
  let reader: HelloReader | null = null;
  let held: HeldBytes | null = null;
  const settle = (opening: Opening, bytes: Buffer): Judged => {
    const reason = judgeOpening(opening, terms.target);
    terms.onJudged(reason);
    if (reason === null || terms.mode === 'log') return { act: 'pass', bytes };
    return { act: 'refuse', farewell: opening.kind === 'hello' ? refusalAlert(reason) : NOTHING };
  };
  return {
    fromClient(bytes) {
      reader ??= new HelloReader();
      const state = reader.push(bytes);
      if (held === null && state.kind !== 'need-more') return settle(state, bytes);
      held ??= new HeldBytes();
      held.push(bytes);
      return state.kind === 'need-more' ? { act: 'hold' } : settle(state, held.all());
    },
    fromUpstream: () => settle({ kind: 'server-first' }, held?.all() ?? NOTHING),
    ended: () =>
      held === null
        ? settle({ kind: 'ended' }, NOTHING)
        : settle({ kind: 'defect', defect: 'malformed-hello' }, held.all()),
  };
}

/** What `enforce` has against these first bytes of a tunnel to `target`; null where it has nothing. */
export function judgeOpening(opening: Opening, target: Target): DenyReason | null {
  switch (opening.kind) {
    case 'hello':
      return judgeName(opening.hello.sni, target);
    case 'defect':
      return opening.defect;
    case 'not-tls':
    case 'server-first':
      return TLS_PORTS.has(target.port) ? 'tls-expected' : null;
    case 'ended':
    case 'need-more':
      return null;
  }
}

/** An address was allowed as an address, whatever name is asked for behind it: there is nothing to compare. */
function judgeName(sni: string | null, { host }: Target): DenyReason | null {
  if (host.kind === 'literal') return null;
  if (sni === null) return 'sni-missing';
  return sni === host.name ? null : 'sni-mismatch';
}
