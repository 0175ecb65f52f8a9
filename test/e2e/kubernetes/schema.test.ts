/**
 * Every rendered object against the types of the API, by the type checker: as a literal, a key that the type does not
 * have is an error, which is what an API server does with strict field validation.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Manifest, manifestsOf, pick, ROOT, render, template, VALUES } from './helm.js';

const CUSTOM = [
  'PodMonitor',
  'PrometheusRule',
  'ClusterNetworkPolicy',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
];

for (const [name, args] of Object.entries(VALUES)) {
  test(`every object of ${name} has the fields of its kind and no other`, (t) => {
    const manifests = render(...args);
    assert.ok(manifests.length >= 8);
    assert.equal(faultsOf(t, manifests), '');
  });
}

test('what the firewall command prints has the fields of its kind and no other', (t) => {
  for (const format of ['networkpolicy', 'clusternetworkpolicy']) {
    const args = ['firewall', '--format', format, '--config', join(ROOT, 'build/policy.yaml')];
    const text = execFileSync(process.execPath, [join(ROOT, 'dist/proxy/main.js'), ...args], { encoding: 'utf8' });
    assert.equal(faultsOf(t, manifestsOf(text)), '', format);
  }
});

test('a misspelt key and a value of another type are found', (t) => {
  const text = template();
  const misspelt = manifestsOf(text.replace('terminationGracePeriodSeconds', 'terminationGracePeriodSecs'));
  assert.match(faultsOf(t, misspelt), /terminationGracePeriodSecs/);
  const [first, ...rest] = [...render('--values', VALUES['full values']?.[1] ?? '')];
  assert.ok(first);
  const monitor = pick<Manifest & { spec: object }>([first, ...rest], 'PodMonitor');
  assert.match(faultsOf(t, [{ ...monitor, spec: { ...monitor.spec, podMetricsEndpoint: [] } }]), /podMetricsEndpoint/);
  const budget = pick<Manifest & { spec: object }>([first, ...rest], 'PodDisruptionBudget');
  assert.match(faultsOf(t, [{ ...budget, spec: { ...budget.spec, maxUnavailable: [1] } }]), /number\[\]/);
});

/** What the type checker says; empty: nothing. */
function faultsOf(context: TestContext, manifests: readonly Manifest[]): string {
  const folder = mkdtempSync(join(ROOT, 'dist', 'rendered-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: 'nodenext',
    target: 'es2022',
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['rendered.ts'] }));
  writeFileSync(join(folder, 'rendered.ts'), manifests.map(literal).join(''));
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const { status, stdout, stderr } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' });
  assert.equal(status === 0, stdout === '', stderr);
  return stdout;
}

function literal(manifest: Manifest, index: number): string {
  const { apiVersion, kind } = manifest;
  const type = CUSTOM.includes(kind) ? kind : `I${kind}`;
  const module = CUSTOM.includes(kind) ? '../../test/e2e/kubernetes/crds.js' : `kubernetes-models/${apiVersion}`;
  return `const object${index}: import('${module}').${type} = ${JSON.stringify(manifest, null, 2)};\nvoid object${index};\n`;
}
