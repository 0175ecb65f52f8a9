import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withChecks } from '../../build/audit-page.js';
import { CHECKS } from '../../proxy/audit/checks.js';
import { SECTIONS } from '../../proxy/audit/findings/finding.js';

const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');

test('docs/audit.md has the table of checks: npm run audit-page writes it', () => {
  const page = read('docs/audit.md');
  assert.equal(page, withChecks(page));
  for (const { id } of CHECKS) assert.ok(page.includes(`<a id="${id}"></a>`), id);
});

test('its table of the runbook has a row for each section, with its checks and a link to them', () => {
  const page = read('docs/audit.md');
  for (const [section, title] of Object.entries(SECTIONS)) {
    const number = section.slice(1);
    const anchor = `${number}-${title.toLowerCase().replaceAll(' ', '-')}`;
    const row = new RegExp(`^\\| ${number} .*\\[§${number}\\]\\(#${anchor}\\): (.*) \\|$`, 'm').exec(page);
    const ids = CHECKS.filter((check) => check.section === section).map(({ id }) => `\`${id}\``);
    assert.equal(row?.[1], ids.join(', '));
  }
});

test('ids are unique, and each check has an expectation and a section', () => {
  assert.equal(new Set(CHECKS.map(({ id }) => id)).size, CHECKS.length);
  for (const { id, expected } of CHECKS) assert.match(expected, /\S\.$/, id);
});

test('README names the page, and the number of checks', () => {
  assert.ok(read('README.md').includes(`${CHECKS.length} checks`));
});
