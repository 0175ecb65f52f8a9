/** The one table of refusals and failures: what a client sees, what the log says, what docs/reasons.md lists. */

/** RFC 9209 section 2.3 proxy error types that this proxy uses. */
export type ProxyErrorType =
  | 'http_request_error'
  | 'http_request_denied'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'destination_unavailable'
  | 'dns_timeout'
  | 'dns_error'
  | 'connection_refused'
  | 'connection_timeout'
  | 'connection_terminated'
  | 'connection_limit_reached'
  | 'http_protocol_error'
  | 'http_response_timeout'
  | 'tls_certificate_error'
  | 'tls_protocol_error'
  | 'proxy_loop_detected'
  | 'proxy_configuration_error'
  | 'proxy_internal_error';

interface ReasonRow {
  /** `deny`: the policy or the request itself is the reason. `fail`: something went wrong on the way to the destination. */
  readonly outcome: 'deny' | 'fail';
  readonly status: number;
  readonly error: ProxyErrorType;
  /** A sentence for people; the explanation appends what is known of the target. */
  readonly sentence: string;
}

export const REASONS = {
  'malformed-request': deny(400, 'http_request_error', 'The request is not valid HTTP/1.1.'),
  'malformed-target': deny(
    400,
    'http_request_error',
    'This port is a forward proxy: it takes CONNECT host:port, or an http:// or https:// URL as the request-target.',
  ),
  'not-origin-form': deny(
    400,
    'http_request_error',
    'This port takes the place of an origin: it accepts origin-form requests only.',
  ),
  'missing-host': deny(400, 'http_request_error', 'An HTTP/1.1 request needs a Host field.'),
  'duplicate-host': deny(400, 'http_request_error', 'The request has more than one Host field.'),
  'host-mismatch': deny(400, 'http_request_error', 'The Host field and the CONNECT target differ.'),
  'header-timeout': deny(408, 'http_request_error', 'The header section did not arrive in time.'),
  'header-too-large': deny(
    431,
    'http_request_error',
    'The header section is larger than limits.headerBytes, or has more fields than limits.headerFields.',
  ),
  'expectation-failed': deny(417, 'http_request_error', 'The only expectation understood is 100-continue.'),
  'host-denied': deny(403, 'http_request_denied', 'A deny rule covers this host.'),
  'host-not-allowed': deny(403, 'http_request_denied', 'No allow rule names this host, and the default is to deny.'),
  'not-yet-allowed': deny(
    403,
    'http_request_denied',
    'Nobody has allowed this yet. Whoever runs the proxy can: on its page, in "egress-proxy watch", or with "egress-proxy allow".',
  ),
  paused: deny(
    403,
    'http_request_denied',
    'The proxy is paused for this client. Its page or "egress-proxy resume" ends the pause.',
  ),
  'port-denied': deny(403, 'http_request_denied', 'A deny rule names this port.'),
  'port-not-allowed': deny(403, 'http_request_denied', 'Rules that name this host do not allow this port.'),
  'address-denied': deny(403, 'destination_ip_prohibited', 'A deny rule names this address.'),
  'address-prohibited': deny(403, 'destination_ip_prohibited', 'The address is not a public one.'),
  'address-not-confirmed': deny(
    403,
    'destination_ip_prohibited',
    'This name was allowed at another private address than it has now: allowing it again confirms the new one.',
  ),
  'metadata-address': deny(403, 'destination_ip_prohibited', 'The address is a metadata service; no rule opens it.'),
  'mixed-answer': deny(403, 'destination_ip_prohibited', 'DNS answered with both permitted and prohibited addresses.'),
  'zone-identifier': deny(403, 'destination_ip_prohibited', 'An IPv6 zone identifier names a link of this host.'),
  'own-listener': deny(403, 'destination_ip_prohibited', 'The address belongs to the proxy itself, or to its host.'),
  'relay-from-inside': deny(403, 'http_request_denied', 'A relay serves no client on the network that it leads into.'),
  'client-unauthenticated': deny(
    407,
    'http_request_denied',
    'This needs the proxy credentials of a configured client.',
  ),
  'client-required': deny(403, 'http_request_denied', 'The policy serves only clients that it knows by name.'),
  'malformed-hello': deny(400, 'tls_protocol_error', 'The first bytes are not a valid TLS ClientHello.'),
  'tls-expected': deny(400, 'tls_protocol_error', 'This port is for TLS, and the client spoke something else.'),
  'sni-missing': deny(403, 'http_request_denied', 'The TLS ClientHello names no server.'),
  'sni-invalid': deny(403, 'http_request_denied', 'The TLS server name is not a DNS name, as RFC 6066 requires.'),
  'sni-mismatch': deny(403, 'http_request_denied', 'The TLS server name is not the host of the tunnel.'),
  'sni-encrypted': deny(403, 'http_request_denied', 'The TLS ClientHello hides the real server name (ECH).'),
  'handshake-timeout': deny(408, 'http_request_error', 'The handshake did not arrive in time.'),
  'malformed-socks': deny(400, 'http_request_error', 'The bytes are not SOCKS version 5.'),
  'socks-command-refused': deny(403, 'http_request_denied', 'CONNECT is the only SOCKS command that is served.'),
  'dns-type-refused': deny(
    403,
    'http_request_denied',
    'The DNS door answers questions for addresses only, and forwards nothing.',
  ),
  'dns-timeout': fail(504, 'dns_timeout', 'DNS did not answer in time.'),
  'dns-failed': fail(502, 'dns_error', 'DNS answered with an error.'),
  'name-not-found': fail(502, 'dns_error', 'The name does not exist, or has no address.'),
  'connect-refused': fail(502, 'connection_refused', 'The destination refused the connection.'),
  'connect-timeout': fail(504, 'connection_timeout', 'The destination did not accept the connection in time.'),
  unroutable: fail(502, 'destination_ip_unroutable', 'There is no route to the destination.'),
  'upstream-reset': fail(502, 'connection_terminated', 'The destination closed the connection before it answered.'),
  'upstream-timeout': fail(504, 'http_response_timeout', 'The destination did not answer within limits.idleTimeout.'),
  'upstream-protocol': fail(502, 'http_protocol_error', 'The destination did not answer with valid HTTP/1.1.'),
  'upstream-certificate': fail(
    502,
    'tls_certificate_error',
    "The destination's certificate is not valid for this name.",
  ),
  'upstream-tls': fail(502, 'tls_protocol_error', 'The TLS handshake with the destination failed.'),
  'parent-unreachable': fail(
    502,
    'destination_unavailable',
    'The parent proxy cannot be reached, and nothing leaves without it.',
  ),
  'parent-refused': fail(502, 'connection_refused', 'The parent proxy refused to connect to the destination.'),
  'parent-credentials': fail(
    502,
    'proxy_configuration_error',
    'The parent proxy does not accept the credentials in upstream.proxy.',
  ),
  'client-closed': fail(499, 'connection_terminated', 'The client went away before the answer.'),
  'proxy-loop': fail(502, 'proxy_loop_detected', 'The request has passed through this proxy before.'),
  busy: fail(503, 'connection_limit_reached', 'A connection limit is reached.'),
  draining: fail(503, 'connection_limit_reached', 'The proxy is shutting down.'),
  'internal-error': fail(500, 'proxy_internal_error', 'The proxy failed; its log says why.'),
} as const satisfies Record<string, ReasonRow>;

export type Reason = keyof typeof REASONS;
export type DenyReason = { [R in Reason]: (typeof REASONS)[R]['outcome'] extends 'deny' ? R : never }[Reason];
export type FailReason = Exclude<Reason, DenyReason>;

/** A failure on the way to a destination, thrown where it happens and caught once per request. */
export class EgressError extends Error {
  readonly reason: Reason;
  constructor(reason: Reason, options?: { cause?: unknown }) {
    super(REASONS[reason].sentence, options);
    this.name = 'EgressError';
    this.reason = reason;
  }
}

/** The reason of anything thrown. What is not an EgressError is a defect of the proxy: `internal-error`. */
export function reasonOf(error: unknown): Reason {
  return error instanceof EgressError ? error.reason : 'internal-error';
}

function deny<const E extends ProxyErrorType>(status: number, error: E, sentence: string) {
  return { outcome: 'deny', status, error, sentence } as const;
}

function fail<const E extends ProxyErrorType>(status: number, error: E, sentence: string) {
  return { outcome: 'fail', status, error, sentence } as const;
}
