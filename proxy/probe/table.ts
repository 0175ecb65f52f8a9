/** The findings as a table for people: what is open comes first, with its meaning and its remedy. */
import type { Finding, State } from './try.js';

const AREA_TITLES: Readonly<Record<Finding['area'], string>> = {
  variables: 'proxy variables',
  proxy: 'the proxy',
  public: 'public addresses',
  private: 'private addresses',
  host: 'host and bridge',
  stack: 'services of the stack',
  named: 'named targets',
  dns: 'DNS servers outside',
  names: 'names as a way out',
  metadata: 'metadata',
  ipv6: 'IPv6',
  udp: 'UDP (QUIC, NTP)',
  icmp: 'ICMP',
  admin: 'admin API',
  gateway: 'the gateway',
  relay: "the gateway's relay",
  'docker-socket': 'docker.sock',
  forwarding: "the proxy's kernel",
  'host-by-proxy': 'the host, by the proxy',
  'through-proxy': 'private, by the proxy',
  node: 'the node',
  'api-server': 'the API server',
  'kube-dns': 'DNS of the cluster',
  'service-account': 'service account',
  pods: 'other pods',
  control: 'what nobody has',
  seat: 'this container',
};

export function renderTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ area, tried, state, saw }) => [marked(state), AREA_TITLES[area], tried, saw]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length), 0));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${[...lines, ...advice(findings), '', summary(findings)].join('\n')}\n`;
}

export function countOf(findings: readonly Finding[], state: State): number {
  return findings.filter((finding) => finding.state === state).length;
}

function marked(state: State): string {
  return state === 'open' || state === 'wrong' ? state.toUpperCase() : state;
}

/** Each pair of meaning and remedy once, with the ways that it concerns. */
function advice(findings: readonly Finding[]): string[] {
  const told = new Map<string, string[]>();
  for (const { meaning, remedy, tried, state } of findings) {
    if (meaning === null || remedy === null) continue;
    const key = `${marked(state)}: ${meaning}\n  to close it: ${remedy}`;
    told.set(key, [...(told.get(key) ?? []), tried]);
  }
  return [...told].map(([key, tried]) => `\n${key.replace('\n', `\n  seen with: ${tried.join(', ')}\n`)}`);
}

function summary(findings: readonly Finding[]): string {
  const open = countOf(findings, 'open');
  const wrong = countOf(findings, 'wrong');
  const tried = findings.length - countOf(findings, 'note') - countOf(findings, 'skipped');
  if (open > 0) return `${open} of ${tried} ways out are OPEN.`;
  if (wrong > 0) return `Nothing is open, but ${wrong} of ${tried} checks say that tools will not work.`;
  return `${tried} ways tried: nothing is open but the proxy.`;
}
