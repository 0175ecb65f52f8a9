/** `${NAME}` and `${file:PATH}` in the values of the configuration. */
import type { Issue, Path } from './config-error.js';
import type { SecretFile } from './secret-file.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  /** The same shape with every reference replaced; undefined where that failed. */
  readonly root: unknown;
  readonly issues: readonly Issue[];
  /** Every PATH of `${file:PATH}`, read or not. */
  readonly files: readonly string[];
}

/**
 * `${NAME}` takes a variable and fails where it is unset; `${NAME:-default}` takes the default where it is unset or
 * empty, as a shell does; `${file:PATH}` takes what a file holds, with the same default; `$$` is a dollar sign. What a
 * variable or a file holds is not looked through again.
 */
export function interpolate(root: unknown, env: Environment, readFile: (path: string) => SecretFile): Interpolated {
  const issues: Issue[] = [];
  const files = new Set<string>();
  const read = (path: string): SecretFile => {
    files.add(path);
    return readFile(path);
  };
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
      const taken = take(reference, end, env, read);
      if ('expected' in taken) failed.push({ path, value: text, ...taken });
      return 'value' in taken ? taken.value : found;
    });
    issues.push(...failed);
    return failed.length > 0 ? undefined : result;
  };
  return { root: walk(root, []), issues, files: [...files] };
}

function take(
  reference: string,
  end: string,
  env: Environment,
  read: (path: string) => SecretFile,
): { value: string } | { expected: string; shown?: string } {
  const [, path, otherwise] = /^file:(.+?)(?::-(.*))?$/s.exec(reference) ?? [];
  if (path !== undefined && end !== '') return takeFile(path, otherwise, read(path));
  const [, name, fallback] = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(reference) ?? [];
  if (name === undefined || end === '') {
    return { expected: '${NAME}, ${NAME:-default} or ${file:/run/secrets/name}, and $$ for a dollar sign' };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined) return { value: value === undefined || value === '' ? fallback : value };
  if (value !== undefined) return { value };
  const expected = `the environment variable ${name} to be set, or a default as in \${NAME:-default}`;
  return { expected, shown: `\${${name}}, which is not set` };
}

function takeFile(path: string, fallback: string | undefined, found: SecretFile) {
  if ('value' in found) return found.value === '' && fallback !== undefined ? { value: fallback } : found;
  if (fallback !== undefined) return { value: fallback };
  const expected = `the file ${path} to be readable, or a default as in \${file:${path}:-default}`;
  return { expected, shown: `\${file:${path}}, which cannot be read (${found.failure})` };
}
