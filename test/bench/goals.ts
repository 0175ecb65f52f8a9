/** The table of `--table`: a row of medians for each kind of work, with its goals and whether each of them holds. */
import { figure, type Report } from './report.js';
import type { Results } from './results.js';
import { type Outcome, outcomes } from './targets.js';

const ROWS: Readonly<Record<string, string>> = {
  'setup-address': 'set-up by address, us',
  'setup-name': 'set-up by cached name, us',
  refused: 'refused CONNECT, us',
  get: 'GET of 1 KiB, kept alive, us',
  latency: 'latency p99 beside busy neighbours, us',
  'idle-memory': 'memory per idle tunnel, KiB',
  'cold-start': 'cold start, ms',
  'start-cpu': 'CPU of a cold start, ms',
  'idle-rss': 'resident when idle, MiB',
};

const COLUMNS: Readonly<Record<string, string>> = {
  'node-pipe': 'bare Node',
  undici: 'undici',
  haproxy: 'HAProxy (TCP)',
  squid: 'Squid',
  smokescreen: 'smokescreen',
  ours: 'ours',
};

/** In Markdown. What was not measured has an empty cell, and who was not measured has no column. */
export function goalsTable({ node, repeats, results }: Report): string {
  const columns = Object.entries(COLUMNS).filter(([name]) => Object.keys(ROWS).some((row) => results[row]?.[name]));
  const reached = outcomes(results);
  const lines = Object.entries(ROWS)
    .filter(([row]) => results[row] !== undefined)
    .map(([row, title]) => {
      const medians = columns.map(([name]) => medianOf(results, row, name));
      const goals = reached.filter(({ workload }) => workload === row);
      return lineOf([title, ...medians, goals.map(goalText).join('; ')]);
    });
  const heads = [
    lineOf(['', ...columns.map(([, head]) => head), 'goals']),
    lineOf(columns.map(() => '---').concat('---', '---')),
  ];
  return [`Node ${node}, medians of ${repeats} interleaved repeats`, '', ...heads, ...lines].join('\n');
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function medianOf(results: Results, row: string, name: string): string {
  const cell = results[row]?.[name];
  if (cell === undefined || cell.median === null) return '';
  return `${figure(cell.median)}${cell.errors > 0 ? ` (${cell.errors} ERRORS)` : ''}`;
}

function goalText({ text, actual, limit, holds }: Outcome): string {
  const to = text.split(' : ')[1];
  const goal = to === undefined ? `<= ${limit}` : `<= ${limit} x ${to}`;
  if (actual === null) return `${goal}: not measured`;
  return `${goal}: ${to === undefined ? '' : `${figure(actual)} `}${holds ? 'holds' : 'MISSED'}`;
}
