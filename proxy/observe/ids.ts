/** Decision ids: short, unique among all instances, and in text order by time. */
import { randomInt } from 'node:crypto';

const DIGITS = 5;

/**
 * A new id at each call: milliseconds since 1970 and a counter, in base 36, of fixed length; then what tells instances apart
 * that decide in the same millisecond. `instance`: digits of the process.
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

/** Of one millisecond, in which there are seldom more. */
const COUNTS = Array.from({ length: 36 }, (_, count) => counted(count));

/** One of 60 million: of ten replicas two have the same in one of 1.3 million deployments. */
function randomDigits(): string {
  return randomInt(36 ** DIGITS)
    .toString(36)
    .padStart(DIGITS, '0');
}
