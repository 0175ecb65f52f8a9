/** The command `validate`: every mistake of a configuration with its place, for people, editors and code scanning. */

import type { ConfigError } from '../config/config-error.js';
import { loadConfig } from '../config/load.js';
import { command, EXIT, UsageError, version } from './command.js';
import { configPath } from './configuration.js';

const FORMATS = ['text', 'json', 'sarif'] as const;

/** Exit code 0, or 78 where the configuration cannot be used. */
export const validateCommand = command({
  name: 'validate',
  synopsis: '[--config FILE] [--format text|json|sarif]',
  details: `  Reads the configuration as serve does, and prints every mistake as file:line: where, what stands there and
  what should. Nothing is started. The environment counts: \${NAME} has to be set.
  exit code: 0 it can be used, 78 it cannot`,
  options: { config: { type: 'string' }, format: { type: 'string' } },
  async run({ config, format = 'text' }, _operands, io) {
    const path = configPath(config);
    const render = FORMATS.find((known) => known === format);
    if (render === undefined) throw new UsageError(`--format ${format}: ${FORMATS.join(', ')}`);
    const loaded = loadConfig({ path, env: io.env });
    const errors = loaded.ok ? [] : loaded.errors;
    io.stdout(RENDER[render](path, errors));
    return loaded.ok ? EXIT.ok : EXIT.badConfig;
  },
});

const RENDER: Readonly<Record<(typeof FORMATS)[number], (path: string, errors: readonly ConfigError[]) => string>> = {
  text: (path, errors) =>
    errors.length === 0
      ? `${path}: valid\n`
      : errors.map((error) => `${path}:${error.line ?? 1}: error: ${message(error)}\n`).join(''),
  json: (path, errors) => `${JSON.stringify({ path, valid: errors.length === 0, errors }, null, 2)}\n`,
  sarif: (path, errors) => `${JSON.stringify(sarif(path, errors), null, 2)}\n`,
};

function message({ path, value, expected }: ConfigError): string {
  return `${path === '' ? 'the file' : path}: got ${value}, expected ${expected}`;
}

/** SARIF 2.1.0, one rule. */
function sarif(path: string, errors: readonly ConfigError[]): unknown {
  const driver = { name: 'egress-proxy', version: version(), rules: [{ id: 'configuration' }] };
  const results = errors.map((error) => ({
    ruleId: 'configuration',
    level: 'error',
    message: { text: message(error) },
    locations: [
      { physicalLocation: { artifactLocation: { uri: uriOf(path) }, region: { startLine: error.line ?? 1 } } },
    ],
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
