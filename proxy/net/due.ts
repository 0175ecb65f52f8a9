/** When something is to be read again, by the wall clock: it counts the time in which the machine sleeps, but somebody may set it. */

/** True once `ms` have passed since `then`. If `then` is still to come, the clock was set back, and nobody knows since when: true at once. */
export function isDue(then: number, now: number, ms: number): boolean {
  return now - then >= ms || now < then;
}
