/** TLS alerts (RFC 8446 section 6) in the clear: the only message that a client understands before there are keys. */
import { REASONS, type Reason } from '../core/reasons.js';

const ACCESS_DENIED = 49;
const INTERNAL_ERROR = 80;
const UNRECOGNIZED_NAME = 112;

const NAME_FAILURES: ReadonlySet<Reason> = new Set(['name-not-found', 'dns-failed', 'dns-timeout']);

/**
 * A fatal alert: `access_denied` for a refusal, `unrecognized_name` if the name has no address (RFC 6066 section 3), and
 * `internal_error` if the connection failed.
 */
export function refusalAlert(reason: Reason): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, description(reason)]);
}

function description(reason: Reason): number {
  if (REASONS[reason].outcome === 'deny') return ACCESS_DENIED;
  return NAME_FAILURES.has(reason) ? UNRECOGNIZED_NAME : INTERNAL_ERROR;
}
