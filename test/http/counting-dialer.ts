/** A Dialer that opens nothing: it keeps what it was asked for, and refuses. */
import type { Permit } from '../../proxy/core/policy.js';
import { EgressError } from '../../proxy/core/reasons.js';
import type { Dialer } from '../../proxy/net/dialer.js';

export interface CountingDialer extends Dialer {
  /** The permits, in the order in which they came. */
  readonly permits: readonly Permit[];
}

export function createCountingDialer(): CountingDialer {
  const permits: Permit[] = [];
  return {
    permits,
    dial(permit, owner) {
      permits.push(permit);
      owner.onFailed(new EgressError('connect-refused'));
      return { abort() {} };
    },
  };
}
