/** A dialer in the place of the real one, from a function that opens the connection. An abort is not heard. */
import type { Permit } from '../../proxy/core/policy.js';
import type { Dialed, Dialer } from '../../proxy/net/dialer.js';

export function promisedDialer(open: (permit: Permit) => Promise<Dialed>): Dialer {
  return {
    dial(permit, owner) {
      open(permit).then(
        (dialed) => owner.onDialed(dialed),
        (error: unknown) => owner.onFailed(error),
      );
      return { abort() {} };
    },
  };
}
