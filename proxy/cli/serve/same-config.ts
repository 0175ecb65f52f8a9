/** Whether a configuration that was read again says the same as the one in force, so that a reload would change nothing. */
import type { Config } from '../../config/config.js';

export function saysTheSame(a: Config, b: Config): boolean {
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}

/** Writes out sets and maps, whose content JSON would leave out. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Set) return [...value];
  return value instanceof Map ? [...value] : value;
}
