/** The command `suggest`: decision records in, a configuration that allows what was seen out. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { parseSource } from '../config/yaml-source.js';
import { parseDnsName, parseHostPattern } from '../core/host-pattern.js';
import type { DecisionRecord } from '../observe/record.js';
import { extendedConfiguration, newConfiguration } from '../suggest/document.js';
import { listsOf, remarks } from '../suggest/lists.js';
import { recordsOfApi, recordsOfFile, recordsOfLog } from '../suggest/source.js';
import { type TallyOptions, tally } from '../suggest/tally.js';

export interface SuggestIo {
  readonly stdin: Readable;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const USAGE = `usage: egress-proxy suggest [--config FILE] [--from URL] [FILE]
  Reads decision records from a log FILE, from standard input, or from the admin API at URL
  (token: EGRESS_ADMIN_TOKEN), and prints a configuration that allows what was seen and denies the rest.
  --config FILE  keeps the rest of that configuration, and limits rules to the clients it names
`;

const PROCESS_IO: SuggestIo = {
  stdin: process.stdin,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  env: process.env,
};

/** Exit code 0, 1 where there was nothing to read, 2 usage. */
export async function suggest(argv: readonly string[], io: SuggestIo = PROCESS_IO): Promise<number> {
  const options = readOptions(argv, io);
  if (options === null) return 2;
  try {
    const base = options.config === null ? null : readFileSync(options.config, 'utf8');
    const sum = await tally(recordsFrom(options, io), base === null ? NO_BASE : fromBase(base));
    if (sum.records === 0) {
      io.err('suggest: there is no decision record in what was read\n');
      return 1;
    }
    const suggestion = { ...listsOf(sum), remarks: remarks(sum), needsSniLog: sum.needsSniLog };
    io.out(base === null ? newConfiguration(suggestion) : extendedConfiguration(base, suggestion));
    return 0;
  } catch (error) {
    io.err(`suggest: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

/** Without a configuration no rule can name a client, and nothing is allowed already. */
const NO_BASE: TallyOptions = { clients: new Set(), covers: () => false };

interface Options {
  readonly config: string | null;
  readonly from: string | null;
  readonly file: string | null;
}

function readOptions(argv: readonly string[], io: SuggestIo): Options | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { from: { type: 'string' }, config: { type: 'string' } },
    });
    if (positionals.length > 1 || (positionals.length === 1 && values.from !== undefined)) {
      throw new Error('records come from one place');
    }
    return { config: values.config ?? null, from: values.from ?? null, file: positionals[0] ?? null };
  } catch (error) {
    io.err(`suggest: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return null;
  }
}

function recordsFrom({ from, file }: Options, io: SuggestIo): AsyncIterable<DecisionRecord> {
  if (from !== null) return recordsOfApi(from, io.env.EGRESS_ADMIN_TOKEN);
  return file === null || file === '-' ? recordsOfLog(io.stdin) : recordsOfFile(file);
}

/** What the file says of clients and rules, as far as it can be read without its environment. */
function fromBase(base: string): TallyOptions {
  const root = parseSource(base).root;
  const names = list(field(root, 'clients')).flatMap((client) => {
    const name = field(client, 'name');
    return typeof name === 'string' ? [name] : [];
  });
  const covers = ({ outcome, reason, rule, host }: DecisionRecord) => {
    const [, section = '', index = ''] = /^(allow|internal)\[(\d+)\]$/.exec(rule ?? '') ?? [];
    if (outcome === 'deny' || (outcome === 'allow' && reason !== null) || section === '') return false;
    const found = list(field(field(root, 'policy'), section))[Number(index)];
    return found !== undefined && namesHost(field(found, 'host'), host);
  };
  return { clients: new Set(names), covers };
}

/** A record of another configuration may have a rule of the same number. */
function namesHost(pattern: unknown, host: string | null): boolean {
  if (pattern === undefined) return true;
  const name = host === null ? null : parseDnsName(host);
  return typeof pattern === 'string' && name !== null && parseHostPattern(pattern)?.matches(name) === true;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
