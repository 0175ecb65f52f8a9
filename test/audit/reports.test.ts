/** The four formats: each is what its schema or its readers expect, and none says a secret. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import AjvDraft04 from 'ajv-draft-04';
import { validateXML } from 'xmllint-wasm';
import { CHECKS } from '../../proxy/audit/checks.js';
import { FORMATS, type Format, render } from '../../proxy/audit/report/render.js';
import { type Audited, audit, NOW } from './audit.js';
import { bad, secretsOf } from './bad-stack.js';

const require = createRequire(import.meta.url);

let audited: Audited;

before(async () => {
  audited = await audit(bad());
});

function report(format: Format, change: { hasColour?: boolean; shell?: 'sh' | 'powershell' } = {}): string {
  const tool = { name: 'egress-proxy', version: '0.0.0' };
  const { findings, facts } = audited;
  return render(format, { findings, facts, checks: CHECKS, tool, now: NOW, shell: 'sh', hasColour: false, ...change });
}

test('most checks find something in a bad stack', () => {
  const failing = new Set(audited.findings.filter(({ status }) => status === 'fail').map(({ id }) => id));
  assert.ok(failing.size >= 25, `${failing.size} of ${CHECKS.length}`);
  assert.ok(audited.findings.some(({ status }) => status === 'suppressed'));
  assert.ok(audited.findings.some(({ status }) => status === 'skipped'));
});

for (const format of FORMATS) {
  test(`no secret is in ${format}, for either shell`, () => {
    for (const shell of ['sh', 'powershell'] as const) {
      const text = report(format, { shell });
      for (const [name, secret] of secretsOf(bad())) assert.ok(!text.includes(secret), `${name} is in it`);
    }
  });
}

test('the table fits 100 columns, has no colour but on a terminal, and ends with one line of counts', () => {
  for (const shell of ['sh', 'powershell'] as const) {
    const lines = report('table', { shell }).trimEnd().split('\n');
    const wide = lines.filter((line) => [...line].length > 100);
    assert.deepEqual(wide, []);
    assert.match(lines.at(-1) ?? '', /^\d+ passed, \d+ failed \(\d+ critical, .*\), \d+ skipped, 1 suppressed$/);
  }
  assert.ok(!report('table').includes('\x1b'));
  assert.ok(report('table', { hasColour: true }).includes('\x1b[31mFAIL\x1b[0m'));
});

test('the table is grouped by section, in their order', () => {
  const heads = report('table')
    .split('\n')
    .flatMap((line) => /^(§\d+) /.exec(line)?.[1] ?? []);
  assert.deepEqual(heads, ['§1', '§2', '§3', '§4', '§5', '§6', '§7', '§8', '§9', '§10', '§11']);
});

test('json is one line with a version, a target, counts that add up, and findings of one shape', () => {
  const text = report('json');
  assert.equal(text.indexOf('\n'), text.length - 1);
  const root = JSON.parse(text);
  assert.equal(root.version, 1);
  assert.deepEqual(root.tool, { name: 'egress-proxy', version: '0.0.0' });
  assert.equal(root.target.project, 'ai-toolkit');
  const { critical, high, medium, low, info, passed, failed, skipped, suppressed } = root.summary;
  assert.equal(critical + high + medium + low + info, failed);
  assert.equal(passed + failed + skipped + suppressed, root.findings.length);
  const keys =
    'id severity status runbook service source location expected actual subject message remediation fix references';
  for (const finding of root.findings) {
    assert.deepEqual(
      Object.keys(finding).filter((key) => key !== 'reason'),
      keys.split(' '),
    );
    if (finding.status === 'fail') assert.ok(finding.remediation.length > 0, finding.id);
  }
});

test('sarif is valid by the schema of 2.1.0, with a rule for each check and an address for each result', () => {
  const path = require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
  const validate = new AjvDraft04.default({ strict: false, unicodeRegExp: false, validateFormats: false }).compile(
    JSON.parse(readFileSync(path, 'utf8')),
  );
  const root = JSON.parse(report('sarif'));
  assert.equal(validate(root), true, JSON.stringify(validate.errors?.slice(0, 3)));
  const [run] = root.runs;
  assert.deepEqual(
    run.tool.driver.rules.map(({ id }: { id: string }) => id),
    CHECKS.map(({ id }) => id),
  );
  const prints = run.results.map((result: { partialFingerprints: object }) =>
    JSON.stringify(result.partialFingerprints),
  );
  assert.equal(new Set(prints).size, prints.length);
  for (const result of run.results) {
    assert.equal(run.tool.driver.rules[result.ruleIndex].id, result.ruleId);
    assert.ok(result.locations[0].physicalLocation.artifactLocation.uri);
  }
  const suppressed = run.results.filter((result: { suppressions?: unknown }) => result.suppressions);
  assert.deepEqual(
    suppressed.map((result: { suppressions: { justification: string }[] }) => result.suppressions[0]?.justification),
    ['it is the test that says so'],
  );
});

/** The published schema is of 2011; the elements and attributes for what was skipped came later. */
function junitSchema(): string {
  const schema = readFileSync(require.resolve('jest-junit-reporter/src/__tests__/fixtures/junit.xsd'), 'utf8');
  const element = '<xs:choice minOccurs="0"><xs:element name="skipped" type="xs:string"/>';
  const attribute = '<xs:attribute name="skipped" type="xs:int" use="optional"/><xs:attribute name="errors" ';
  return schema.replace('<xs:choice minOccurs="0">', element).replace('<xs:attribute name="errors" ', attribute);
}

test('junit is valid by its schema, with a suite for each section', async () => {
  const xml = report('junit');
  const { valid, errors } = await validateXML({
    xml: [{ fileName: 'audit.xml', contents: xml }],
    schema: [{ fileName: 'junit.xsd', contents: junitSchema() }],
  });
  assert.equal(valid, true, errors.map(({ message }) => message).join('\n'));
  assert.equal(xml.match(/<testsuite /g)?.length, 11);
});
