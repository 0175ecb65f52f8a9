/** What a check says, and what a check is. */
import type { Facts, Source } from '../facts/facts.js';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SECTIONS = {
  '§1': 'Tools and their way out',
  '§2': 'Backend network',
  '§3': 'Ops controller',
  '§4': 'Dashboard and what else is published',
  '§5': 'Tokens',
  '§6': 'Open WebUI',
  '§7': 'Non-root',
  '§8': 'Container hardening',
  '§9': 'Supply chain',
  '§10': 'Filesystem server',
  '§11': 'OpenClaw and MCP configuration',
} as const;
export type Section = keyof typeof SECTIONS;

/** What mends a finding, in the order of doing: lines for a file, then commands. */
export interface Remedy {
  /** YAML to merge into the stack's override file. */
  readonly override?: string;
  readonly sh: readonly string[];
  /** Where Windows differs. */
  readonly powershell?: readonly string[];
  /** One sentence: what it costs, or what no command can do. */
  readonly note?: string;
}

export type Status = 'fail' | 'pass' | 'skipped';

/** What a check found about one service, or about the stack. */
export interface Result {
  readonly status: Status;
  readonly service: string | null;
  readonly source: Source;
  /** One sentence. Never holds a secret. */
  readonly message: string;
  /** Where it differs from the check's own. */
  readonly severity?: Severity;
  readonly actual?: string;
  /** What it is about, where a service alone does not say: the name of a variable or a network, a path. */
  readonly subject?: string;
  readonly remedy?: Remedy;
  readonly location?: { readonly file: string; readonly line: number | null };
}

export interface Check {
  readonly id: string;
  readonly section: Section;
  /** What is expected, as one sentence. */
  readonly expected: string;
  readonly severity: Severity;
  /** Sets of sources, any of which is enough. Without one the check is skipped. */
  readonly sources: readonly (readonly Source[])[];
  readonly references: readonly string[];
  /** Pure. An empty list: the check does not concern any part of the stack. */
  readonly run: (facts: Facts) => readonly Result[];
}

/** A result with what its check says about it. */
export interface Finding extends Omit<Result, 'status' | 'severity'> {
  readonly id: string;
  readonly section: Section;
  readonly severity: Severity;
  readonly status: Status | 'suppressed';
  readonly expected: string;
  readonly references: readonly string[];
  /** Why it is suppressed. */
  readonly reason?: string;
}

export function pass(source: Source, service: string | null, message: string): Result {
  return { status: 'pass', service, source, message };
}

export function skipped(source: Source, service: string | null, message: string, remedy?: Remedy): Result {
  return { status: 'skipped', service, source, message, ...(remedy === undefined ? {} : { remedy }) };
}

/** The numbers of the CIS Docker Benchmark move between versions: these are of 1.6.0. */
export function cis(...numbers: readonly string[]): readonly string[] {
  return numbers.map((number) => `CIS Docker Benchmark 1.6.0: ${number}`);
}
