/** Durations and sizes as people write them in a configuration. */

const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** Milliseconds of `500ms`, `3s`, `5m`, `1h`; null for anything else, a number without a unit among it. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, DURATION_UNITS);
}

/** Bytes of `512B`, `16KiB`, `10MiB`, `1GiB`; null for anything else. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, SIZE_UNITS);
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>): number | null {
  const [, digits = '', unit = ''] = /^(0|[1-9]\d{0,9})([A-Za-z]+)$/.exec(text) ?? [];
  const factor = units.get(unit);
  return factor === undefined ? null : Number(digits) * factor;
}
