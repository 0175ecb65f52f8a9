/** The page: one list that lives, views beside it, and a dialog, all of them where the URL says. */
import { ask, loadReasons } from './api.js';
import { createChart } from './chart.js';
import { showClients } from './clients.js';
import { bindDetail } from './detail.js';
import { byId, element, visible } from './dom.js';
import { bindFilters, currentView, filterQuery, isGrouped, showFilters, urlWith } from './filters.js';
import { loadGrants, showGrants, tickGrants } from './grant-list.js';
import { bindGrants } from './grants.js';
import { createList } from './list.js';
import { createLive } from './live.js';
import { showNotices } from './notices.js';
import { bindQuestions, showQuestions } from './questions.js';
import { bindLogin, canDecide, openSession } from './session.js';
import { bindSteady } from './steady.js';
import { showTop } from './top.js';
import { bindCheck, showPolicy } from './views.js';

const CLIENTS_REFRESH_MS = 5000;
const POLICY_REFRESH_MS = 10_000;
const RETRY_MS = 2000;
/** Changes that come one after the other are looked at together. */
const CHANGED_MS = 200;

const chart = createChart();
const list = createList((id) => go(urlWith({ id })));
const detail = bindDetail(
  () => {
    if (new URLSearchParams(location.search).has('id')) go(urlWith({ id: null }));
  },
  () => new Set((policy?.clients ?? []).map(({ name }) => name)),
);
const live = createLive({ onRecord, onTotals, onLost, onChanged, onState: showState });
let paused = false;
let shownFilters = null;
let loading = 0;
let policy = null;
let held = null;

function onRecord(record) {
  if (!paused) list.add(record);
}

function onTotals(totals) {
  for (const outcome of ['deny', 'fail']) byId(`total-${outcome}`).textContent = totals[outcome].toLocaleString('en');
  byId('total-allow').textContent = (totals.allow - totals.reported).toLocaleString('en');
  byId('total-reported').textContent = totals.reported.toLocaleString('en');
  byId('reported').hidden = totals.reported === 0;
  chart.totals(totals);
}

function onLost(count) {
  const note = byId('lost');
  note.hidden = false;
  note.textContent = `${count.toLocaleString('en')} came too fast to show here and are counted above; a filter shows more.`;
}

let isRefreshDue = false;

function onChanged() {
  if (isRefreshDue) return;
  isRefreshDue = true;
  setTimeout(() => {
    isRefreshDue = false;
    void refresh();
  }, CHANGED_MS);
}

function showState(state, seconds) {
  const place = byId('connection');
  const text =
    state === 'stale' ? `stale: nothing heard for ${seconds} s` : paused && state === 'live' ? 'paused' : state;
  if (place.textContent !== text) place.textContent = text;
  place.dataset.state = state;
}

/** By what was tried: a problem is gone when the same succeeds. */
const problems = new Map();

function showProblem(source, error) {
  if (error === null) problems.delete(source);
  else problems.set(source, error.message);
  const place = byId('problem');
  place.hidden = problems.size === 0;
  place.textContent = visible([...new Set(problems.values())].join(' '));
}

async function attempt(source, act) {
  try {
    await act();
    showProblem(source, null);
  } catch (error) {
    if (error.token === 'unauthenticated') await openSession().catch(() => {});
    else showProblem(source, error);
  }
}

/** The first page of the list, and the stream from there on. */
async function loadList() {
  const query = filterQuery();
  const ticket = ++loading;
  shownFilters = listKey();
  byId('lost').hidden = true;
  setPaused(false);
  try {
    const asked = new URLSearchParams([...query, ['limit', list.page]]);
    const rows = await ask(`/v1/decisions${isGrouped() ? '/groups' : ''}?${asked}`);
    if (ticket !== loading) return;
    if (isGrouped()) list.replaceGroups(rows);
    else list.replace(rows);
    live.start(query, (isGrouped() ? rows[0]?.record.id : rows[0]?.id) ?? null);
    showProblem('list', null);
  } catch (error) {
    if (ticket !== loading) return;
    showProblem('list', error);
    list.replace([]);
    if (!error.isFinal) setTimeout(() => ticket === loading && loadList(), RETRY_MS);
  }
}

function listKey() {
  return `${isGrouped()} ${filterQuery()}`;
}

function loadOlder() {
  setPaused(true);
  const query = [...filterQuery(), ['limit', list.page], ['before', list.oldest()]];
  return attempt('older', async () => list.append(await ask(`/v1/decisions?${new URLSearchParams(query)}`)));
}

function setPaused(now) {
  paused = now;
  const button = byId('pause');
  button.setAttribute('aria-pressed', String(now));
  button.textContent = now ? 'Resume' : 'Pause';
}

/** Policy, grants and questions: what the notices and most views are made of. */
async function refresh() {
  await attempt('policy', async () => {
    [policy, held] = await Promise.all([ask('/v1/policy'), loadGrants()]);
    byId('policy-line').textContent =
      `mode ${policy.mode}, default ${policy.default}, policy ${policy.digest.slice(0, 12)}`;
    byId('grant-count').textContent = held === null || held.grants.length === 0 ? '' : `(${held.grants.length})`;
    offerClients(policy.clients.map(({ name }) => name));
    showNotices(policy, held);
    showPolicy(policy);
    if (held === null) return;
    showGrants(held);
    await showQuestions();
  });
  if (currentView() === 'clients') await attempt('clients', () => showClients(policy, held));
}

function offerClients(names) {
  const chosen = byId('check').elements.client;
  const kept = chosen.value;
  byId('known-clients').replaceChildren(...names.map((name) => element('option', { value: name })));
  chosen.replaceChildren(chosen.options[0], ...names.map((name) => element('option', { value: name }, name)));
  chosen.value = names.includes(kept) ? kept : '';
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
  if (listKey() !== shownFilters) await loadList();
  const id = new URLSearchParams(location.search).get('id');
  if (id !== null) await detail.show(id);
  else detail.close();
  if (view === 'clients') await attempt('clients', () => showClients(policy, held));
  if (view === 'top') await attempt('top', showTop);
  if (view === 'policy' || view === 'grants') await refresh();
}

function go(url) {
  history.pushState(null, '', url);
  void route();
}

/** Links to this page are followed without loading it again. */
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="/"]:not([download])');
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});
addEventListener('popstate', route);
byId('older').addEventListener('click', loadOlder);
byId('pause').addEventListener('click', () => (paused ? loadList() : setPaused(true)));
bindFilters(route);
bindCheck();
bindGrants(refresh);
bindQuestions();
bindSteady();
bindLogin(begin);
setInterval(
  () => currentView() === 'clients' && !document.hidden && attempt('clients', () => showClients(policy, held)),
  CLIENTS_REFRESH_MS,
);
setInterval(refresh, POLICY_REFRESH_MS);
setInterval(tickGrants, 1000);

async function prepareReasons() {
  const tokens = await loadReasons();
  const select = byId('filters').elements.reason;
  select.replaceChildren(select.options[0], ...tokens.map((token) => element('option', { value: token }, token)));
}

async function prepareChart() {
  chart.fill(await ask('/v1/decisions?limit=1000'));
}

async function start() {
  // The list does not need any of these to succeed.
  await Promise.allSettled([prepareReasons(), prepareChart(), refresh()]);
  shownFilters = null;
  await route();
}

/** Until the server answers: it may be starting. */
async function begin() {
  try {
    await openSession();
    showProblem('session', null);
    byId('to-grants').hidden = !canDecide();
    await start();
  } catch (error) {
    showProblem('session', error);
    setTimeout(begin, RETRY_MS);
  }
}

await begin();
