/** The list of decisions: the newest few hundred, however many there were. */
import { inWords } from './api.js';
import { byId, element, visible } from './dom.js';
import { urlWith } from './filters.js';

const MOST_LIVE = 200;
const MOST_PAGED = 1000;
const WORDS = { allow: '✓ allowed', deny: '✕ denied', fail: '! failed' };
const RENDER_MS = 200;

/** `onOpen(id)`: a person wants the detail of a record. */
export function createList(onOpen) {
  const rows = byId('rows');
  let waiting = [];
  let timer = null;
  let refused = 0;
  const seen = new Set();

  rows.addEventListener('click', (event) => {
    const row = event.target.closest('tr');
    if (row === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onOpen(row.dataset.id);
  });

  const trim = (most) => {
    while (rows.children.length > most) {
      const { id } = rows.lastElementChild.dataset;
      rows.lastElementChild.remove();
      seen.delete(id);
    }
  };
  const showState = () => {
    byId('empty').hidden = rows.children.length > 0;
    byId('older').hidden = rows.children.length < MOST_LIVE || rows.children.length >= MOST_PAGED;
  };
  const render = () => {
    timer = null;
    const fresh = waiting.filter((record) => !seen.has(record.id));
    waiting = [];
    for (const record of fresh) seen.add(record.id);
    rows.prepend(...fresh.map((record) => rowOf(record, 'new')).reverse());
    trim(MOST_LIVE);
    showState();
    announce(fresh);
  };
  /** A screen reader hears how many were refused, not every line. */
  const announce = (fresh) => {
    for (const { outcome, repeats = 0 } of fresh) if (outcome !== 'allow') refused += 1 + repeats;
    if (refused === 0) return;
    const text = `${refused} refused since you opened this page`;
    const region = byId('announce');
    if (Date.now() - Number(region.dataset.at ?? 0) < 5000) return;
    region.dataset.at = Date.now();
    region.textContent = text;
  };

  return {
    /** Newest first. */
    replace(records) {
      waiting = [];
      seen.clear();
      for (const { id } of records) seen.add(id);
      rows.replaceChildren(...records.map((record) => rowOf(record)));
      showState();
    },
    append(records) {
      const older = records.filter(({ id }) => !seen.has(id));
      for (const { id } of older) seen.add(id);
      rows.append(...older.map((record) => rowOf(record)));
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

function rowOf(record, extra = '') {
  const { outcome, reason } = record;
  const row = element('tr', { class: `${outcome} ${extra}`.trim() });
  row.dataset.id = record.id;
  const link = element('a', { href: urlWith({ id: record.id }) }, destination(record));
  const reported = outcome === 'allow' && reason !== null ? 'would be denied: ' : '';
  row.append(
    cell('time', element('time', { datetime: record.time }, timeText(record.time))),
    cell(`outcome ${outcome}`, WORDS[outcome] ?? outcome),
    cell('client', element('bdi', {}, visible(clientText(record.client)))),
    cell('to destination', element('bdi', {}, link)),
    cell('reason', reported + inWords(reason) + more(record)),
  );
  return row;
}

/** In a flood one record stands for many requests. */
export function more({ repeats }) {
  return repeats === undefined ? '' : ` (and ${repeats} more)`;
}

function cell(name, child) {
  return element('td', { class: name }, child);
}
