/** The page: one list that lives, three views beside it, and a dialog, all of them where the URL says. */
import { ask, loadReasons } from './api.js';
import { createChart } from './chart.js';
import { bindDetail } from './detail.js';
import { byId, element, visible } from './dom.js';
import { bindFilters, currentView, filterQuery, showFilters, urlWith } from './filters.js';
import { createList } from './list.js';
import { createLive } from './live.js';
import { bindCheck, showClients, showPolicy } from './views.js';

const CLIENTS_REFRESH_MS = 5000;
const POLICY_REFRESH_MS = 10_000;
const RETRY_MS = 2000;

const chart = createChart();
const list = createList((id) => go(urlWith({ id })));
const detail = bindDetail(() => {
  if (new URLSearchParams(location.search).has('id')) go(urlWith({ id: null }));
});
const live = createLive({ onRecord, onTotals, onLost, onState: showState });
let paused = false;
let shownFilters = null;
let loading = 0;

function onRecord(record) {
  if (!paused) list.add(record);
}

function onTotals(totals) {
  for (const outcome of ['allow', 'deny', 'fail']) {
    byId(`total-${outcome}`).textContent = totals[outcome].toLocaleString('en');
  }
  chart.totals(totals);
}

function onLost(count) {
  const note = byId('lost');
  note.hidden = false;
  note.textContent = `${count.toLocaleString('en')} came too fast to show here and are counted above; a filter shows more.`;
}

function showState(state, seconds) {
  const place = byId('connection');
  const text =
    state === 'stale' ? `stale: nothing heard for ${seconds} s` : paused && state === 'live' ? 'paused' : state;
  if (place.textContent !== text) place.textContent = text;
  place.dataset.state = state;
}

function showProblem(error) {
  const place = byId('problem');
  place.hidden = error === null;
  place.textContent = error === null ? '' : visible(error.message);
}

/** The first page of the list, and the stream from there on. */
async function loadList() {
  const query = filterQuery();
  const ticket = ++loading;
  shownFilters = query.toString();
  byId('lost').hidden = true;
  setPaused(false);
  try {
    const records = await ask(`/v1/decisions?${new URLSearchParams([...query, ['limit', list.page]])}`);
    if (ticket !== loading) return;
    list.replace(records);
    live.start(query, records[0]?.id ?? null);
    showProblem(null);
  } catch (error) {
    if (ticket !== loading) return;
    showProblem(error);
    list.replace([]);
    if (!error.isFinal) setTimeout(() => ticket === loading && loadList(), RETRY_MS);
  }
}

async function loadOlder() {
  setPaused(true);
  const query = [...filterQuery(), ['limit', list.page], ['before', list.oldest()]];
  try {
    list.append(await ask(`/v1/decisions?${new URLSearchParams(query)}`));
  } catch (error) {
    showProblem(error);
  }
}

function setPaused(now) {
  paused = now;
  const button = byId('pause');
  button.setAttribute('aria-pressed', String(now));
  button.textContent = now ? 'Resume' : 'Pause';
}

async function refreshPolicy() {
  try {
    const policy = await ask('/v1/policy');
    byId('policy-line').textContent =
      `mode ${policy.mode}, default ${policy.default}, policy ${policy.digest.slice(0, 12)}`;
    const names = policy.clients.map(({ name }) => name);
    const chosen = byId('check').elements.client;
    const kept = chosen.value;
    byId('known-clients').replaceChildren(...names.map((name) => element('option', { value: name })));
    chosen.replaceChildren(chosen.options[0], ...names.map((name) => element('option', { value: name }, name)));
    chosen.value = names.includes(kept) ? kept : '';
    await showPolicy(policy);
  } catch (error) {
    showProblem(error);
  }
}

/** Brings the page to where the URL says. */
async function route() {
  const view = currentView();
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    byId(`view-${link.dataset.view}`).hidden = link.dataset.view !== view;
  }
  showFilters();
  if (filterQuery().toString() !== shownFilters) await loadList();
  const id = new URLSearchParams(location.search).get('id');
  if (id !== null) await detail.show(id);
  else detail.close();
  if (view === 'clients') await showClients().catch(showProblem);
  if (view === 'policy') await refreshPolicy();
}

function go(url) {
  history.pushState(null, '', url);
  route();
}

/** Links to this page are followed without loading it again. */
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});
addEventListener('popstate', route);
byId('older').addEventListener('click', loadOlder);
byId('pause').addEventListener('click', () => (paused ? loadList() : setPaused(true)));
bindFilters(route);
bindCheck();
setInterval(() => currentView() === 'clients' && !document.hidden && showClients().catch(() => {}), CLIENTS_REFRESH_MS);
setInterval(refreshPolicy, POLICY_REFRESH_MS);

async function prepareReasons() {
  const tokens = await loadReasons();
  byId('filters').elements.reason.append(...tokens.map((token) => element('option', { value: token }, token)));
}

async function prepareChart() {
  chart.fill(await ask('/v1/decisions?limit=1000'));
}

// The list does not need any of these to succeed.
await Promise.allSettled([prepareReasons(), prepareChart(), refreshPolicy()]);
await route();
