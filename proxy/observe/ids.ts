/** Decision ids: short, unique among all instances, and sorted by time as text. */
const DIGITS = 5;

/**
 * Makes a new id at each call: milliseconds since 1970 and a counter, in base 36 and of fixed length; then `instance`, the
 * process's own digits, since two instances may decide in the same millisecond.
 */
export function createIds(now: () => number = Date.now, instance = randomDigits()): () => string {
  let last = -1;
  let prefix = '';
  let count = 0;
  return () => {
    const time = Math.max(now(), last);
    count = time === last ? count + 1 : 0;
    if (time !== last) prefix = time.toString(36).padStart(9, '0');
    last = time;
    return `${prefix}-${COUNTS[count] ?? counted(count)}-${instance}`;
  };
}

function counted(count: number): string {
  return count.toString(36).padStart(4, '0');
}

/** Counters as text for one millisecond, which seldom needs more. */
const COUNTS = Array.from({ length: 36 }, (_, count) => counted(count));

/**
 * One of 60 million: among ten replicas, two are the same in one of 1.3 million deployments. An id is no secret, and
 * node:crypto would have to be loaded for it before the first request.
 */
function randomDigits(): string {
  return Math.floor(Math.random() * 36 ** DIGITS)
    .toString(36)
    .padStart(DIGITS, '0');
}
