/** The command `validate`: every mistake of a configuration with its place, for people, editors and code scanning. */

import type { ConfigError } from '../config/config-error.js';
import { type LoadResult, loadConfig } from '../config/load.js';
import { command, EXIT, formatOf, UsageError, version } from './command.js';
import { configPath } from './configuration.js';

const FORMATS = ['text', 'json', 'sarif'] as const;

/** Exit code 0, or 78 where the configuration cannot be used. */
export const validateCommand = command({
  name: 'validate',
  synopsis: '[--config FILE] [--format text|json|sarif] [--json]',
  details: `  Reads the configuration as serve does, without starting anything. Prints every mistake with its file and line,
  what is there and what should be, and warnings about what is probably not intended.
  Every variable that the file names as \${NAME} must be set in the environment.
  --json  the same as --format json
  exit code: 0 it can be used, 78 it cannot`,
  options: { config: { type: 'string' }, format: { type: 'string' }, json: { type: 'boolean' } },
  async run({ config, format, json }, _operands, io) {
    const path = configPath(config);
    const wanted = formatOf({ format, json }, 'text');
    const render = FORMATS.find((known) => known === wanted);
    if (render === undefined) throw new UsageError(`--format is one of ${FORMATS.join(', ')}`);
    const loaded = loadConfig({ path, env: io.env });
    io.stdout(RENDER[render](path, loaded));
    return loaded.ok ? EXIT.ok : EXIT.badConfig;
  },
});

const RENDER: Readonly<Record<(typeof FORMATS)[number], (path: string, loaded: LoadResult) => string>> = {
  text: (path, loaded) => {
    const lines = findingsOf(loaded).map(({ level, line, text }) => `${path}:${line ?? 1}: ${level}: ${text}\n`);
    return `${lines.join('')}${loaded.ok ? `${path}: valid\n` : ''}`;
  },
  json: (path, loaded) => {
    const found = loaded.ok
      ? { errors: [], warnings: loaded.config.warnings }
      : { errors: loaded.errors, warnings: [] };
    return `${JSON.stringify({ path, valid: loaded.ok, ...found }, null, 2)}\n`;
  },
  sarif: (path, loaded) => `${JSON.stringify(sarif(path, findingsOf(loaded)), null, 2)}\n`,
};

interface Finding {
  readonly level: 'error' | 'warning';
  readonly line?: number;
  readonly text: string;
}

function findingsOf(loaded: LoadResult): Finding[] {
  if (!loaded.ok) return loaded.errors.map((error) => ({ level: 'error', ...lineOf(error), text: textOf(error) }));
  const { warnings } = loaded.config;
  return warnings.map((one) => ({ level: 'warning', ...lineOf(one), text: `${one.path}: ${one.message}` }));
}

function lineOf({ line }: { readonly line?: number }): { line?: number } {
  return line === undefined ? {} : { line };
}

function textOf({ path, value, expected }: ConfigError): string {
  return `${path === '' ? 'the file' : path}: got ${value}, expected ${expected}`;
}

/** SARIF 2.1.0, one rule. */
function sarif(path: string, findings: readonly Finding[]): unknown {
  const driver = { name: 'egress-proxy', version: version(), rules: [{ id: 'configuration' }] };
  const results = findings.map(({ level, line, text }) => ({
    ruleId: 'configuration',
    level,
    message: { text },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(path) }, region: { startLine: line ?? 1 } } }],
  }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, results }],
  };
}

function uriOf(path: string): string {
  return path.split(/[\\/]/).map(encodeURIComponent).join('/');
}
