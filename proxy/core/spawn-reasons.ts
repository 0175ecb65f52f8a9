/** Why the spawn guard refuses, ends or fails a request: the one table for records, metrics and answers. */

/** The status of the answer. A refused read is answered 404 whatever its reason: see `notFound` in guard/refusal.ts. */
export const SPAWN_REASONS = {
  'malformed-request': 400,
  'malformed-json': 400,
  'body-too-large': 413,
  'request-timeout': 408,
  'endpoint-refused': 403,
  'query-refused': 403,
  'body-refused': 403,
  'not-own-container': 404,
  'image-not-listed': 403,
  'pull-refused': 403,
  'volume-not-listed': 403,
  'bind-not-listed': 403,
  'server-unknown': 403,
  'server-image-mismatch': 403,
  'field-malformed': 400,
  'field-refused': 403,
  'limit-reached': 409,
  'no-free-address': 409,
  'too-many-connections': 503,
  'engine-unreachable': 502,
  /** The engine refused what the guard asked for. The engine's own status is passed on. */
  'engine-refused': 502,
  /** A tool that no client follows any more was removed. */
  'orphan-removed': 200,
} as const;
export type SpawnReason = keyof typeof SPAWN_REASONS;
