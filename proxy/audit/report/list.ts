/** The table of checks itself. */
import type { Check } from '../findings/finding.js';

export function renderList(checks: readonly Check[], format: string): string {
  const rows = checks.map(({ id, section, severity, expected, sources, references }) => {
    return { id, runbook: section, severity, expected, sources, references };
  });
  if (format === 'json') return `${JSON.stringify({ version: 1, checks: rows })}\n`;
  const width = Math.max(...rows.map(({ id }) => id.length), 0);
  return rows
    .map((row) => `${row.runbook.padEnd(4)} ${row.severity.padEnd(8)} ${row.id.padEnd(width)}  ${row.expected}\n`)
    .join('');
}
