/** One report, in the format that was asked for. */
import type { Facts } from '../facts/facts.js';
import { printable } from '../facts/printable.js';
import type { Check, Finding } from '../findings/finding.js';
import { renderJson } from './json.js';
import { renderJunit } from './junit.js';
import { renderSarif } from './sarif.js';
import { renderTable, type TableOptions } from './table.js';

export const FORMATS = ['table', 'json', 'sarif', 'junit'] as const;
export type Format = (typeof FORMATS)[number];

export function isFormat(text: string): text is Format {
  return FORMATS.some((format) => format === text);
}

export interface Report extends Pick<TableOptions, 'shell' | 'hasColour'> {
  readonly findings: readonly Finding[];
  readonly checks: readonly Check[];
  readonly facts: Facts;
  readonly tool: { readonly name: string; readonly version: string };
  readonly now: Date;
}

export function render(format: Format, { findings, checks, facts, tool, shell, hasColour, now }: Report): string {
  const project = facts.project === null ? null : printable(facts.project);
  switch (format) {
    case 'table': {
      const folder = facts.paths.folder === null ? null : printable(facts.paths.folder);
      const override = printable(facts.paths.override);
      return renderTable(findings, { hasColour, shell, project, folder, override });
    }
    case 'json':
      return renderJson(findings, facts, tool);
    case 'sarif':
      return renderSarif(findings, checks, facts, tool);
    case 'junit':
      return renderJunit(findings, now, project);
  }
}
