/** The chart as Helm renders it. Needs `helm` on the path: .ci/tools has it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
export const CHART = `${ROOT}docker/kubernetes/chart`;
export const FULL_VALUES = `${ROOT}test/e2e/kubernetes/full-values.yaml`;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The values that the suite renders with: the defaults, everything turned on, and what can be turned off. */
export const VALUES: Readonly<Record<string, readonly string[]>> = {
  defaults: [],
  'full values': ['--values', FULL_VALUES],
  'no steering, no budget': ['--set', 'steer.enabled=false', '--set', 'podDisruptionBudget.enabled=false'],
};

export function helm(...args: readonly string[]): string {
  return execFileSync('helm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function helmFails(...args: readonly string[]): string {
  const { status, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
  if (status === 0) throw new Error(`helm ${args.join(' ')} succeeded`);
  return stderr;
}

export function template(...args: readonly string[]): string {
  return helm('template', 'egress-proxy', CHART, '--namespace', 'egress', ...args);
}

export function render(...args: readonly string[]): readonly Manifest[] {
  return manifestsOf(template(...args));
}

export function manifestsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document): Manifest[] => {
    if (document.errors.length > 0) throw document.errors[0];
    const value = document.toJS();
    return value === null ? [] : [value];
  });
}

/** The one of this kind, or of this kind and name. */
export function pick<T>(manifests: readonly Manifest[], kind: string, name?: string): T {
  const found = manifests.filter((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
  const [one] = found;
  if (one === undefined || found.length > 1) throw new Error(`${found.length} of ${kind} ${name ?? ''}`);
  return one as unknown as T;
}
