/** The table of checks in docs/audit.md, as a text. */
import { CHECKS } from '../proxy/audit/checks.js';
import { SECTIONS, type Section } from '../proxy/audit/findings/finding.js';

const BEGIN = '<!-- written by npm run audit-page from proxy/audit/checks.ts -->\n';
const END = '<!-- end of what npm run audit-page writes -->\n';

/** `page` with a new table between its two marks. Throws where the page has no marks. */
export function withChecks(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error('docs/audit.md has lost the marks around its table');
  return page.slice(0, begin) + BEGIN + sections().join('') + page.slice(end);
}

function sections(): readonly string[] {
  return (Object.keys(SECTIONS) as Section[]).map((section) => {
    const rows = CHECKS.filter((check) => check.section === section).map(
      ({ id, severity, sources, expected, references }) =>
        `| <a id="${id}"></a>\`${id}\` | ${severity} | ${sourcesText(sources)} | ${expected} | ${references.map(short).join(', ')} |\n`,
    );
    return `\n### ${section} ${SECTIONS[section]}\n\n| check | severity | needs | expects | see |\n|---|---|---|---|---|\n${rows.join('')}`;
  });
}

/** `compose` and `docker` together, or `env` alone: "compose + docker, or env". */
function sourcesText(sources: readonly (readonly string[])[]): string {
  return sources.map((set) => set.join(' + ')).join(' or ');
}

function short(reference: string): string {
  return reference.replace('CIS Docker Benchmark 1.6.0: ', 'CIS ');
}
