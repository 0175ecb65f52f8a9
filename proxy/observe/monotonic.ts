/** Taken once: `performance` is a getter of the global object, which costs as much at each use as reading the time. */
const source = performance;

/** Milliseconds since the start of the process, by a clock that nobody sets. */
export function monotonicMs(): number {
  return source.now();
}
