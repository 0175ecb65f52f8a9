/** The findings as JUnit XML: a suite for each section, a case for each check and service. */
import { type Finding, SECTIONS, type Section } from '../findings/finding.js';
import { remedyText } from './json.js';

/** Suites have a start, without a zone: the format has none. */
export function renderJunit(findings: readonly Finding[], now: Date, project: string | null): string {
  const sections = (Object.keys(SECTIONS) as Section[]).filter((section) =>
    findings.some((one) => one.section === section),
  );
  const suites = sections.map((section, id) =>
    suite(
      findings.filter((one) => one.section === section),
      section,
      id,
      now,
      project,
    ),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function suite(findings: readonly Finding[], section: Section, id: number, now: Date, project: string | null): string {
  const count = (is: (finding: Finding) => boolean): string => String(findings.filter(is).length);
  const attributes = {
    name: `${section} ${SECTIONS[section]}`,
    package: 'egress-proxy.audit',
    id: String(id),
    timestamp: now.toISOString().slice(0, 19),
    hostname: 'localhost',
    tests: String(findings.length),
    failures: count(({ status }) => status === 'fail'),
    errors: '0',
    skipped: count(({ status }) => status === 'skipped' || status === 'suppressed'),
    time: '0',
  };
  const property = `<property${attributesText({ name: 'project', value: project ?? '' })}/>`;
  const cases = findings.map(testCase).join('');
  return `<testsuite${attributesText(attributes)}>\n<properties>${property}</properties>\n${cases}<system-out/>\n<system-err/>\n</testsuite>\n`;
}

function testCase(finding: Finding): string {
  const name = [finding.id, finding.service, finding.subject].filter(Boolean).join(' ');
  const attributes = attributesText({ name, classname: `audit.${finding.section}`, time: '0' });
  return `<testcase${attributes}>${outcome(finding)}</testcase>\n`;
}

function outcome({ status, severity, message, remedy, reason = '' }: Finding): string {
  if (status === 'pass') return '';
  const help = remedy === undefined ? '' : `\n${remedyText(remedy)}`;
  if (status === 'fail')
    return `<failure${attributesText({ type: severity, message })}>${escaped(`${message}${help}`)}</failure>`;
  const why = status === 'suppressed' ? `${message} Suppressed: ${reason}` : `${message}${help}`;
  return `<skipped>${escaped(why)}</skipped>`;
}

function attributesText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(value)}"`)
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0 has no way to write most control characters: they are gone, if any were left. */
function escaped(text: string): string {
  return text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}
