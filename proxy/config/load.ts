/** File and environment in, a frozen Config or every mistake at once out. */
import { dirname } from 'node:path';
import type * as z from 'zod';
import { clusterOf } from './cluster.js';
import { compileConfig } from './compile.js';
import type { Config } from './config.js';
import {
  type ConfigError,
  type ConfigWarning,
  type Issue,
  nearest,
  type Path,
  pathText,
  valueText,
} from './config-error.js';
import { findSemanticIssues } from './cross-checks.js';
import { withEnvironment } from './environment.js';
import { type Environment, interpolate } from './interpolate.js';
import { documentSchema, type PolicyDocument } from './schema.js';
import { readSecretFile, type SecretFile, secretPath } from './secret-file.js';
import { PARSE_ONCE } from './shapes.js';
import { findWarnings } from './warnings.js';
import { readSource, type Source } from './yaml-source.js';

export { type ConfigError, type ConfigWarning, formatConfigErrors } from './config-error.js';

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly files: readonly string[] }
  /** `files`: what `${file:PATH}` names, as paths to look at for changes. */
  | { readonly ok: false; readonly errors: readonly ConfigError[]; readonly files: readonly string[] };

export interface LoadOptions {
  readonly path: string;
  readonly env: Environment;
  /** In place of the file system, for callers that have the configuration but not its secrets. */
  readonly readFile?: (path: string) => SecretFile;
  /** The part of the file that is read, for callers that do not have all of its variables. */
  readonly view?: (root: unknown) => unknown;
}

/**
 * Reads the YAML file at `path`, fills in `${NAME}` from `env` and `${file:PATH}` from files, checks and compiles. Synchronous; never throws for what
 * the file holds. The errors are in the order of the file and never show a token.
 */
export function loadConfig(options: LoadOptions): LoadResult {
  const source = readSource(options.path);
  if (source.root === undefined) return { ok: false, errors: source.errors, files: [] };
  const folder = dirname(options.path);
  const { view = (root: unknown) => root } = options;
  const read = options.readFile ?? ((path: string) => readSecretFile(path, folder));
  const { root: filledIn, issues, files: named } = interpolate(view(source.root), options.env, read);
  const files = named.map((path) => secretPath(path, folder));
  const root = withEnvironment(filledIn, options.env);
  const parsed = documentSchema.safeParse(root, PARSE_ONCE);
  const found = parsed.success ? [] : parsed.error.issues.flatMap((issue) => fromZod(issue, root));
  const misspelt = found.flatMap((issue) => issue.meant ?? []);
  const later = [...found, ...findSemanticIssues(root)]
    .filter((issue) => !issues.some((unresolved) => isAtOrBelow(issue, unresolved)))
    .filter((issue) => issue.value !== undefined || !misspelt.includes(pathText(issue.path)));
  const offset = (issue: Issue): number => source.placeOf(issue.path)?.offset ?? Number.MAX_SAFE_INTEGER;
  const worded = [...issues, ...later]
    .sort((a, b) => offset(a) - offset(b))
    .flatMap((issue) => toError(issue, source, root));
  const errors = inOrder([...source.errors, ...worded]);
  return parsed.success && errors.length === 0
    ? {
        ok: true,
        config: compileConfig(parsed.data, {
          warnings: warningsOf(parsed.data, options.env, source),
          secretFiles: files,
          cluster: clusterOf(options.env),
        }),
        files,
      }
    : { ok: false, errors, files };
}

function warningsOf(document: PolicyDocument, env: Environment, source: Source): ConfigWarning[] {
  return findWarnings(document, env).map(({ path, message }) => {
    const line = source.placeOf(path)?.line;
    return { path: pathText(path), message, ...(line === undefined ? {} : { line }) };
  });
}

/** A key that does not look like one may be a token in the wrong place. `meant`: the path that an unknown key was probably meant for; that nothing is there is not a second mistake. */
function fromZod(issue: z.core.$ZodIssue, root: unknown): (Issue & { readonly meant?: string })[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  if (issue.code !== 'unrecognized_keys') return [{ path, value: valueAt(root, path), expected: issue.message }];
  const known = issue.message.split(', ');
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    const meant = near === null ? {} : { meant: pathText([...path, near]) };
    const expected = `${near === null ? '' : `the key ${near}, or another `}one of ${issue.message}`;
    const isWord = near !== null || /^[a-z_<-]{1,16}$/i.test(key);
    const shown = isWord ? `the unknown key ${valueText(key)}` : 'an unknown key (not shown)';
    return { path: [...path, key], value: key, shown, expected, ...(isWord ? {} : { shownPath: path }), ...meant };
  });
}

/** A value that could not be filled in has its error already. */
function isAtOrBelow(issue: Issue, unresolved: Issue): boolean {
  return unresolved.path.every((key, i) => issue.path[i] === key);
}

function toError(issue: Issue, source: Source, root: unknown): ConfigError[] {
  const line = source.placeOf(issue.path)?.line;
  if (!source.isSound(issue.path)) return [];
  const value = issue.shown ?? (isSecret(issue, source, root) ? hidden(issue.value) : valueText(issue.value));
  return [
    {
      path: pathText(issue.shownPath ?? issue.path),
      value,
      expected: issue.expected,
      ...(line === undefined ? {} : { line }),
    },
  ];
}

/** One line too many is the usual mistake in such a file, and saying so gives no secret away. */
function hidden(value: unknown): string {
  return typeof value === 'string' && /[\r\n]/.test(value) ? '(not shown, more than one line)' : '(not shown)';
}

/** Under `admin` and `clients` only names and addresses are shown; elsewhere, nothing that is or is named as a token. */
function isSecret({ path, value }: Issue, source: Source, root: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (path[0] === 'admin' || path[0] === 'clients')
    return !['name', 'address', 'server', 'pods'].includes(String(path[2]));
  if (path[0] === 'upstream' && path[1] === 'proxy') return true;
  if (path[0] === 'notify' || path[0] === 'otlp') return ['url', 'endpoint', 'headers'].includes(String(path[1]));
  const written = valueAt(source.root, path);
  const named = typeof written === 'string' && /\$\{(?:file:|\w*(TOKEN|SECRET|PASS|KEY|CREDENTIAL))/i.test(written);
  return named || tokensOf(root).has(value);
}

function tokensOf(root: unknown): ReadonlySet<unknown> {
  const clients = valueAt(root, ['clients']);
  const owners: Path[] = [['admin'], ...(Array.isArray(clients) ? clients.map((_, i) => ['clients', i]) : [])];
  return new Set(owners.flatMap((owner) => ['token', 'next'].map((key) => valueAt(root, [...owner, key]))));
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return Object.getOwnPropertyDescriptor(value, key)?.value;
  }, root);
}

function inOrder(errors: readonly ConfigError[]): ConfigError[] {
  const unique = new Map(errors.map((error) => [`${error.path}\n${error.expected}\n${error.line}`, error]));
  const place = (error: ConfigError): number => error.line ?? Number.POSITIVE_INFINITY;
  return [...unique.values()].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
