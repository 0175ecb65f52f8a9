/** The views beside the list: clients, policy, check. */
import { ask, inWords } from './api.js';
import { byId, element, fields } from './dom.js';
import { clientText, destination, timeText } from './list.js';
import { spawnParts } from './spawns.js';

/** What each client talked to, the client with the most recent decision first. */
export async function showClients() {
  const rows = await ask('/v1/decisions/summary');
  const groups = Map.groupBy
    ? Map.groupBy(rows, ({ client }) => clientText(client))
    : rows.reduce(
        (map, row) => map.set(clientText(row.client), [...(map.get(clientText(row.client)) ?? []), row]),
        new Map(),
      );
  const parts = [...groups].flatMap(([name, of]) => [clientHeading(name, of), clientTable(name, of)]);
  byId('clients').replaceChildren(
    ...(parts.length > 0 ? parts : [element('p', { class: 'hint' }, 'No decision yet.')]),
    ...(await spawnParts()),
  );
}

function clientHeading(name, rows) {
  const { address } = rows[0].client;
  const link = element('a', { href: `/?${new URLSearchParams({ client: name })}` }, name);
  return element('h3', {}, element('bdi', {}, link), name === address ? '' : ` (${address})`);
}

function clientTable(name, rows) {
  const body = element('tbody', {}, ...rows.map((row) => clientRow(name, row)));
  const heads = ['Destination', 'allowed', 'denied', 'failed', 'Last'].map((text) =>
    element('th', { scope: 'col' }, text),
  );
  const caption = element('caption', { class: 'unseen' }, `Destinations of ${name}`);
  return element('table', { class: 'summary' }, caption, element('thead', {}, element('tr', {}, ...heads)), body);
}

function clientRow(name, row) {
  const query = new URLSearchParams({ client: name, ...(row.host === null ? {} : { host: row.host }) });
  const link = element('a', { href: `/?${query}` }, destination(row));
  const last = `${timeText(row.last.time)} ${inWords(row.last.reason)}`;
  return element(
    'tr',
    { class: row.last.outcome },
    element('td', { class: 'destination' }, element('bdi', {}, link)),
    ...['allow', 'deny', 'fail'].map((outcome) => element('td', { class: 'number' }, String(row[outcome]))),
    element('td', {}, last.trim()),
  );
}

export async function showPolicy(policy) {
  const parts = [
    fields([
      ['digest', element('code', {}, policy.digest)],
      ['mode', policy.mode === 'report' ? 'report: would-be refusals are logged and let through' : 'enforce'],
      ['default', policy.default === 'none' ? 'none: only what a rule allows' : 'public: every public address'],
      ['TLS server name', policy.sni],
      ['clients', policy.requires === 'required' ? 'required: who has no name is refused' : policy.requires],
    ]),
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

function warningList(warnings) {
  if (warnings.length === 0) return [];
  const items = warnings.map(({ path, message }) => element('li', {}, `${path}: ${message}.`));
  return [element('h3', {}, 'warnings'), element('ul', {}, ...items)];
}

function clientList(policy) {
  const how = (client) =>
    [
      client.token ? 'by token' : null,
      client.address,
      client.default === policy.default ? null : `default: ${client.default}`,
      client.mode === policy.mode ? null : `mode: ${client.mode}`,
    ]
      .filter((text) => text !== null)
      .join(', ');
  return element('ul', {}, ...policy.clients.map((client) => element('li', {}, `${client.name} (${how(client)})`)));
}

export function bindCheck() {
  const form = byId('check');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const result = byId('check-result');
    const { target, client } = form.elements;
    try {
      const verdict = await ask('/v1/check', { target: target.value.trim(), client: client.value || null });
      result.replaceChildren(...verdictParts(verdict));
    } catch (error) {
      result.replaceChildren(element('p', {}, error.message));
    }
  });
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
