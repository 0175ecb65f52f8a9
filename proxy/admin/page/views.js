/** The views of the policy in force, and of what it would say. */
import { ask } from './api.js';
import { byId, element, fields } from './dom.js';
import { destination, timeText } from './list.js';

export function showPolicy(policy) {
  const parts = [
    fields([
      ['digest', element('code', {}, policy.digest)],
      ['mode', policy.mode === 'report' ? 'report: would-be refusals are logged and let through' : 'enforce'],
      ['default', policy.default === 'none' ? 'none: only what a rule allows' : 'public: every public address'],
      ['TLS server name', policy.sni],
      ['clients', policy.requires === 'required' ? 'required: who has no name is refused' : policy.requires],
      ...(!policy.notify ? [] : [['notices', `${policy.notify.events.join(', ')} to ${policy.notify.to}`]]),
      ...(policy.nat64.length === 0 ? [] : [['NAT64 here', policy.nat64.join(', ')]]),
      ...(policy.private.length === 0 ? [] : [['private here', policy.private.join(', ')]]),
    ]),
    ...reloadParts(policy.reload),
    ...warningList(policy.warnings),
    ...['deny', 'internal', 'allow'].flatMap((section) => ruleTable(section, policy[section])),
    element('h3', {}, 'clients'),
    policy.clients.length === 0 ? element('p', { class: 'hint' }, 'none') : clientList(policy),
  ];
  byId('policy').replaceChildren(...parts);
}

function ruleTable(section, rules) {
  const heading = element('h3', {}, section);
  if (rules.length === 0) return [heading, element('p', { class: 'hint' }, 'none')];
  const heads = ['Rule', 'Host or address', 'Ports', 'Clients'].map((text) => element('th', { scope: 'col' }, text));
  const rows = rules.map(({ id, host, address, ports, clients }) =>
    element(
      'tr',
      {},
      ...[id, host ?? address ?? 'any', ports?.join(', ') ?? 'any', clients?.join(', ') ?? 'any'].map((text) =>
        element('td', {}, text),
      ),
    ),
  );
  return [
    heading,
    element(
      'table',
      { class: 'rules' },
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...rows),
    ),
  ];
}

function reloadParts(reload) {
  if (!reload) return [];
  const at = timeText(reload.at);
  const lines = reload.ok ? reload.changes : reload.errors;
  const heading = reload.ok ? `Reloaded at ${at}` : `Refused at ${at}: the previous policy is in force`;
  const items = lines.map((line) => element('li', {}, line));
  const nothing =
    reload.ok && lines.length === 0 ? element('p', { class: 'hint' }, 'No rule and no client has changed.') : '';
  return [element('h3', {}, heading), nothing, items.length === 0 ? '' : element('ul', {}, ...items)];
}

function warningList(warnings) {
  if (warnings.length === 0) return [];
  const items = warnings.map(({ path, message }) => element('li', {}, `${path}: ${message}.`));
  return [element('h3', {}, 'warnings'), element('ul', {}, ...items)];
}

function clientList(policy) {
  const how = (client) =>
    [
      client.token ? 'by token' : null,
      client.server === null ? null : `tools of ${client.server}`,
      client.pods === null ? null : podsText(client.pods),
      client.address,
      client.default === policy.default ? null : `default: ${client.default}`,
      client.mode === policy.mode ? null : `mode: ${client.mode}`,
    ]
      .filter((text) => text !== null)
      .join(', ');
  return element('ul', {}, ...policy.clients.map((client) => element('li', {}, `${client.name} (${how(client)})`)));
}

function podsText({ namespace, labels }) {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return `pods of ${[namespace, ...wanted].join(' ')}`;
}

export function bindCheck() {
  const form = byId('check');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const result = byId('check-result');
    const { target, client } = form.elements;
    try {
      const verdict = await ask('/v1/check', { target: withPort(target.value.trim()), client: client.value || null });
      result.replaceChildren(...verdictParts(verdict));
    } catch (error) {
      result.replaceChildren(element('p', {}, error.message));
    }
  });
}

/** A host alone is asked for as most tools would: with the port of https. */
function withPort(text) {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^(\[.*\]|[^:]*):\d+$/.test(text)) return text;
  const isBareIPv6 = text.includes(':') && !text.startsWith('[');
  return `${isBareIPv6 ? `[${text}]` : text}:443`;
}

function verdictParts(verdict) {
  const words = { allow: '✓ would be allowed', deny: '✕ would be denied', fail: '! would fail' };
  return [
    element('p', { class: `outcome ${verdict.outcome}` }, words[verdict.outcome] ?? verdict.outcome),
    element('p', {}, verdict.explanation),
    fields([
      ['destination', destination(verdict)],
      ['addresses', verdict.addresses.join(', ')],
      ['reason', verdict.reason],
      ['rule', verdict.rule],
      ['status', verdict.status],
    ]),
  ];
}
