/** The generated part of docker/host/ssrf-egress-block.sh: the templates of both forms, for hosts without Node. */
import { closedPolicy } from '../config/compile.js';
import { hostRules } from './host-rules.js';
import { type Format, removalTemplate, rulesTemplate } from './rule-text.js';
import { templateText } from './template.js';

const BEGIN = '# BEGIN GENERATED RULES (npm run firewall:script)';
const END = '# END GENERATED RULES';

/** The tables alone: rules of a policy file are in what `egress-proxy firewall` prints, which reads that file. */
const TABLES = closedPolicy({ default: 'public' });

/** `script` with its generated part replaced; throws where the two marker lines are missing. */
export function withGeneratedRules(script: string): string {
  const begin = script.indexOf(`${BEGIN}\n`);
  const end = script.indexOf(`${END}\n`);
  if (begin === -1 || end < begin) throw new Error(`the script has no lines "${BEGIN}" and "${END}"`);
  return `${script.slice(0, begin)}${BEGIN}\n${generated()}${script.slice(end)}`;
}

function generated(): string {
  const rules = hostRules(TABLES);
  const formats: readonly Format[] = ['iptables', 'nftables'];
  const functions = formats.flatMap((format) => [
    shellFunction(`${format}_rules`, templateText(rulesTemplate(format, rules))),
    shellFunction(`${format}_removal`, templateText(removalTemplate(format))),
  ]);
  const never = [...rules.never[4], ...rules.never[6]].map((row) => row.prefix.text);
  return `NEVER="${never.join(' ')}"\n\n${functions.join('\n')}`;
}

function shellFunction(name: string, text: string): string {
  return `${name}() {\n  cat <<'TEMPLATE'\n${text}TEMPLATE\n}\n`;
}
