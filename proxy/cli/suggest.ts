/** The command `suggest`: decision records in, a configuration that allows what was seen out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeText } from '../config/text-encoding.js';
import { parseSource } from '../config/yaml-source.js';
import { parseDnsName, parseHostPattern } from '../core/host-pattern.js';
import { ruleId, sectionOf } from '../core/rule-id.js';
import type { DecisionRecord } from '../observe/record.js';
import { extendedConfiguration, newConfiguration } from '../suggest/document.js';
import { listsOf, remarks } from '../suggest/lists.js';
import { recordsOfApi, recordsOfFile, recordsOfLog } from '../suggest/source.js';
import { type TallyOptions, tally } from '../suggest/tally.js';
import { command, EXIT, type Io, UsageError } from './command.js';

/** Exit code 0, 1 where there was nothing to read, 2 usage. */
export const suggestCommand = command({
  name: 'suggest',
  synopsis: '[--config FILE] [--from URL] [--output FILE] [FILE]',
  details: `  Reads decision records from a log FILE, from standard input, or from the admin API at URL
  (token: EGRESS_ADMIN_TOKEN), and prints a configuration that allows what was seen and denies the rest.
  --config FILE  keeps the rest of that configuration, and limits rules to the clients it names
  --output FILE  writes it there, in UTF-8, instead of printing it`,
  options: { from: { type: 'string' }, config: { type: 'string' }, output: { type: 'string' } },
  operands: { least: 0, most: 1 },
  async run({ from, config, output }, [file], io) {
    if (file !== undefined && from !== undefined) throw new UsageError('records come from one source only');
    try {
      const text = await suggestion({ base: config, from, file }, io);
      if (output === undefined) io.stdout(text);
      else writeFileSync(output, text);
      return EXIT.ok;
    } catch (error) {
      io.stderr(`suggest: ${error instanceof Error ? error.message : String(error)}\n`);
      return EXIT.failed;
    }
  },
});

interface SuggestOptions {
  readonly base: string | undefined;
  readonly from: string | undefined;
  readonly file: string | undefined;
}

async function suggestion({ base: path, from, file }: SuggestOptions, io: Io): Promise<string> {
  const base = path === undefined ? null : decodeText(readFileSync(path));
  const sum = await tally(recordsFrom(from, file, io), base === null ? NO_BASE : fromBase(base));
  if (sum.records === 0) throw new Error('no decision record was found in what was read');
  const suggested = { ...listsOf(sum), remarks: remarks(sum), needsSniLog: sum.needsSniLog };
  return base === null ? newConfiguration(suggested) : extendedConfiguration(base, suggested);
}

function recordsFrom(from: string | undefined, file: string | undefined, io: Io): AsyncIterable<DecisionRecord> {
  if (from !== undefined) return recordsOfApi(from, io.env.EGRESS_ADMIN_TOKEN);
  return file === undefined || file === '-' ? recordsOfLog(io.stdin) : recordsOfFile(file);
}

/** Without a configuration no rule can name a client, and nothing is allowed already. */
const NO_BASE: TallyOptions = { clients: new Set(), covers: () => false };

/** What the file says of clients and rules, as far as it can be read without its environment. */
function fromBase(base: string): TallyOptions {
  const root = parseSource(base).root;
  const names = list(field(root, 'clients')).flatMap((client) => {
    const name = field(client, 'name');
    return typeof name === 'string' ? [name] : [];
  });
  const covers = ({ outcome, reason, rule, host }: DecisionRecord) => {
    const section = sectionOf(rule);
    if (outcome === 'deny' || (outcome === 'allow' && reason !== null) || section === null) return false;
    const found = list(field(field(root, 'policy'), section)).find((one, index) => {
      const name = field(one, 'name');
      return rule === ruleId(section, index, typeof name === 'string' ? name : null);
    });
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
