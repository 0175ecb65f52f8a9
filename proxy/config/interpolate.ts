/** `${NAME}` in the values of the configuration. */
import type { Issue, Path } from './config-error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  /** The same shape with every reference replaced; undefined where that failed. */
  readonly root: unknown;
  readonly issues: readonly Issue[];
}

/**
 * `${NAME}` takes a variable and fails where it is unset; `${NAME:-default}` takes the default where it is unset or
 * empty, as a shell does; `$$` is a dollar sign. What a variable holds is not looked through again.
 */
export function interpolate(root: unknown, env: Environment): Interpolated {
  const issues: Issue[] = [];
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return replace(value, path);
    if (Array.isArray(value)) return value.map((item, i) => walk(item, [...path, i]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  const replace = (text: string, path: Path): string | undefined => {
    const failed: Issue[] = [];
    const result = text.replace(/\$\$|\$\{([^}]*)(\}?)/g, (found, reference: string | undefined, end: string) => {
      if (reference === undefined) return '$';
      const taken = take(reference, end, env);
      if ('expected' in taken) failed.push({ path, value: text, ...taken });
      return 'value' in taken ? taken.value : found;
    });
    issues.push(...failed);
    return failed.length > 0 ? undefined : result;
  };
  return { root: walk(root, []), issues };
}

function take(
  reference: string,
  end: string,
  env: Environment,
): { value: string } | { expected: string; shown?: string } {
  const [, name, fallback] = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(reference) ?? [];
  if (name === undefined || end === '') return { expected: '${NAME} or ${NAME:-default}, and $$ for a dollar sign' };
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined) return { value: value === undefined || value === '' ? fallback : value };
  if (value !== undefined) return { value };
  const expected = `the environment variable ${name} to be set, or a default as in \${NAME:-default}`;
  return { expected, shown: `\${${name}}, which is not set` };
}
