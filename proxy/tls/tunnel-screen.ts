/** Applies `policy.sni` to a tunnel: the decision record waits for the first bytes, so that one record says everything. */
import { enforcesSni } from '../core/judge.js';
import { refusal } from '../core/refusal.js';
import type { Connected } from '../door/connect-upstream.js';
import type { Flow } from '../door/flow.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Screen } from '../net/first-bytes.js';
import { SniScreen } from './sni-screen.js';

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
  const { permit, wouldDeny, trace } = upstream;
  if (flow.policy.sni === 'off') {
    flow.allowed(trace, status, permit.rule, wouldDeny);
    return null;
  }
  const enforces = enforcesSni(flow.policy);
  const silence = deadlines.of(() => flow.allowed(trace, status, permit.rule, wouldDeny));
  silence.set(SILENCE_MS);
  return new SniScreen({
    target: permit.target,
    mode: enforces ? 'enforce' : 'log',
    onJudged(reason, serverName) {
      silence.clear();
      const refused = reason === null ? null : refusal(reason, 'sni');
      const seen = serverName === null ? trace : { ...trace, serverName };
      if (refused !== null && enforces) flow.refused(seen, status, refused);
      else flow.allowed(seen, status, permit.rule, wouldDeny ?? refused);
    },
  });
}
