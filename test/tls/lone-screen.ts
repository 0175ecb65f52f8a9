/** A screen without a door around it, for a tunnel to `a.test:443` under `sni: enforce`. */
import assert from 'node:assert/strict';
import { decideAddresses } from '../../proxy/core/policy.js';
import { EMPTY_TRACE } from '../../proxy/door/flow.js';
import type { Deadlines } from '../../proxy/net/deadlines.js';
import type { Screen } from '../../proxy/net/first-bytes.js';
import { type RecordedFlow, screenTunnel } from '../../proxy/tls/tunnel-screen.js';
import { addressOf, policyOf, questionOf } from '../core/policy-question.js';

/** `record`: called in place of writing one. */
export function loneScreen(deadlines: Deadlines, record: () => void = () => undefined): Screen {
  const policy = { ...policyOf({ default: 'public' }), sni: 'enforce' } as const;
  const verdict = decideAddresses(policy, questionOf('a.test:443'), [addressOf('192.88.98.1')]);
  assert.ok(verdict.outcome === 'allow');
  const flow: RecordedFlow = { policy, allowed: record, refused: record };
  const { permit, wouldDeny } = verdict;
  return screenTunnel(deadlines, flow, { permit, wouldDeny, trace: EMPTY_TRACE }, null) ?? assert.fail('no screen');
}
