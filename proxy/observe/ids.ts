/** Decision ids: short, unique within a run and most likely between runs, and in text order by time. */

/** A new id at each call: milliseconds since 1970 and a counter, in base 36, of fixed length. */
export function createIds(now: () => number = Date.now): () => string {
  let last = -1;
  let prefix = '';
  let count = 0;
  return () => {
    const time = Math.max(now(), last);
    count = time === last ? count + 1 : 0;
    if (time !== last) prefix = time.toString(36).padStart(9, '0');
    last = time;
    return `${prefix}-${COUNTS[count] ?? counted(count)}`;
  };
}

function counted(count: number): string {
  return count.toString(36).padStart(4, '0');
}

/** Of one millisecond, in which there are seldom more. */
const COUNTS = Array.from({ length: 36 }, (_, count) => counted(count));
