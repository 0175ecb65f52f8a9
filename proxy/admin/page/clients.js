/** The view of the clients: one line each, with what it talked to, what it may reach, and a pause. */
import { ask, inWords } from './api.js';
import { byId, element, table } from './dom.js';
import { decide, pause, placeText, resume, untilText } from './grants.js';
import { clientText, destination, timeText } from './list.js';
import { spawnParts } from './spawns.js';
import { steady } from './steady.js';

/** So few are all shown open. */
const FEW = 3;
const OUTCOMES = ['allow', 'deny', 'fail'];
let shown = '';

/** `policy` of GET /v1/policy, `held` of GET /v1/grants; null where that could not be read. */
export async function showClients(policy, held) {
  const rows = await ask('/v1/decisions/summary');
  const spawns = await spawnParts();
  const text =
    JSON.stringify([rows, policy?.digest, held?.grants, held?.pauses]) +
    spawns.map((part) => part.textContent).join('');
  if (text === shown) return;
  shown = text;
  const groups = groupsOf(rows, policy);
  const place = byId('clients');
  const wasOpen = new Map([...place.querySelectorAll('details')].map((one) => [one.dataset.client, one.open]));
  const focused = document.activeElement?.closest?.('#clients [data-client]')?.dataset.client;
  const parts = [...groups].map(([name, of]) =>
    clientPart(name, of, { policy, held, isOpen: wasOpen.get(name) ?? groups.size <= FEW }),
  );
  place.replaceChildren(
    ...(parts.length > 0 ? parts : [element('p', { class: 'hint' }, 'No decision yet.')]),
    ...spawns,
  );
  if (focused !== undefined) place.querySelector(`details[data-client="${CSS.escape(focused)}"] summary`)?.focus();
}

/** The client with the most recent decision first; then those of the configuration that have made none. */
function groupsOf(rows, policy) {
  const groups = new Map();
  for (const row of rows) {
    const name = clientText(row.client);
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  for (const { name } of policy?.clients ?? []) if (!groups.has(name)) groups.set(name, []);
  return groups;
}

function clientPart(name, rows, { policy, held, isOpen }) {
  const configured = policy?.clients.find((client) => client.name === name) ?? null;
  const details = element(
    'details',
    { 'data-client': name },
    summaryLine(name, rows),
    ...reach(configured, policy, held),
  );
  details.open = isOpen;
  if (rows.length > 0) details.append(clientTable(name, rows));
  return element(
    'div',
    { class: 'client' },
    details,
    ...(configured === null || held === null ? [] : pauseParts(name, held)),
  );
}

function summaryLine(name, rows) {
  const sums = OUTCOMES.map((outcome) => rows.reduce((sum, row) => sum + row[outcome], 0));
  const address = rows[0]?.client.address;
  const words = ['allowed', 'denied', 'failed'];
  return element(
    'summary',
    {},
    element('h3', {}, element('bdi', {}, name)),
    element('span', { class: 'hint' }, address === undefined || address === name ? '' : `(${address})`),
    ...sums.map((sum, i) =>
      element('span', { class: `sum ${sum > 0 ? OUTCOMES[i] : ''}` }, `${sum.toLocaleString('en')} ${words[i]}`),
    ),
    element('span', { class: 'hint last' }, rows[0] === undefined ? 'nothing yet' : timeText(rows[0].last.time)),
  );
}

function pauseParts(name, held) {
  const place = element('div', { class: 'decision' });
  const paused = held?.pauses.find(({ client }) => client === name) ?? null;
  const button = element('button', { type: 'button' }, paused === null ? 'Pause' : 'Resume');
  button.setAttribute('aria-label', `${button.textContent} ${name}`);
  button.addEventListener('click', () => decide(place, paused === null ? pause(name, {}) : resume(name)));
  if (paused !== null) steady(button, `resume ${name}`);
  return [button, place];
}

/** What it may reach: its default, and the rules and grants that are for it. */
function reach(client, policy, held) {
  if (client === null) return [];
  const lines = ['deny', 'internal', 'allow'].flatMap((section) =>
    policy[section]
      .filter(({ clients }) => clients?.includes(client.name))
      .map(({ id, host, address, ports }) => `${id}: ${placeText({ host, address: address ?? 'any', ports })}`),
  );
  const grants = (held?.grants ?? [])
    .filter((grant) => grant.client === client.name && !grant.inFile)
    .map((grant) => `${grant.effect}: ${placeText(grant)}, ${untilText(grant)}`);
  const base =
    client.default === 'none' ? 'Only what a rule allows.' : 'Every public address except what a rule denies.';
  const mode = client.mode === 'report' ? ' Mode report: refusals are only logged.' : '';
  const all = [...lines, ...grants];
  return [
    element('p', {}, base + mode),
    ...(all.length === 0 ? [] : [element('ul', {}, ...all.map((text) => element('li', {}, element('bdi', {}, text))))]),
  ];
}

function clientTable(name, rows) {
  const heads = ['Destination', 'allowed', 'denied', 'failed', 'Last'];
  return table(
    `Destinations of ${name}`,
    heads,
    rows.map((row) => clientRow(name, row)),
  );
}

function clientRow(name, row) {
  const query = new URLSearchParams({ client: name, ...(row.host === null ? {} : { host: row.host }) });
  const link = element('a', { href: `/?${query}` }, destination(row));
  const last = `${timeText(row.last.time)} ${inWords(row.last.reason)}`;
  return element(
    'tr',
    { class: row.last.outcome },
    element('td', { class: 'destination' }, element('bdi', {}, link)),
    ...OUTCOMES.map((outcome) => element('td', { class: 'number' }, String(row[outcome]))),
    element('td', {}, last.trim()),
  );
}
