/** Whether a configuration that was read again says the same as the one in force: then nothing has happened. */
import type { Config } from '../../config/config.js';

export function saysTheSame(a: Config, b: Config): boolean {
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}

/** What JSON leaves out of sets and maps. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Set) return [...value];
  return value instanceof Map ? [...value] : value;
}
