/** The results of a run: medians, the table, the file, the comparison with an earlier file. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Sample } from './load.js';
import type { Cell, Results } from './results.js';
import { type Outcome, outcomes } from './targets.js';
import type { Workload } from './workloads.js';

export interface Report {
  readonly node: string;
  readonly namespace: boolean;
  readonly repeats: number;
  readonly results: Results;
}

export function cellOf(samples: readonly Sample[]): Cell {
  const values = samples.flatMap(({ value }) => (value === null ? [] : [value])).sort((a, b) => a - b);
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  return {
    median: values[Math.floor(values.length / 2)] ?? null,
    low: values[0] ?? null,
    high: values.at(-1) ?? null,
    note: samples[Math.floor(samples.length / 2)]?.note ?? '',
    errors,
  };
}

export function print(
  report: Report,
  workloads: readonly Pick<Workload, 'name' | 'title' | 'unit'>[],
  compare: string | null,
): void {
  const earlier = compare === null ? null : earlierResults(compare);
  const where = report.namespace ? 'own network namespace' : 'plain loopback';
  say(`Node ${report.node}, ${where}, medians of ${report.repeats} interleaved repeats`);
  for (const workload of workloads) {
    const cells = report.results[workload.name];
    if (cells === undefined) continue;
    say(`\n${workload.title} (${workload.unit}; lower is better)`);
    for (const [name, cell] of Object.entries(cells)) say(row(name, cell, earlier?.[workload.name]?.[name]));
  }
  printTable(report.results, workloads);
  say('\ntargets');
  for (const outcome of outcomes(report.results)) say(verdict(outcome));
}

/** One line for each row of work, and a column for each who was measured: medians. */
function printTable(results: Results, workloads: readonly Pick<Workload, 'name' | 'unit'>[]): void {
  const rows = workloads.flatMap(({ name, unit }) => {
    const cells = results[name];
    return cells === undefined ? [] : [{ name, unit, cells }];
  });
  const columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  say(`\n${'medians'.padEnd(32)}${columns.map((name) => name.padStart(12)).join('')}`);
  for (const { name, unit, cells } of rows) {
    const medians = columns.map((column) => cells[column]?.median ?? null);
    const figures = medians.map((median) => (median === null ? '-' : figure(median)).padStart(12));
    say(`${`${name}, ${unit}`.padEnd(32)}${figures.join('')}`);
  }
}

/** False where a row does not hold. */
export function printBudget(rows: readonly Outcome[]): boolean {
  say('\nbudget, against bare Node in this run');
  for (const one of rows) say(verdict(one));
  return rows.every(({ holds }) => holds);
}

export function save(report: Report, path: string): void {
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function row(name: string, cell: Cell, before: Cell | undefined): string {
  const range = cell.low === null || cell.high === null ? '' : `${figure(cell.low)} to ${figure(cell.high)}`;
  const failed = cell.errors > 0 ? `  ${cell.errors} ERRORS` : '';
  const ratio = before?.median && cell.median !== null ? `  x${(cell.median / before.median).toFixed(2)}` : '';
  const median = cell.median === null ? '-' : figure(cell.median);
  return `  ${name.padEnd(12)} ${median.padStart(8)}  ${range.padEnd(18)} ${cell.note}${ratio}${failed}`;
}

export function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function verdict({ text, actual, limit, holds }: Outcome): string {
  const sign = actual === null ? 'not measured' : holds ? 'holds' : 'MISSED';
  return `  ${text.padEnd(52)} ${actual === null ? '-' : figure(actual)} (<= ${limit})  ${sign}`;
}

/** A file that `save` wrote; what is not of that shape compares with nothing. */
function earlierResults(path: string): Results {
  const report: Partial<Report> = JSON.parse(readFileSync(path, 'utf8'));
  return report.results ?? {};
}
