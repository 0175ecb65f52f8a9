/** The command `ranges`: the table that the policy decides by. */
import { SPECIAL_NAMES } from '../core/range-table.js';
import { RANGES } from '../core/special-purpose.js';
import { command, EXIT } from './command.js';

const OPENED_BY = {
  never: 'nothing',
  special: 'internal.address',
  private: 'internal.host, internal.address',
  inner: 'decided by the IPv4 address inside',
} as const;

export const rangesCommand = command({
  name: 'ranges',
  synopsis: '[--json]',
  details: '  Prints the special-purpose and metadata ranges that the policy knows, and what opens each.',
  options: { json: { type: 'boolean' } },
  async run({ json }, _operands, io) {
    io.stdout(json === true ? `${JSON.stringify(rows(), null, 2)}\n` : table());
    return EXIT.ok;
  },
});

function rows() {
  const ranges = RANGES.map(({ prefix, name, source, disposition, metadata }) => {
    return { prefix: prefix.text, name, source, disposition, metadata, openedBy: OPENED_BY[disposition] };
  });
  const names = SPECIAL_NAMES.map(([host, disposition, name, mark]) => {
    const metadata = mark === 'metadata';
    return { host, name, disposition, metadata, openedBy: disposition === 'never' ? 'nothing' : OPENED_BY.private };
  });
  return { ranges, names };
}

function table(): string {
  const { ranges, names } = rows();
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
