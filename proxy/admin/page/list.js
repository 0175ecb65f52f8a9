/** The list of decisions: the newest few hundred, however many there were, one by one or like ones as one row. */
import { inWords } from './api.js';
import { breakable, byId, element, visible } from './dom.js';
import { urlWith } from './filters.js';

const MOST_LIVE = 200;
const MOST_PAGED = 1000;
const WORDS = { allow: '✓ allowed', deny: '✕ denied', fail: '! failed', report: '≈ would be denied' };
const RENDER_MS = 200;

/** `onOpen(id)`: a person wants the detail of a record. */
export function createList(onOpen) {
  const rows = byId('rows');
  let waiting = [];
  let timer = null;
  let refused = 0;
  let isGrouped = false;
  /** The rows that are shown, by the id of their record or by what their group has in common. */
  const shown = new Map();

  rows.addEventListener('click', (event) => {
    const row = event.target.closest('tr');
    if (row === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onOpen(row.dataset.id);
  });

  const keyOf = (record) => (isGrouped ? groupKey(record) : record.id);
  const trim = (most) => {
    while (rows.children.length > most) {
      shown.delete(rows.lastElementChild.dataset.key);
      rows.lastElementChild.remove();
    }
  };
  const showState = () => {
    byId('empty').hidden = rows.children.length > 0;
    byId('older').hidden = isGrouped || rows.children.length < MOST_LIVE || rows.children.length >= MOST_PAGED;
  };
  const make = (record, extra, count) => {
    const row = rowOf(record, extra, count);
    row.dataset.key = keyOf(record);
    shown.set(row.dataset.key, row);
    return row;
  };
  /** The newest of a group stands for it; its count goes on. */
  const regroup = (record) => {
    const before = shown.get(keyOf(record));
    const count = requestsOf(record) + Number(before?.dataset.count ?? 0);
    before?.remove();
    rows.prepend(make(record, 'new', count));
  };
  const render = () => {
    timer = null;
    const fresh = waiting.filter((record) => isGrouped || !shown.has(record.id));
    waiting = [];
    if (isGrouped) for (const record of fresh) regroup(record);
    else rows.prepend(...fresh.map((record) => make(record, 'new')).reverse());
    trim(MOST_LIVE);
    showState();
    announce(fresh);
  };
  /** A screen reader hears how many were refused, not every line. */
  const announce = (fresh) => {
    for (const record of fresh) if (record.outcome !== 'allow') refused += requestsOf(record);
    if (refused === 0) return;
    const text = `${refused} refused since you opened this page`;
    const region = byId('announce');
    if (Date.now() - Number(region.dataset.at ?? 0) < 5000) return;
    region.dataset.at = Date.now();
    region.textContent = text;
  };
  const start = (grouped) => {
    isGrouped = grouped;
    waiting = [];
    shown.clear();
  };

  return {
    /** Newest first. */
    replace(records) {
      start(false);
      rows.replaceChildren(...records.map((record) => make(record, '')));
      showState();
    },
    /** `groups`: of GET /v1/decisions/groups. */
    replaceGroups(groups) {
      start(true);
      rows.replaceChildren(...groups.map(({ record, count }) => make(record, '', count)));
      showState();
    },
    append(records) {
      rows.append(...records.filter(({ id }) => !shown.has(id)).map((record) => make(record, '')));
      trim(MOST_PAGED);
      showState();
      if (records.length === 0) byId('older').hidden = true;
    },
    add(record) {
      waiting.push(record);
      if (waiting.length > MOST_LIVE) waiting.splice(0, waiting.length - MOST_LIVE);
      if (timer === null) timer = setTimeout(render, RENDER_MS);
    },
    oldest: () => rows.lastElementChild?.dataset.id ?? null,
    page: MOST_LIVE,
  };
}

/** `host:port` as a person writes it. */
export function destination({ host, port }) {
  if (host === null) return '(none)';
  const name = host.includes(':') ? `[${host}]` : host;
  return port === null ? name : `${name}:${port}`;
}

export function clientText({ name, address }) {
  return name ?? (address || '(unknown)');
}

export function timeText(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const today = new Date().toDateString() === date.toDateString();
  return today
    ? date.toLocaleTimeString('en-GB')
    : `${date.toLocaleDateString('en-CA')} ${date.toLocaleTimeString('en-GB')}`;
}

/** What happened, in mode `report` apart from what was allowed for good. */
export function outcomeOf({ outcome, reason }) {
  return outcome === 'allow' && reason !== null ? 'report' : outcome;
}

/** `count`: of the requests that the row stands for; absent for a row of one record. */
function rowOf(record, extra, count) {
  const kind = outcomeOf(record);
  const row = element('tr', { class: `${kind} ${extra}`.trim() });
  row.dataset.id = record.id;
  if (count !== undefined) row.dataset.count = count;
  const link = element('a', { href: urlWith({ id: record.id }) }, ...breakable(destination(record)));
  const times =
    count === undefined || count === 1 ? '' : element('span', { class: 'count' }, ` × ${count.toLocaleString('en')}`);
  row.append(
    cell('time', element('time', { datetime: record.time }, timeText(record.time))),
    cell(`outcome ${kind}`, wordsFor(kind, record.reason)),
    cell('client', element('bdi', {}, visible(clientText(record.client)))),
    cell('to destination', element('bdi', {}, link), times),
    cell('reason', inWords(record.reason) + (count === undefined ? more(record) : '')),
  );
  return row;
}

/** In mode `report` nobody is asked. */
function wordsFor(kind, reason) {
  return kind === 'report' && reason === 'not-yet-allowed' ? '≈ would be asked' : (WORDS[kind] ?? kind);
}

function groupKey({ client, host, port, outcome, reason }) {
  return JSON.stringify([client.name ?? client.address, host, port, outcome, reason]);
}

function requestsOf({ repeats = 0 }) {
  return 1 + repeats;
}

/** In a flood one record stands for many requests. */
function more({ repeats }) {
  return repeats === undefined ? '' : ` (and ${repeats} more)`;
}

function cell(name, ...children) {
  return element('td', { class: name }, ...children);
}
