import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../proxy/config/load.js';
import { policyFile } from '../../proxy/config/policy-file.js';
import { withoutRuleLine, withRuleLine } from '../../proxy/config/rule-line.js';

const ITEM = '{ host: "new.test", ports: [443] }';
const LINE = { section: 'allow', item: ITEM } as const;

const FORMS: readonly (readonly [form: string, before: string, after: string])[] = [
  [
    'a list of lines',
    'version: 1\npolicy:\n  allow:\n    # GitHub\n    - { host: a.test }\n',
    `version: 1\npolicy:\n  allow:\n    - ${ITEM}\n    # GitHub\n    - { host: a.test }\n`,
  ],
  [
    'a list at the indentation of its key',
    'version: 1\npolicy:\n  allow: # these\n  - host: a.test\n    ports: [443]\n',
    `version: 1\npolicy:\n  allow: # these\n  - ${ITEM}\n  - host: a.test\n    ports: [443]\n`,
  ],
  [
    'a list in brackets',
    'version: 1\npolicy:\n  allow: [ { host: a.test } ] # one\n',
    `version: 1\npolicy:\n  allow: [${ITEM},  { host: a.test } ] # one\n`,
  ],
  ['an empty list', 'version: 1\npolicy:\n  allow: []\n', `version: 1\npolicy:\n  allow: [${ITEM}]\n`],
  [
    'a key of which every line is a comment',
    'version: 1\npolicy:\n  default: none\n  allow: # narrow\n  # - { host: a.test }\n\n# clients:\n',
    `version: 1\npolicy:\n  default: none\n  allow: # narrow\n    - ${ITEM}\n  # - { host: a.test }\n\n# clients:\n`,
  ],
  [
    'no such list',
    'version: 1\npolicy:\n  # public or none\n  default: none\nlimits: {}\n',
    `version: 1\npolicy:\n  allow:\n    - ${ITEM}\n  # public or none\n  default: none\nlimits: {}\n`,
  ],
  ['a policy without anything', 'version: 1\npolicy:\n', `version: 1\npolicy:\n  allow:\n    - ${ITEM}\n`],
  [
    'a policy in braces',
    'version: 1\npolicy: { default: none }\n',
    `version: 1\npolicy: { allow: [${ITEM}], default: none }\n`,
  ],
  [
    'a list in braces',
    'version: 1\npolicy: { allow: [{ host: a.test }] }\n',
    `version: 1\npolicy: { allow: [${ITEM}, { host: a.test }] }\n`,
  ],
  ['no policy and no line end', 'version: 1', `version: 1\npolicy:\n  allow:\n    - ${ITEM}\n`],
  [
    'the line ends of Windows',
    'version: 1\r\npolicy:\r\n  allow:\r\n    - { host: a.test }\r\n',
    `version: 1\r\npolicy:\r\n  allow:\r\n    - ${ITEM}\r\n    - { host: a.test }\r\n`,
  ],
  [
    'variables in braces',
    'version: 1\npolicy: { default: "${DEFAULT:-none}", allow: [{ host: "${HOST:-a.test}" }] }\n',
    `version: 1\npolicy: { default: "\${DEFAULT:-none}", allow: [${ITEM}, { host: "\${HOST:-a.test}" }] }\n`,
  ],
];

for (const [form, before, after] of FORMS) {
  test(`a rule goes into ${form}, and out again`, (t) => {
    assert.equal(withRuleLine(before, LINE), after);
    const path = fileWith(t, before);
    assert.deepEqual(policyFile(path, {}).add(LINE), { applied: true });
    const loaded = loadConfig({ path, env: {} });
    assert.equal(loaded.ok && loaded.config.policy.allow[0]?.host?.text, 'new.test');
    const out = withoutRuleLine(after, LINE);
    assert.ok(out !== null && !out.includes('new.test'));
    assert.deepEqual(policyFile(path, {}).remove(LINE), { applied: true });
    assert.equal(readFileSync(path, 'utf8'), out);
  });
}

test('a form that is not known, and what is not there, is left alone', () => {
  const forms = ['{ version: 1, policy: { allow: [] } }', '- a', 'policy: text', 'policy:\n  allow: text\n'];
  for (const form of forms) assert.equal(withRuleLine(form, LINE), null, form);
  assert.equal(withoutRuleLine('policy:\n  allow:\n    - { host: new.test }\n', LINE), null);
  assert.equal(withoutRuleLine('policy:\n  deny: [{ host: "new.test", ports: [443] }]\n', LINE), null);
});

test('a file keeps its mode, and nothing is left beside it', (t) => {
  const path = fileWith(t, 'version: 1\n');
  chmodSync(path, 0o640);
  assert.deepEqual(policyFile(path, {}).add(LINE), { applied: true });
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(join(path, '..')), ['policy.yaml']);
});

test('a link stays one, and the file that it leads to is changed', (t) => {
  const real = fileWith(t, 'version: 1\n');
  const link = join(real, '..', 'link.yaml');
  symlinkSync(real, link);
  assert.deepEqual(policyFile(link, {}).add(LINE), { applied: true });
  assert.match(readFileSync(real, 'utf8'), /new\.test/);
  assert.equal(readFileSync(link, 'utf8'), readFileSync(real, 'utf8'));
});

test('what would not load is not written, and says why', (t) => {
  const broken = 'version: 1\npolicy: { allow: [{ hosts: a.test }] }\n';
  const path = fileWith(t, broken);
  const refused = policyFile(path, {}).add(LINE);
  assert.match(refused.applied ? '' : refused.explanation, /mistakes/);
  assert.equal(readFileSync(path, 'utf8'), broken);
  writeFileSync(path, 'version: 1\n');
  const wrong = policyFile(path, {}).add({ section: 'allow', item: '{ hosts: "new.test" }' });
  assert.match(wrong.applied ? '' : wrong.explanation, /change other things/);
  const sneaky = policyFile(path, {}).add({ section: 'allow', item: '{ host: "a.test" }\n    - { host: "b.test" }' });
  assert.equal(sneaky.applied, false);
  assert.equal(readFileSync(path, 'utf8'), 'version: 1\n');
});

test('a file that cannot be replaced is left alone, and says why', (t) => {
  const path = fileWith(t, 'version: 1\n');
  assert.equal(policyFile(path, {}).isWritable(), true);
  writeFileSync(path, Buffer.from('\ufeffversion: 1\n', 'utf16le'));
  const refused = policyFile(path, {}).add(LINE);
  assert.match(refused.applied ? '' : refused.explanation, /UTF-8/);
  const missing = policyFile(join(path, '..', 'missing.yaml'), {}).add(LINE);
  assert.match(missing.applied ? '' : missing.explanation, /cannot write to/);
});

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'egress-rule-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'policy.yaml');
  writeFileSync(path, text);
  return path;
}
