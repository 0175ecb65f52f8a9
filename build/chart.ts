/** The generated parts of the Helm chart: its tables come from the policy, its alerts from docker/observability. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closedPolicy } from '../proxy/config/compile.js';
import type { Prefix } from '../proxy/core/address.js';
import { gatewayRules } from '../proxy/firewall/gateway-rules.js';
import { egressLines } from '../proxy/firewall/network-policy.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HEAD = '# Written by `npm run chart`.\n';

/** The files of chart/files by their names. Helm reads no file outside of the chart. */
export function chartFiles(): Readonly<Record<string, string>> {
  const rules = gatewayRules(closedPolicy({ default: 'public' }));
  const egress = egressLines(rules, { dns: [], parents: [] });
  const never4 = rules.never[4].map(({ prefix, label }) => `  - ${prefix.text} # ${label}`);
  const never6 = rules.never[6].map(({ prefix, label }) => `  - "${digitPattern(prefix)}" # ${prefix.text} ${label}`);
  return {
    'egress.yaml': `${HEAD}${egress.join('\n')}\n`,
    'never.yaml': `${HEAD}${['ipv4:', ...never4, 'ipv6: # patterns of 32 hex digits', ...never6].join('\n')}\n`,
    'alerts.yaml': `${HEAD}${readFileSync(`${ROOT}docker/observability/alerts.yml`, 'utf8')}`,
  };
}

/** A template has no arithmetic of 128 bits: the addresses of a prefix as a pattern of their hex digits. */
function digitPattern({ address, bits }: Prefix): string {
  const digits = Buffer.from(address.bytes).toString('hex');
  const whole = Math.floor(bits / 4);
  const first = Number.parseInt(digits[whole] ?? '0', 16);
  const some = Array.from({ length: 2 ** (4 - (bits % 4)) }, (_, i) => (first + i).toString(16)).join('');
  return `^${digits.slice(0, whole)}${bits % 4 === 0 ? '' : `[${some}]`}`;
}

/** The chart with its defaults, for who installs without Helm. Needs helm on the path. */
export function renderInstall(): string {
  const args = ['template', 'egress-proxy', `${ROOT}docker/kubernetes/chart`, '--namespace', 'egress', '--skip-tests'];
  const text = execFileSync('helm', args, { encoding: 'utf8' });
  return `# Written by \`npm run chart\` from docker/kubernetes/chart and its defaults. Apply: README.md beside it.\n${text}`;
}
