import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What may be in a bundle under our licence, with nothing but its text to carry along. */
const ALLOWED = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD']);

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly licenses?: readonly { readonly license?: { readonly id?: string } }[];
}

let out: string;
let components: readonly Component[];
before(() => {
  out = mkdtempSync(join(tmpdir(), 'sbom-'));
  execFileSync(process.execPath, ['build/sbom.mjs', out], { cwd: ROOT });
  components = JSON.parse(readFileSync(join(out, 'sbom.cdx.json'), 'utf8')).components;
});
after(() => rmSync(out, { recursive: true }));

test('the SBOM names the packages of the bundle, no more and no less', () => {
  const { outputs } = JSON.parse(readFileSync(join(ROOT, 'dist/bundle.json'), 'utf8'));
  const inputs = Object.values<{ inputs: Record<string, { bytesInOutput: number }> }>(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folders = new Set(inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const bundled = [...folders].map((folder) => `${folder.split('node_modules/').at(-1)}@${lock[folder].version}`);
  assert.ok(bundled.length > 30);
  assert.deepEqual(components.map(nameOf).sort(), [...new Set(bundled)].sort());
});

test('each of them has a licence that is allowed, and its text', () => {
  for (const component of components) {
    const ids = (component.licenses ?? []).map(({ license }) => license?.id ?? 'none');
    assert.ok(ids.length > 0 && ids.every((id) => ALLOWED.has(id)), `${nameOf(component)}: ${ids.join(', ')}`);
    const text = readFileSync(join(out, 'licenses', nameOf(component), 'LICENSE'), 'utf8');
    assert.match(text, /copyright|permission|licen[cs]e/i, nameOf(component));
  }
});

test('it is the same each time, and has no address of a registry', () => {
  const again = mkdtempSync(join(tmpdir(), 'sbom-'));
  execFileSync(process.execPath, ['build/sbom.mjs', again], { cwd: ROOT });
  const text = readFileSync(join(again, 'sbom.cdx.json'), 'utf8');
  assert.equal(text, readFileSync(join(out, 'sbom.cdx.json'), 'utf8'));
  assert.doesNotMatch(text, /serialNumber|"timestamp"|registry\./);
  rmSync(again, { recursive: true });
});

function nameOf({ group, name, version }: Component): string {
  return `${group === undefined ? '' : `${group}/`}${name}@${version}`;
}
