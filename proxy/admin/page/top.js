/** The view of the largest clients, hosts and refusals over minutes, hours and days. */
import { ask, inWords } from './api.js';
import { breakable, byId, element, table } from './dom.js';
import { urlWith } from './filters.js';
import { destination, timeText } from './list.js';

const SPANS = { '10m': '10 minutes', '1h': 'hour', '24h': '24 hours', '7d': '7 days' };
const OUTCOMES = ['allow', 'deny', 'fail'];
const COUNTS = ['allowed', 'denied', 'failed'];

export async function showTop() {
  const asked = new URLSearchParams(location.search).get('for');
  const span = Object.hasOwn(SPANS, asked ?? '') ? asked : '1h';
  const top = await ask(`/v1/top?for=${span}`);
  byId('top').replaceChildren(
    spanLinks(span),
    element('p', { class: 'hint' }, reachText(top)),
    ...list('Clients', ['Client', ...COUNTS], top.clients.map(clientRow)),
    ...list('Destinations', ['Destination', ...COUNTS], top.hosts.map(hostRow)),
    ...list(
      'Refusals and failures',
      ['Client', 'Destination', 'Reason', 'Count'],
      top.refusals.map(refusalRow),
      'refusals',
    ),
  );
}

function spanLinks(span) {
  const links = Object.entries(SPANS).map(([value, text]) =>
    element('a', { href: urlWith({ view: 'top', for: value }), 'aria-current': value === span ? 'true' : null }, text),
  );
  return element('p', { class: 'spans' }, 'The last ', ...links);
}

function reachText({ source, complete, since, uncounted }) {
  const from = source === 'files' ? 'From the log files.' : 'From memory; log.file keeps more.';
  const reach = complete ? '' : ` What is held reaches back to ${timeText(since)} only.`;
  const more = uncounted > 0 ? ` ${uncounted.toLocaleString('en')} requests had too many different names to list.` : '';
  return from + reach + more;
}

/** `kind`: of the table, for its layout on a small screen. */
function list(title, heads, rows, kind = 'counts') {
  const body = rows.length === 0 ? element('p', { class: 'hint' }, 'none') : table(title, heads, rows, kind);
  return [element('h3', {}, title), body];
}

function clientRow(row) {
  return element('tr', {}, linkCell(row.client, { client: row.client }), ...countCells(row));
}

function hostRow(row) {
  return element('tr', {}, linkCell(destination(row), { host: row.host }, 'destination'), ...countCells(row));
}

function refusalRow({ client, host, port, reason, count }) {
  const filter = { client, ...(host === null ? {} : { host }), reason };
  return element(
    'tr',
    {},
    element('td', {}, element('bdi', {}, client)),
    linkCell(destination({ host, port }), filter, 'destination'),
    element('td', {}, inWords(reason)),
    element('td', { class: 'number' }, count.toLocaleString('en')),
  );
}

function countCells(row) {
  return OUTCOMES.map((outcome) => element('td', { class: 'number' }, row[outcome].toLocaleString('en')));
}

function linkCell(text, filter, kind) {
  const link = element('a', { href: `/?${new URLSearchParams(filter)}` }, ...breakable(text));
  return element('td', { class: kind }, element('bdi', {}, link));
}
