/** docker/kubernetes/README.md: what it tells people to type and to write is taken by Helm, the program and a YAML reader. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { CHART, helm, ROOT } from './helm.js';

const TEXT = readFileSync(join(ROOT, 'docker/kubernetes/README.md'), 'utf8');
const VALUES: Readonly<Record<string, unknown>> = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));

test('the command that installs renders', () => {
  const [, args = ''] = /^ {4}helm install (.+)$/m.exec(TEXT) ?? [];
  const words = args.replace(' --create-namespace', '').replace('docker/kubernetes/chart', CHART).split(' ');
  assert.match(helm('template', ...words), /^kind: Deployment$/m);
});

test('the commands of the program run as they stand', () => {
  const commands = [...TEXT.matchAll(/^ {4,}egress-proxy (.+)$/gm)].map(([, args = '']) => args.split(' '));
  assert.ok(commands.length > 0);
  for (const args of commands) {
    const out = execFileSync(process.execPath, [join(ROOT, 'dist/proxy/main.js'), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.match(out, /^kind: NetworkPolicy$/m);
  }
});

test('each example is YAML, and has the address and the names of the defaults', () => {
  const examples = [...TEXT.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text);
  assert.ok(examples.length > 4);
  for (const text of examples) assert.equal(typeof parse(text), 'object', text);
  const addresses = examples.join('').match(/10\.96\.0\.\d+/g) ?? [];
  assert.deepEqual([...new Set(addresses)], ['10.96.0.250']);
  assert.match(helm('template', 'egress-proxy', CHART), /^ {2}name: egress-proxy-client$/m);
});

test('every value that it names is one of the chart', () => {
  const named = [...TEXT.matchAll(/`([a-z]\w*(?:\.\w+)+)/gi)].map(([, path = '']) => path);
  const own = named.filter((path) => Object.hasOwn(VALUES, path.split('.')[0] ?? ''));
  assert.ok(own.length > 10);
  for (const path of own) assert.notEqual(at(VALUES, path.split('.')), undefined, path);
});

function at(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value;
  return typeof value === 'object' && value !== null ? at(Reflect.get(value, key), rest) : undefined;
}
