/** A value, or a promise of it only if it has to wait for something: DNS, a turn, a person's answer. DECISIONS 193. */
export type Soon<T> = T | Promise<T>;

/** `next` of the value: at once if it is there. */
export function soon<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
