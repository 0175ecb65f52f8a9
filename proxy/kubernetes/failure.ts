/** Why the API server could not be asked, in words of our own, which log and metrics may safely show. */

export type ApiReason =
  /** KUBERNETES_SERVICE_HOST has no address: this is no pod. */
  | 'no-cluster'
  /** No service account is mounted. */
  | 'no-token'
  | 'unreachable'
  /** Its certificate is not signed by the mounted CA, or is for another address. */
  | 'untrusted'
  | 'unauthenticated'
  | 'forbidden'
  | 'busy'
  /** The server no longer has the version that was asked for. */
  | 'gone'
  | 'refused'
  | 'slow'
  | 'cut'
  | 'malformed'
  | 'too-large';

export class ApiFailure extends Error {
  readonly reason: ApiReason;
  /** The wait that the server asked for; null: none. */
  readonly retryAfterMs: number | null;

  constructor(reason: ApiReason, retryAfterMs: number | null = null) {
    super(reason);
    this.name = 'ApiFailure';
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Anything thrown on the way, by Node or by us, as an ApiFailure. */
export function failureOf(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new ApiFailure(UNTRUSTED.test(code) ? 'untrusted' : 'unreachable');
}

/** Names of OpenSSL's verification errors, and Node's name for a certificate of another host. */
const UNTRUSTED = /CERT|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|CRL|HOSTNAME_MISMATCH/;

const MOST_RETRY_SECONDS = 30;

/** Null for a success. */
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
