/** Deadlines of the program that a busy machine may miss: here they are a minute. */

/** The environment of a program in which a deadline of exactly so many milliseconds is a minute. */
export function patient(ms: number): { readonly NODE_OPTIONS: string } {
  const script = `const { setTimeout } = globalThis;
const longer = (given) => (given === ${ms} ? 60000 : given);
globalThis.setTimeout = (call, given, ...rest) => setTimeout(call, longer(given), ...rest);
const { timeout } = AbortSignal;
AbortSignal.timeout = (given) => timeout.call(AbortSignal, longer(given));`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
