/** A value, or a promise of it only if it has to wait for something: DNS, a turn, a person's answer. DECISIONS 193. */
export type Soon<T> = T | Promise<T>;
