/** The findings for people: by section, each failure with what mends it, and one line of counts at the end. */
import { type Finding, SECTIONS, SEVERITIES, type Section, type Severity } from '../findings/finding.js';
import { countsOf } from '../run.js';
import { wrap, wrapCommand } from './wrap.js';

export interface TableOptions {
  readonly hasColour: boolean;
  readonly shell: 'sh' | 'powershell';
  readonly project: string | null;
  /** Where the commands are to be run; null: not known. */
  readonly folder: string | null;
  /** Where the YAML of remedies goes. */
  readonly override: string;
}

const WIDTH = 100;
const INDENT = '       ';

const COLOURS: Readonly<Record<string, string>> = {
  FAIL: '\x1b[31m',
  PASS: '\x1b[32m',
  skip: '\x1b[2m',
  supp: '\x1b[33m',
};

export function renderTable(findings: readonly Finding[], options: TableOptions): string {
  const about = options.project === null ? 'a stack without a project name' : `project ${options.project}`;
  const where = options.folder === null ? 'the folder of the stack' : options.folder;
  const head = [...wrap(`Audit of ${about}. Commands are for ${where}.`, WIDTH, '')];
  const sections = (Object.keys(SECTIONS) as Section[]).flatMap((section) => {
    const own = findings.filter((finding) => finding.section === section);
    return own.length === 0 ? [] : ['', `${section} ${SECTIONS[section]}`, ...sectionLines(own, options)];
  });
  return `${[...head, ...sections, '', summary(findings)].join('\n')}\n`;
}

/** Each check's passes and skips are one line; each failure is its own. */
function sectionLines(findings: readonly Finding[], options: TableOptions): readonly string[] {
  const ids = [...new Set(findings.map(({ id }) => id))];
  return ids.flatMap((id) => {
    const own = findings.filter((finding) => finding.id === id);
    const failing = own.filter(({ status }) => status === 'fail').flatMap((finding) => failure(finding, options));
    const suppressed = own.filter(({ status }) => status === 'suppressed').flatMap((one) => suppression(one, options));
    const passed = own.filter(({ status }) => status === 'pass');
    const skipped = own.filter(({ status }) => status === 'skipped');
    return [
      ...failing,
      ...suppressed,
      ...(passed.length === 0 ? [] : passes(id, passed, options)),
      ...skipped.flatMap((finding) => skip(finding, options)),
    ];
  });
}

function mark(text: 'FAIL' | 'PASS' | 'skip' | 'supp', options: TableOptions): string {
  return options.hasColour ? `${COLOURS[text]}${text}\x1b[0m` : text;
}

/** The mark, then severity, check and service, folded where they are long. */
function headline(text: 'FAIL' | 'PASS' | 'skip' | 'supp', rest: string, options: TableOptions): readonly string[] {
  const [first = '', ...more] = wrap(rest, WIDTH, INDENT);
  return [`  ${mark(text, options)} ${first.trimStart()}`, ...more];
}

function failure(finding: Finding, options: TableOptions): readonly string[] {
  const { severity, id, service, message, location } = finding;
  const place = location === undefined ? '' : ` (${location.file}${location.line === null ? '' : `:${location.line}`})`;
  return [
    ...headline('FAIL', `${severity.padEnd(8)} ${id}${service === null ? '' : `  ${service}`}`, options),
    ...wrap(
      `${message}${message.includes(location?.file ?? '\0') && location?.line === null ? '' : place}`,
      WIDTH,
      INDENT,
    ),
    ...remedyLines(finding, options),
  ];
}

function remedyLines({ remedy }: Finding, { shell, override }: TableOptions): readonly string[] {
  if (remedy === undefined) return [];
  const commands = (shell === 'powershell' ? remedy.powershell : undefined) ?? remedy.sh;
  const yaml = remedy.override?.split('\n') ?? [];
  return [
    ...(yaml.length === 0 ? [] : wrap(`fix: merge into ${override}`, WIDTH, INDENT)),
    ...yaml.flatMap((line) => wrapCommand(line, WIDTH, `${INDENT}     `, '')),
    ...commands.flatMap((line) => wrapCommand(line, WIDTH, `${INDENT}fix: `, shell === 'powershell' ? '`' : '\\')),
    ...(remedy.note === undefined ? [] : wrap(`note: ${remedy.note}`, WIDTH, INDENT)),
  ];
}

function suppression({ id, service, message, reason = '' }: Finding, options: TableOptions): readonly string[] {
  return [
    ...headline('supp', `${id}${service === null ? '' : `  ${service}`}`, options),
    ...wrap(`${message} Suppressed: ${reason}`, WIDTH, INDENT),
  ];
}

function passes(id: string, findings: readonly Finding[], options: TableOptions): readonly string[] {
  const services = [...new Set(findings.flatMap(({ service }) => service ?? []))];
  return headline('PASS', `${id}${services.length === 0 ? '' : `  ${services.join(', ')}`}`, options);
}

function skip(finding: Finding, options: TableOptions): readonly string[] {
  const { id, service, message } = finding;
  return [
    ...headline('skip', `${id}${service === null ? '' : `  ${service}`}`, options),
    ...wrap(message, WIDTH, INDENT),
    ...(finding.remedy?.sh ?? []).flatMap((line) => wrapCommand(line, WIDTH, `${INDENT}run: `, '\\')),
  ];
}

function summary(findings: readonly Finding[]): string {
  const counts = countsOf(findings);
  const by = (SEVERITIES as readonly Severity[]).filter((severity) => counts[severity] > 0);
  const kinds = by.length === 0 ? '' : ` (${by.map((severity) => `${counts[severity]} ${severity}`).join(', ')})`;
  const suppressed = counts.suppressed === 0 ? '' : `, ${counts.suppressed} suppressed`;
  return `${counts.passed} passed, ${counts.failed} failed${kinds}, ${counts.skipped} skipped${suppressed}`;
}
