/** A value, or a promise of it only where something has to be waited for: DNS, a turn, a person's answer. DECISIONS 193. */
export type Soon<T> = T | Promise<T>;

/** `next` of the value: at once where it is there. */
export function soon<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
