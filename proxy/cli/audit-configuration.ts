/** The policy file as the audit reads it: without the secrets that its references stand for. */
import { readFileSync } from 'node:fs';
import { CHECKS } from '../audit/checks.js';
import { AuditError } from '../audit/facts/audit-error.js';
import { readEnvFile } from '../audit/facts/env-file.js';
import type { Config } from '../config/config.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';
import type { Io } from './command.js';

/** Stands in for a variable or a file that exists only where the proxy runs. No two are the same. */
function placeholder(name: string): string {
  return `placeholder-of-${name.replace(/[^\x21-\x7e]/g, '_')}`.slice(0, 255);
}

/** Null where no file is named: the shipped policy is not that of a stack. Throws an AuditError for a bad file. */
export function auditConfiguration(
  named: string | undefined,
  envFile: string | undefined,
  env: Io['env'],
): Config | null {
  const path = named ?? env.EGRESS_CONFIG;
  if (path === undefined || path === '') return null;
  const readFile = (file: string) => ({ value: placeholder(file) });
  const loaded = loadConfig({ path, env: { ...placeholders(path, envFile), ...env }, readFile });
  if (!loaded.ok) throw new AuditError(`${JSON.stringify(path)} has mistakes:\n${formatConfigErrors(loaded.errors)}`);
  const unknown = loaded.config.audit.ignore.find(({ id }) => !CHECKS.some((check) => check.id === id));
  if (unknown === undefined) return loaded.config;
  throw new AuditError(
    `audit.ignore of ${JSON.stringify(path)} names ${JSON.stringify(unknown.id)}, which is no check: see audit --list`,
  );
}

/** For each `${NAME}` without a default. */
function placeholders(path: string, envFile: string | undefined): Record<string, string> {
  const names = envFile === undefined ? [] : (readEnvFile(envFile)?.variables.names() ?? []);
  const references = [...textOf(path).matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map(([, name = '']) => name);
  return Object.fromEntries([...names, ...references].map((name) => [name, placeholder(name)]));
}

/** What cannot be read is an error of loadConfig. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
