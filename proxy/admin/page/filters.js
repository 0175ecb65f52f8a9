/** Filters and the open view live in the URL, so that a view can be kept, sent and gone back to. */
import { withKey } from './api.js';
import { byId } from './dom.js';

export const FILTERS = ['outcome', 'client', 'host', 'reason', 'q'];

/** The search parameters that the list and the stream are asked with. */
export function filterQuery() {
  const wanted = new URLSearchParams();
  const current = new URLSearchParams(location.search);
  for (const name of FILTERS) if (current.get(name)) wanted.set(name, current.get(name));
  return wanted;
}

/** True where like decisions are shown as one row. */
export function isGrouped() {
  return new URLSearchParams(location.search).has('group');
}

export function currentView() {
  const view = new URLSearchParams(location.search).get('view');
  return ['clients', 'top', 'grants', 'policy', 'check'].includes(view) ? view : 'decisions';
}

/** The URL of this page with other parameters; null takes one away. */
export function urlWith(change) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return text === '' ? '/' : `/?${text}`;
}

/** Fills the form from the URL, and the URL from the form; `onChange` is called after the latter. */
export function bindFilters(onChange) {
  const form = byId('filters');
  const apply = () => {
    const values = Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value.trim() || null]));
    const url = urlWith({ ...values, group: form.elements.group.checked ? '1' : null });
    // Enter in a field changes and submits: that is one step, and one step back.
    if (url === location.pathname + location.search) return;
    history.pushState(null, '', url);
    onChange();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener('change', apply);
  byId('clear').addEventListener('click', () => {
    for (const name of FILTERS) form.elements[name].value = '';
    form.elements.group.checked = false;
    apply();
  });
}

export function showFilters() {
  const query = filterQuery();
  const form = byId('filters');
  for (const name of FILTERS) form.elements[name].value = query.get(name) ?? '';
  form.elements.group.checked = isGrouped();
  for (const format of ['json', 'csv']) {
    const path = `/v1/decisions/export?${new URLSearchParams([...query, ['format', format]])}`;
    byId(`export-${format}`).href = withKey(path);
  }
}
