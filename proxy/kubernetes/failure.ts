/** Why the API server could not be asked, in words that log and metrics may have: none of them is the server's own. */

export type ApiReason =
  /** No KUBERNETES_SERVICE_HOST with an address: this is no pod. */
  | 'no-cluster'
  /** No service account is mounted. */
  | 'no-token'
  | 'unreachable'
  /** Its certificate is not signed by the mounted CA, or is for another address. */
  | 'untrusted'
  | 'unauthenticated'
  | 'forbidden'
  | 'busy'
  /** The version that was asked for is no longer there. */
  | 'gone'
  | 'refused'
  | 'slow'
  | 'cut'
  | 'malformed'
  | 'too-large';

export class ApiFailure extends Error {
  readonly reason: ApiReason;
  /** What the server has asked for; null: nothing. */
  readonly retryAfterMs: number | null;

  constructor(reason: ApiReason, retryAfterMs: number | null = null) {
    super(reason);
    this.name = 'ApiFailure';
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What was thrown on the way, by Node or by us. */
export function failureOf(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new ApiFailure(UNTRUSTED.test(code) ? 'untrusted' : 'unreachable');
}

/** Names of OpenSSL's verification errors, and Node's for a certificate of somebody else. */
const UNTRUSTED = /CERT|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|CRL|HOSTNAME_MISMATCH/;

const MOST_RETRY_SECONDS = 30;

/** Null: it answers. */
export function failureOfStatus(status: number, retryAfter: string | undefined): ApiFailure | null {
  if (status === 200) return null;
  const seconds = /^\d{1,4}$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter), MOST_RETRY_SECONDS) : null;
  return new ApiFailure(REASONS[status] ?? 'refused', seconds === null ? null : seconds * 1000);
}

const REASONS: Readonly<Record<number, ApiReason>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  410: 'gone',
  429: 'busy',
};
