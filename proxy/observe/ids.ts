/** Decision ids: short, unique within a run and most likely between runs, and in text order by time. */

/** A new id at each call: milliseconds since 1970 and a counter, in base 36, of fixed length. */
export function createIds(now: () => number = Date.now): () => string {
  let last = 0;
  let count = 0;
  return () => {
    const time = Math.max(now(), last);
    count = time === last ? count + 1 : 0;
    last = time;
    return `${time.toString(36).padStart(9, '0')}-${count.toString(36).padStart(4, '0')}`;
  };
}
