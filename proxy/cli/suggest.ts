/** The command `suggest`: decision records in, a configuration that allows what was seen out. */
import { readFileSync, writeFileSync } from 'node:fs';
import { decodeText } from '../config/text-encoding.js';
import { parseSource } from '../config/yaml-source.js';
import { parsePrefix } from '../core/address.js';
import { ruleId, sectionOf } from '../core/rule.js';
import { type LocalRanges, TABLE_ALONE } from '../core/special-purpose.js';
import { parseDnsName, parseHostPattern } from '../core/target.js';
import type { DecisionRecord } from '../observe/record.js';
import { extendedConfiguration, newConfiguration } from '../suggest/document.js';
import { listsOf, remarks } from '../suggest/lists.js';
import { recordsOfApi, recordsOfFile, recordsOfLog } from '../suggest/source.js';
import { suggestedRules } from '../suggest/suggested-rules.js';
import { suggestionJson } from '../suggest/suggestion-json.js';
import { type TallyOptions, tally } from '../suggest/tally.js';
import { command, EXIT, type Io, UsageError } from './command.js';

const TEXT = { type: 'string' } as const;

/** Exit code 0, 1 where there was nothing to read, 2 usage. */
export const suggestCommand = command({
  name: 'suggest',
  synopsis: '[--config FILE] [--from URL] [--json] [--output FILE] [FILE]',
  details: `  Reads decision records from a log FILE, from standard input, or from the admin API at URL
  (token: EGRESS_ADMIN_TOKEN), and prints a configuration that allows what was seen and denies the rest.
  --config FILE  keeps the rest of that configuration, and limits rules to the clients it names
  --json         prints one JSON object: the rules, how often each was needed, and the configuration
  --output FILE  writes to FILE, in UTF-8, instead of printing
  exit code: 0 done, 1 nothing could be read`,
  options: { from: TEXT, config: TEXT, output: TEXT, json: { type: 'boolean' } },
  operands: { least: 0, most: 1 },
  async run({ from, config, output, json }, [file], io) {
    if (file !== undefined && from !== undefined)
      throw new UsageError('FILE and --from exclude each other: name one source');
    try {
      const text = await suggestion({ base: config, from, file, form: json === true ? 'json' : 'yaml' }, io);
      if (output === undefined) io.stdout(text);
      else writeFileSync(output, text);
      return EXIT.ok;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      io.stderr(`suggest: ${error instanceof Error ? error.message : String(error)}\n`);
      return EXIT.failed;
    }
  },
});

interface SuggestOptions {
  readonly base: string | undefined;
  readonly from: string | undefined;
  readonly file: string | undefined;
  readonly form: 'yaml' | 'json';
}

async function suggestion({ base: path, from, file, form }: SuggestOptions, io: Io): Promise<string> {
  const base = path === undefined ? null : decodeText(readFileSync(path));
  const sum = await tally(recordsFrom(from, file, io), base === null ? NO_BASE : fromBase(base));
  if (sum.records === 0) throw new Error(NO_RECORDS);
  const rules = suggestedRules(sum);
  const suggested = { ...listsOf(rules), remarks: remarks(sum), needsSniLog: sum.needsSniLog };
  const configuration = base === null ? newConfiguration(suggested) : extendedConfiguration(base, suggested);
  return form === 'json' ? suggestionJson(sum, rules, configuration) : configuration;
}

const NO_RECORDS =
  'there are no decision records in what was read. They are lines of the log with log.format json and log.level info';

function recordsFrom(from: string | undefined, file: string | undefined, io: Io): AsyncIterable<DecisionRecord> {
  if (from !== undefined) return recordsOfApi(apiUrl(from), io.env.EGRESS_ADMIN_TOKEN);
  return file === undefined || file === '-' ? recordsOfLog(io.stdin) : recordsOfFile(file);
}

function apiUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new UsageError('--from is the URL of the admin API, such as http://127.0.0.1:9180');
}

/** Without a configuration no rule can name a client, and nothing is allowed already. */
const NO_BASE: TallyOptions = { clients: new Set(), here: TABLE_ALONE, covers: () => false };

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
  return { clients: new Set(names), here: rangesOf(field(root, 'policy')), covers };
}

function rangesOf(policy: unknown): LocalRanges {
  const prefixes = (key: 'nat64' | 'private') =>
    [field(policy, key)].flat().flatMap((text) => (typeof text === 'string' ? (parsePrefix(text) ?? []) : []));
  return { nat64: prefixes('nat64'), private: prefixes('private') };
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
