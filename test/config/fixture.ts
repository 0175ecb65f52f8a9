/** Configurations for tests: each in a directory of its own, which goes with the test. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Config } from '../../proxy/config/config.js';
import type { Environment } from '../../proxy/config/interpolate.js';
import { type ConfigError, formatConfigErrors, loadConfig } from '../../proxy/config/load.js';

export const repository = new URL('../../../', import.meta.url);

/** The path of a file with `text` that lasts as long as the test. */
export function configFile(context: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'egress-config-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'policy.yaml');
  writeFileSync(path, text);
  return path;
}

/** Throws with every error where the text is no good configuration. */
export function configOf(context: TestContext, text: string, env: Environment = {}): Config {
  const result = loadConfig({ path: configFile(context, text), env });
  if (!result.ok) throw new Error(formatConfigErrors(result.errors));
  return result.config;
}

/** Empty where the text is a good configuration. */
export function errorsOf(context: TestContext, text: string, env: Environment = {}): readonly ConfigError[] {
  const result = loadConfig({ path: configFile(context, text), env });
  return result.ok ? [] : result.errors;
}
