/** The findings as one line of JSON, version 1: docs/audit.md describes it. */
import type { Facts } from '../facts/facts.js';
import { printable } from '../facts/printable.js';
import type { Finding, Remedy } from '../findings/finding.js';
import { countsOf } from '../run.js';

export interface Tool {
  readonly name: string;
  readonly version: string;
}

export function renderJson(findings: readonly Finding[], facts: Facts, tool: Tool): string {
  const shown = (text: string | null) => (text === null ? null : printable(text));
  const target = {
    project: shown(facts.project),
    engine: shown(facts.engine?.daemon?.version ?? null),
    composeFile: facts.compose === null ? null : shown(facts.paths.compose),
    folder: shown(facts.paths.folder),
    override: shown(facts.paths.override),
  };
  const report = { version: 1, tool, target, summary: countsOf(findings), findings: findings.map(toJson) };
  return `${JSON.stringify(report)}\n`;
}

function toJson(finding: Finding) {
  const { id, severity, status, section, service, source, location, expected, actual, message, references } = finding;
  return {
    id,
    severity,
    status,
    runbook: section,
    service,
    source,
    location: location ?? null,
    expected,
    actual: actual ?? null,
    subject: finding.subject ?? null,
    message,
    remediation: finding.remedy === undefined ? null : remedyText(finding.remedy),
    fix: finding.remedy === undefined ? null : fix(finding.remedy),
    references,
    ...(finding.reason === undefined ? {} : { reason: finding.reason }),
  };
}

function fix({ override, sh, powershell, note }: Remedy) {
  return { override: override ?? null, sh, powershell: powershell ?? sh, note: note ?? null };
}

/** All of it as text, for sh. */
export function remedyText({ override, sh, note }: Remedy): string {
  const yaml = override === undefined ? [] : ['Merge into the override file:', override];
  return [...yaml, ...sh, ...(note === undefined ? [] : [note])].join('\n');
}
