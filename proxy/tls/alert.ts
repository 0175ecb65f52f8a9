/** TLS alerts (RFC 8446 section 6) in the clear: the only word that a client understands before any key exists. */

const ACCESS_DENIED = 49;
const INTERNAL_ERROR = 80;

/** A fatal alert: `access_denied` where we refuse, `internal_error` where the way failed. */
export function refusalAlert(outcome: 'deny' | 'fail'): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, outcome === 'deny' ? ACCESS_DENIED : INTERNAL_ERROR]);
}
