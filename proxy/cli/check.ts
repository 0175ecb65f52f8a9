/** The command `check`: what would happen to a target under a configuration, without asking a running instance. */
import { createWayOut } from '../app/way-out.js';
import type { CheckResult } from '../core/explain.js';
import { check, UnknownClientError } from '../door/check.js';
import { command, EXIT, UsageError } from './command.js';
import { configPath, readConfiguration } from './configuration.js';

const EXIT_OF = { allow: EXIT.ok, deny: EXIT.denied, fail: EXIT.unreachable } as const;

/** Exit code of the worst outcome: 0 allow, 3 deny, 4 fail; 2 usage, 78 a bad configuration. */
export const checkCommand = command({
  name: 'check',
  synopsis: '[--config FILE] [--client NAME] [--json] TARGET...',
  details: `  Explains what would happen to each TARGET, a URL or HOST:PORT: outcome, reason, rule, addresses.
  Resolves names, connects to nothing.
  --client NAME  answers for this client of the configuration
  --json         prints one JSON object per line
  exit code: 0 allow, 3 deny, 4 fail; the highest of several targets. 78 the configuration cannot be used`,
  options: { config: { type: 'string' }, client: { type: 'string' }, json: { type: 'boolean' } },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  async run(values, targets, io) {
    const config = readConfiguration(configPath(values.config), io);
    if (config === null) return EXIT.badConfig;
    const { gate, host } = createWayOut(config);
    await host.refresh();
    let code: number = EXIT.ok;
    for (const target of targets) {
      const result = await explain(() => check(gate, config, target, values.client ?? null));
      io.stdout(values.json === true ? `${JSON.stringify({ target, ...result })}\n` : text(target, result));
      code = Math.max(code, EXIT_OF[result.outcome]);
    }
    return code;
  },
});

/** An unknown client is a mistake of the command line, not of the program. */
async function explain(ask: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof UnknownClientError ? new UsageError(error.message) : error;
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
