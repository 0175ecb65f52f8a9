/** §4 and §6: what answers without a login, and where it is published. */

import type { AuditRole } from '../../config/audit-roles.js';
import { isLoopbackHost } from '../../core/loopback.js';
import type { Facts, Published } from '../facts/facts.js';
import type { Check, Result, Severity } from '../findings/finding.js';
import { cis, pass } from '../findings/finding.js';
import { newValue, serviceOverride } from '../findings/remedy.js';
import { bindingsText, judgeEach, type Seat, withRole } from '../findings/seats.js';

const DASHBOARD_SECRETS = ['DASHBOARD_AUTH_TOKEN', 'DASHBOARD_PASSWORD'] as const;

export const dashboardAuthOff: Check = {
  id: 'dashboard-auth-off',
  section: '§4',
  expected: `${DASHBOARD_SECRETS.join(' or ')} is set for the dashboard.`,
  severity: 'high',
  sources: [['docker'], ['compose'], ['env']],
  references: [],
  run: (facts) => {
    if (facts.engine === null && facts.compose === null) return [judgeFile(facts)];
    return judgeEach(withRole(facts, 'dashboard'), ({ service, settings, source }) => {
      const name = service.name;
      if (DASHBOARD_SECRETS.some((secret) => settings.variables.has(secret))) {
        return pass(source, name, 'It asks for a password.');
      }
      const open = beyondLoopback(settings.published);
      const isBehindLogin = /^(?:1|true|yes)$/i.test(settings.variables.plain('DASHBOARD_TRUST_PROXY_HEADERS') ?? '');
      const severity = open.length > 0 ? 'high' : isBehindLogin ? 'info' : 'low';
      const where = open.length > 0 ? `published on ${bindingsText(open)}` : 'not published beyond this machine';
      const message = `${name} answers without a password, ${where}.`;
      const [variable] = DASHBOARD_SECRETS;
      const remedy = newValue(facts, variable, [name]);
      // A file that does not hand the variable on would leave it without effect.
      const handed = settings.variables.names().includes(variable);
      const override = serviceOverride(name, [`environment: { ${variable}: "\${${variable}}" }`]).override ?? '';
      return {
        status: 'fail',
        service: name,
        source,
        severity,
        message,
        remedy: handed ? remedy : { ...remedy, override },
      };
    });
  },
};

/** `.env` alone does not say where the dashboard is published. */
function judgeFile(facts: Facts): Result {
  const isSet = DASHBOARD_SECRETS.some((secret) => facts.env?.variables.has(secret) === true);
  if (isSet) return pass('env', 'dashboard', 'It asks for a password.');
  const message = 'The dashboard answers without a password: neither is set in .env.';
  const remedy = newValue(facts, DASHBOARD_SECRETS[0], ['dashboard']);
  return { status: 'fail', service: 'dashboard', source: 'env', severity: 'low', message, remedy };
}

function beyondLoopback(published: readonly Published[]): readonly Published[] {
  return published.filter(({ hostAddress }) => !isLoopbackHost(hostAddress));
}

interface Open {
  readonly role: AuditRole;
  readonly ports: readonly number[];
  readonly severity: Severity;
  /** With one of these set to a value of one's own, it has a login. */
  readonly login?: readonly string[];
}

const WITHOUT_LOGIN: readonly Open[] = [
  { role: 'n8n', ports: [5678], severity: 'medium' },
  { role: 'comfyui', ports: [8188], severity: 'high' },
  { role: 'qdrant', ports: [6333, 6334], severity: 'high', login: ['QDRANT__SERVICE__API_KEY'] },
  { role: 'ollama', ports: [11434], severity: 'high' },
  { role: 'model-gateway', ports: [11435], severity: 'medium', login: ['LITELLM_MASTER_KEY'] },
  { role: 'mcp-gateway', ports: [8811], severity: 'medium', login: ['MCP_GATEWAY_AUTH_TOKEN'] },
  { role: 'egress-proxy', ports: [8811], severity: 'medium' },
  { role: 'openclaw-gateway', ports: [18789, 18790, 6680, 6681, 6682], severity: 'medium' },
];

export const unauthenticatedPublished: Check = {
  id: 'unauthenticated-published',
  section: '§4',
  expected: 'Services without a login are published on 127.0.0.1 only, or not at all.',
  severity: 'medium',
  sources: [['docker'], ['compose']],
  references: cis('5.14'),
  run: (facts) =>
    WITHOUT_LOGIN.flatMap((open) => judgeEach(withRole(facts, open.role), (seat) => judgeOpen(facts, open, seat))),
};

function judgeOpen(facts: Facts, open: Open, { service, settings, source }: Seat): Result {
  const name = service.name;
  const found = beyondLoopback(settings.published).filter(({ containerPort }) => open.ports.includes(containerPort));
  const hasLogin = (open.login ?? []).some((secret) => {
    const value = settings.variables.secret(secret);
    return value !== null && value.length >= 16;
  });
  if (found.length === 0 || hasLogin || isRelayWithLogin(facts, open)) {
    return pass(source, name, found.length === 0 ? 'It is not published beyond this machine.' : 'It has a login.');
  }
  const stays = settings.published.map(
    ({ hostPort, containerPort }) => `127.0.0.1:${hostPort || containerPort}:${containerPort}`,
  );
  const ports = [...new Set(stays)].map((port) => JSON.stringify(port)).join(', ');
  const what = open.role === 'egress-proxy' ? 'mcp-gateway, which it relays,' : name;
  return {
    status: 'fail',
    service: name,
    source,
    severity: open.severity,
    message: `${what} has no login that the audit knows of, and is published on ${bindingsText(found)}.`,
    remedy: serviceOverride(name, [`ports: !override [${ports}]`]),
  };
}

/** The sidecar's 8811 is the gateway's: its login counts. */
function isRelayWithLogin(facts: Facts, { role }: Open): boolean {
  if (role !== 'egress-proxy') return false;
  return withRole(facts, 'mcp-gateway').some(({ containers, compose }) =>
    [...containers, ...(compose === null ? [] : [compose])].some(({ variables }) =>
      variables.has('MCP_GATEWAY_AUTH_TOKEN'),
    ),
  );
}

const USERS =
  'Then create a strong admin account: on a database that was used without logins, the setting alone is not enough.';

export const openWebuiAuthOff: Check = {
  id: 'open-webui-auth-off',
  section: '§6',
  expected: 'WEBUI_AUTH of Open WebUI is true, or unset: then the image asks for a login.',
  severity: 'high',
  sources: [['docker'], ['compose']],
  references: [],
  run: (facts) =>
    judgeEach(withRole(facts, 'open-webui'), ({ service, settings, source }) => {
      const name = service.name;
      const value = settings.variables.plain('WEBUI_AUTH');
      // The image compares with "true" and takes everything else for no.
      if (value === null || value.toLowerCase() === 'true') return pass(source, name, 'It asks for a login.');
      const open = beyondLoopback(settings.published);
      const where = open.length > 0 ? `published on ${bindingsText(open)}` : 'not published beyond this machine';
      return {
        status: 'fail',
        service: name,
        source,
        severity: open.length > 0 ? 'high' : 'low',
        message: `Open WebUI lets everyone in (WEBUI_AUTH is not true), ${where}.`,
        remedy: serviceOverride(name, ['environment: { WEBUI_AUTH: "True" }'], USERS),
      };
    }),
};
