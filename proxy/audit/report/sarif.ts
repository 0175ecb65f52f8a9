/** The findings as SARIF 2.1.0: failures and suppressed ones are results, skipped checks are notifications. */
import { createHash } from 'node:crypto';
import { isAbsolute, relative } from 'node:path';
import type { Facts } from '../facts/facts.js';
import { printable } from '../facts/printable.js';
import { type Check, type Finding, SECTIONS, type Section, type Severity } from '../findings/finding.js';
import { remedyText, type Tool } from './json.js';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** The runbook whose sections these are, at the version that their numbers come from. */
const RUNBOOK = 'https://github.com/min-max-tech/LLM-toolkit/blob/7669f25/docs/runbooks/SECURITY_HARDENING.md';
const ANCHORS: Readonly<Record<Section, string>> = {
  '§1': '1-ssrf-egress-blocks-mcp-gateway',
  '§2': '2-backend-network-internal-true',
  '§3': '3-ops-controller-port-isolation',
  '§4': '4-dashboard-auth',
  '§5': '5-token-rotation',
  '§6': '6-open-webui-auth',
  '§7': '7-non-root-and-optional-hardening',
  '§8': '8-container-hardening-verification',
  '§9': '9-supply-chain',
  '§10': '10-filesystem-mcp-server',
  '§11': '11-openclaw-secrets-dataopenclawopenclawjson',
};

/** What code scanning makes of a severity: it takes numbers, as CVSS has them. */
const SCORES: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  info: '0.0',
};
const LEVELS = { critical: 'error', high: 'error', medium: 'warning', low: 'note', info: 'note' } as const;

export function renderSarif(findings: readonly Finding[], checks: readonly Check[], facts: Facts, tool: Tool): string {
  const shown = findings.filter(({ status }) => status === 'fail' || status === 'suppressed');
  const skipped = findings.filter(({ status }) => status === 'skipped');
  const driver = {
    name: tool.name,
    semanticVersion: tool.version,
    informationUri: RUNBOOK,
    rules: checks.map(rule),
  };
  const run = {
    tool: { driver },
    invocations: [{ executionSuccessful: true, toolExecutionNotifications: skipped.map(notification) }],
    results: shown.map((finding) => result(finding, checks, facts)),
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: '2.1.0', runs: [run] })}\n`;
}

function rule({ id, expected, section, severity, references }: Check) {
  return {
    id,
    name: id.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: expected },
    fullDescription: { text: `Section ${section.slice(1)} of the runbook, ${SECTIONS[section]}: ${expected}` },
    help: { text: `${expected} Each result says what to do; see also docs/audit.md.` },
    helpUri: `${RUNBOOK}#${ANCHORS[section]}`,
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { 'security-severity': SCORES[severity], tags: ['security', section, ...references] },
  };
}

function result(finding: Finding, checks: readonly Check[], facts: Facts) {
  const { id, severity, message, remedy, status, reason = '' } = finding;
  const help = remedy === undefined ? '' : `\n\n${remedyText(remedy)}`;
  return {
    ruleId: id,
    ruleIndex: checks.findIndex((check) => check.id === id),
    level: LEVELS[severity],
    message: { text: `${message}${help}` },
    locations: [location(finding, facts)],
    partialFingerprints: { 'egressAudit/v1': fingerprint(finding) },
    properties: { 'security-severity': SCORES[severity], severity },
    ...(status === 'suppressed' ? { suppressions: [{ kind: 'external', justification: reason }] } : {}),
  };
}

/** Code scanning wants a file for everything: what a container has is the compose file's, without a line. */
function location(finding: Finding, facts: Facts) {
  const { service, location: place } = finding;
  const region = place === undefined || place.line === null ? {} : { region: { startLine: place.line } };
  const physicalLocation = { artifactLocation: { uri: uriOf(place?.file ?? facts.paths.compose) }, ...region };
  const logical =
    service === null ? {} : { logicalLocations: [{ fullyQualifiedName: `services.${service}`, kind: 'resource' }] };
  return { physicalLocation, ...logical };
}

/** Relative to the current folder, where it is below it. */
function uriOf(path: string): string {
  const near = isAbsolute(path) ? relative(process.cwd(), path) : path;
  const shown = near === '' || near.startsWith('..') ? path : near;
  return shown
    .split(/[\\/]/)
    .map((part) => encodeURIComponent(printable(part)))
    .join('/');
}

/** The same problem at the next run, whatever its wording and line are then. */
function fingerprint({ id, service, subject, location: place }: Finding): string {
  return createHash('sha256')
    .update(JSON.stringify([id, service, subject ?? null, place?.file ?? null]))
    .digest('hex');
}

function notification({ id, message, remedy }: Finding) {
  const help = remedy === undefined ? '' : `\n${remedyText(remedy)}`;
  return { level: 'note', message: { text: `${message}${help}` }, associatedRule: { id } };
}
