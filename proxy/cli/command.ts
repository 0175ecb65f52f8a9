/** What all commands share: arguments, --help and --version, errors, exit codes, and the streams they speak on. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Exit codes. `badConfig` is EX_CONFIG of sysexits.h. */
export const EXIT = { ok: 0, failed: 1, usage: 2, denied: 3, unreachable: 4, badConfig: 78 } as const;

export interface Io {
  readonly stdin: Readable;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What `parseArgs` takes. No defaults: a command sees what was said and what was not. */
type Options = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean; readonly short?: string }>
>;

type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

export interface Command<T extends Options = Options> {
  readonly name: string;
  /** Options and operands, as they stand after the name: `[--json] TARGET...`. */
  readonly synopsis: string;
  /** What `--help` says below it: lines indented by two spaces. */
  readonly details?: string;
  readonly options: T;
  /** How many operands are taken; none where this is left out. */
  readonly operands?: { readonly least: number; readonly most: number };
  /** The exit code; null: the process goes on, and sets it itself. A `UsageError` becomes exit code 2. */
  run(values: Values<T>, operands: readonly string[], io: Io): Promise<number | null>;
}

/** Something that only the user can put right, in words for the user. */
export class UsageError extends Error {}

/** Gives `run` the types of `options`. */
export function command<T extends Options>(definition: Command<T>): Command {
  return { ...definition, run: (values, operands, io) => definition.run(values as Values<T>, operands, io) };
}

/** What `--format` says, with `--json` for `--format json`; `usual` if neither is there. */
export function formatOf(
  { format, json }: { readonly format?: string | undefined; readonly json?: boolean | undefined },
  usual: string,
): string {
  if (json !== true) return format ?? usual;
  if (format !== undefined && format !== 'json')
    throw new UsageError(`--json and --format ${format} exclude each other`);
  return 'json';
}

/** One command over its arguments, without its name. Errors go to stderr, with the usage; help goes to stdout. */
export async function execute(of: Command, argv: readonly string[], io: Io): Promise<number | null> {
  const meta = metaOption(argv);
  if (meta === 'help') io.stdout(usageOf(of));
  if (meta === 'version') io.stdout(`${version()}\n`);
  if (meta !== null) return EXIT.ok;
  try {
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: of.options });
    const { least, most } = of.operands ?? { least: 0, most: 0 };
    if (positionals.length < least) throw new UsageError(`an operand is missing: ${of.synopsis}`);
    if (positionals.length > most) throw new UsageError(`unexpected operand ${JSON.stringify(positionals[most])}`);
    return await of.run(values, positionals, io);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    io.stderr(`${of.name}: ${sentenceOf(error)}\n${usageOf(of)}`);
    return EXIT.usage;
  }
}

/** `--help` and `--version` count wherever they stand before `--`, even beside an option that does not exist. */
function metaOption(argv: readonly string[]): 'help' | 'version' | null {
  const end = argv.indexOf('--');
  const options = end === -1 ? argv : argv.slice(0, end);
  if (options.includes('--help') || options.includes('-h')) return 'help';
  return options.includes('--version') ? 'version' : null;
}

/** `parseArgs` marks what is wrong with arguments by its code. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** `parseArgs` goes on to explain what nobody asked; its first sentence says what is wrong. */
function sentenceOf(error: Error): string {
  if (error instanceof UsageError) return error.message;
  const withoutValue = /^Option '(-[^ ']+)[^']*' argument (?:missing|is ambiguous)/.exec(error.message)?.[1];
  if (withoutValue !== undefined) return `option '${withoutValue}' needs a value`;
  const [first = ''] = error.message.split(/\.\s|\.$/, 1);
  return first.charAt(0).toLowerCase() + first.slice(1);
}

export function usageOf({ name, synopsis, details }: Command): string {
  const head = `usage: egress-proxy ${name} ${synopsis}`.trimEnd();
  return details === undefined ? `${head}\n` : `${head}\n${details.trimEnd()}\n`;
}

/** The version in package.json, which lies beside the program in clone, package and image. */
export function version(): string {
  const text = readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8');
  const manifest: unknown = JSON.parse(text);
  const found = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null;
  return typeof found === 'string' ? found : 'unknown';
}
