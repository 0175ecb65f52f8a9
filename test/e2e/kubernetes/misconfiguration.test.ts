/** Trivy's own checks of Kubernetes objects, over all that the chart can render. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { template, VALUES } from './helm.js';

interface Report {
  readonly Results?: readonly {
    readonly Target: string;
    readonly MisconfSummary?: { readonly Successes: number };
    readonly Misconfigurations?: readonly {
      readonly ID: string;
      readonly Severity: string;
      readonly Message: string;
    }[];
  }[];
}

test('no finding is high, critical or of middle weight', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'egress-trivy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, args] of Object.entries(VALUES))
    writeFileSync(join(folder, `${name.replace(/\W+/g, '-')}.yaml`), template(...args));
  const scan = ['config', '--skip-policy-update', '--quiet', '--format', 'json', folder];
  const env = { ...process.env, TRIVY_CACHE_DIR: join(folder, '.cache') };
  const report: Report = JSON.parse(
    execFileSync('trivy', scan, { encoding: 'utf8', env, maxBuffer: 64 * 1024 * 1024 }),
  );
  const results = report.Results ?? [];
  assert.equal(results.length, Object.keys(VALUES).length, 'a file for each set of values');
  for (const { MisconfSummary, Target } of results)
    assert.ok((MisconfSummary?.Successes ?? 0) > 50, `${Target} was not checked`);
  const findings = results.flatMap(({ Misconfigurations = [] }) => Misconfigurations);
  assert.deepEqual(
    findings.filter(({ Severity }) => Severity !== 'LOW').map(({ ID, Message }) => `${ID} ${Message}`),
    [],
  );
});
