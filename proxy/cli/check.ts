/** The command `check`: what would happen to a target under a configuration, without asking a running instance. */
import { parseArgs } from 'node:util';
import { createGate } from '../app.js';
import type { CheckResult } from '../core/explain.js';
import { check, UnknownClientError } from '../door/check.js';
import { BAD_CONFIG, configPath, readConfiguration } from './configuration.js';

const USAGE = 'usage: egress-proxy check [--config FILE] [--client NAME] [--json] TARGET...\n';
const EXIT = { allow: 0, deny: 3, fail: 4 } as const;

/** Exit code of the worst outcome: 0 allow, 3 deny, 4 fail; 2 usage, 78 a bad configuration. */
export async function checkCommand(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === null || options.targets.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const config = readConfiguration(configPath(options.config));
  if (config === null) return BAD_CONFIG;
  const { gate } = createGate(config);
  let code = 0;
  try {
    for (const target of options.targets) {
      const result = await check(gate, config, target, options.client ?? null);
      process.stdout.write(options.json ? `${JSON.stringify({ target, ...result })}\n` : text(target, result));
      code = Math.max(code, EXIT[result.outcome]);
    }
  } catch (error) {
    if (!(error instanceof UnknownClientError)) throw error;
    process.stderr.write(`check: ${error.message}\n`);
    return 2;
  }
  return code;
}

function readOptions(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { config: { type: 'string' }, client: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    return { ...values, targets: positionals };
  } catch (error) {
    process.stderr.write(`check: ${error instanceof Error ? error.message : String(error)}\n`);
    return null;
  }
}

/** What came from the command line is quoted: it may hold control characters. */
function text(target: string, { outcome, reason, rule, addresses, explanation }: CheckResult): string {
  const rows = [
    ['outcome', outcome],
    ['reason', reason ?? '-'],
    ['rule', rule ?? '-'],
    ['addresses', addresses.join(', ') || '-'],
    ['because', explanation],
  ];
  const shown = /^[\x21-\x7e]+$/.test(target) ? target : JSON.stringify(target);
  return `${shown}\n${rows.map(([name = '', value]) => `  ${name.padEnd(10)} ${value}\n`).join('')}`;
}
