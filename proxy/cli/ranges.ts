/** The command `ranges`: the table that the policy decides by. */

import type { Policy } from '../core/policy.js';
import { SPECIAL_NAMES } from '../core/range-table.js';
import { RANGES } from '../core/special-purpose.js';
import { command, EXIT } from './command.js';
import { readConfiguration } from './configuration.js';

const OPENED_BY = {
  never: 'nothing',
  special: 'internal.address',
  private: 'internal.host, internal.address',
  inner: 'decided by the IPv4 address inside',
} as const;

export const rangesCommand = command({
  name: 'ranges',
  synopsis: '[--config FILE] [--json]',
  details: `  Prints the special-purpose and metadata ranges that the policy knows, and what opens each.
  --config FILE  adds the ranges of its policy.private; falls back to EGRESS_CONFIG, then to none
  --json         prints one JSON object: ranges, names
  exit code: 0 printed, 78 the configuration cannot be used`,
  options: { config: { type: 'string' }, json: { type: 'boolean' } },
  async run({ config, json }, _operands, io) {
    const path = config ?? (io.env.EGRESS_CONFIG || null);
    const policy = path === null ? { private: [] } : (readConfiguration(path, io)?.policy ?? null);
    if (policy === null) return EXIT.badConfig;
    io.stdout(json === true ? `${JSON.stringify(rows(policy), null, 2)}\n` : table(policy));
    return EXIT.ok;
  },
});

function rows({ private: own }: Pick<Policy, 'private'>) {
  const known = RANGES.map(({ prefix, name, source, disposition, metadata }) => {
    return { prefix: prefix.text, name, source, disposition, metadata, openedBy: OPENED_BY[disposition] };
  });
  const added = own.map(({ text }) => {
    const rest = { source: 'policy.private', disposition: 'private', metadata: false, openedBy: OPENED_BY.private };
    return { prefix: text, name: 'private here', ...rest };
  });
  const names = SPECIAL_NAMES.map(([host, disposition, name, mark]) => {
    const metadata = mark === 'metadata';
    return { host, name, disposition, metadata, openedBy: disposition === 'never' ? 'nothing' : OPENED_BY.private };
  });
  return { ranges: [...known, ...added], names };
}

function table(policy: Pick<Policy, 'private'>): string {
  const { ranges, names } = rows(policy);
  const lines = [
    ['PREFIX OR NAME', 'WHAT IT IS', 'OPENED BY', 'SOURCE'],
    ...ranges.map((row) => [row.prefix, row.name, row.openedBy, row.source]),
    ...names.map((row) => [row.host, row.name, row.openedBy, '']),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
