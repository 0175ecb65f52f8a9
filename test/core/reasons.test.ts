import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressError, REASONS, reasonOf } from '../../proxy/core/reasons.js';

/** The contract with clients and dashboards: RFC 9209 type and status of each reason that the interface names. */
const CONTRACT: readonly (readonly [reasons: readonly (keyof typeof REASONS)[], status: number, error: string])[] = [
  [['malformed-target', 'missing-host', 'duplicate-host', 'host-mismatch'], 400, 'http_request_error'],
  [['host-denied', 'host-not-allowed', 'port-denied', 'port-not-allowed'], 403, 'http_request_denied'],
  [['address-prohibited', 'metadata-address', 'mixed-answer'], 403, 'destination_ip_prohibited'],
  [['zone-identifier', 'own-listener'], 403, 'destination_ip_prohibited'],
  [['client-unauthenticated'], 407, 'http_request_denied'],
  [['dns-timeout'], 504, 'dns_timeout'],
  [['dns-failed', 'name-not-found'], 502, 'dns_error'],
  [['connect-refused'], 502, 'connection_refused'],
  [['connect-timeout'], 504, 'connection_timeout'],
  [['unroutable'], 502, 'destination_ip_unroutable'],
  [['upstream-reset'], 502, 'connection_terminated'],
  [['proxy-loop'], 502, 'proxy_loop_detected'],
  [['busy', 'draining'], 503, 'connection_limit_reached'],
];

for (const [reasons, status, error] of CONTRACT)
  for (const reason of reasons)
    test(`${reason} is ${status} ${error}`, () => {
      assert.equal(REASONS[reason].status, status);
      assert.equal(REASONS[reason].error, error);
    });

test('every reason is a token with a sentence on one line that is safe in a status line', () => {
  for (const [reason, row] of Object.entries(REASONS)) {
    assert.match(reason, /^[a-z]+(-[a-z]+)*$/);
    assert.match(row.sentence, /^[A-Z][\x20-\x7e]+\.$/, reason);
    assert.ok(row.status >= 400 && row.status <= 599, reason);
  }
});

test('a failure carries its reason, and what is not an EgressError is an internal error', () => {
  const cause = new Error('ECONNREFUSED');
  const failure = new EgressError('connect-refused', { cause });
  assert.equal(reasonOf(failure), 'connect-refused');
  assert.equal(failure.cause, cause);
  for (const thrown of [new TypeError('x'), 'connect-refused', { reason: 'busy' }, null, undefined])
    assert.equal(reasonOf(thrown), 'internal-error');
});
