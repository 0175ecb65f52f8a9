/** The composite forms of the configuration: mappings, lists, and keys that may be left out. */
import * as z from 'zod';

/**
 * A mapping without other keys. The message of its `unrecognized_keys` issue is the list of the known ones, from which
 * load.ts picks the nearest.
 */
export function section<const S extends z.core.$ZodLooseShape>(shape: S) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a mapping with the keys ${keys}`),
  });
}

export function list<S extends z.ZodType>(item: S, example: string) {
  return z.array(item, { error: `a list, ${example}` });
}

/**
 * How a configuration is parsed. zod would write a function for each mapping and have it compiled: worth it for what is parsed
 * a thousand times, and a third of the time of the one parse that a start makes.
 */
export const PARSE_ONCE = { jitless: true } as const;

/** A key whose every line is commented out is null in YAML: the same as no key at all. Not for the keys of a rule. */
export function orElse<S extends z.ZodType>(schema: S, fallback: z.input<S>) {
  return schema.nullish().transform((value): z.output<S> => value ?? schema.parse(fallback, PARSE_ONCE));
}
