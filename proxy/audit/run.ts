/** The checks over the facts: what is skipped for want of a source, what is suppressed, and nothing that a terminal obeys. */

import type { Facts, Source } from './facts/facts.js';
import { AUDIT_SOURCES } from './facts/missing.js';
import { printable, printableText } from './facts/printable.js';
import {
  type Check,
  type Finding,
  type Remedy,
  type Result,
  SEVERITIES,
  type Severity,
  skipped,
} from './findings/finding.js';

export interface Suppression {
  readonly id: string;
  /** Null: every service. */
  readonly service: string | null;
  readonly reason: string;
}

/** In the order of the table; each check has one finding at least. Pure. */
export function runChecks(checks: readonly Check[], facts: Facts, ignore: readonly Suppression[]): readonly Finding[] {
  return checks.flatMap((check) => resultsOf(check, facts).map((result) => toFinding(check, result, ignore)));
}

function resultsOf(check: Check, facts: Facts): readonly Result[] {
  const isThere = (source: Source): boolean => sourceIsThere(facts, source);
  if (!check.sources.some((set) => set.every(isThere))) {
    const missing = (check.sources[0] ?? []).filter((source) => !isThere(source));
    const message = missing.map((source) => facts.missing[source]).join(' ');
    const first = missing[0] ?? 'docker';
    return [skipped(first, null, message, { sh: missing.map((source) => AUDIT_SOURCES[source]) })];
  }
  const results = check.run(facts);
  if (results.length > 0) return results;
  return [skipped(check.sources[0]?.[0] ?? 'docker', null, 'This stack has nothing that the check is about.')];
}

export function sourceIsThere(facts: Facts, source: Source): boolean {
  const values = {
    docker: facts.engine,
    compose: facts.compose,
    env: facts.env,
    data: facts.data,
    policy: facts.policy,
    'host-rules': facts.hostRules,
    state: facts.ages,
  };
  return values[source] !== null;
}

function toFinding(check: Check, result: Result, ignore: readonly Suppression[]): Finding {
  const { id, section, references } = check;
  const { status, service, source, location, actual, remedy, subject } = result;
  const rule = ignore.find((one) => one.id === id && (one.service === null || one.service === service));
  const isSuppressed = status === 'fail' && rule !== undefined;
  return {
    id,
    section,
    references,
    source,
    severity: result.severity ?? check.severity,
    status: isSuppressed ? 'suppressed' : status,
    service: service === null ? null : printable(service),
    expected: check.expected,
    message: printable(result.message, 600),
    ...(actual === undefined ? {} : { actual: printable(actual) }),
    ...(subject === undefined ? {} : { subject: printable(subject) }),
    ...(remedy === undefined ? {} : { remedy: printableRemedy(remedy) }),
    ...(location === undefined ? {} : { location: { ...location, file: printable(location.file, 600) } }),
    ...(isSuppressed ? { reason: printable(rule.reason, 600) } : {}),
  };
}

function printableRemedy({ override, sh, powershell, note }: Remedy): Remedy {
  return {
    ...(override === undefined ? {} : { override: printableText(override) }),
    sh: sh.map((line) => printable(line, 4000)),
    ...(powershell === undefined ? {} : { powershell: powershell.map((line) => printable(line, 4000)) }),
    ...(note === undefined ? {} : { note: printable(note, 600) }),
  };
}

export type Counts = Readonly<Record<Severity | 'passed' | 'failed' | 'skipped' | 'suppressed', number>>;

/** How many findings of each severity fail, and how many there are of each status. */
export function countsOf(findings: readonly Finding[]): Counts {
  const count = (is: (finding: Finding) => boolean): number => findings.filter(is).length;
  const failing = (severity: Severity) => count((one) => one.status === 'fail' && one.severity === severity);
  return {
    critical: failing('critical'),
    high: failing('high'),
    medium: failing('medium'),
    low: failing('low'),
    info: failing('info'),
    passed: count(({ status }) => status === 'pass'),
    failed: count(({ status }) => status === 'fail'),
    skipped: count(({ status }) => status === 'skipped'),
    suppressed: count(({ status }) => status === 'suppressed'),
  };
}

/** Whether something fails at `least` or above. */
export function failsAt(findings: readonly Finding[], least: Severity): boolean {
  const most = SEVERITIES.indexOf(least);
  return findings.some(({ status, severity }) => status === 'fail' && SEVERITIES.indexOf(severity) <= most);
}
