/** Filters and the open view live in the URL, so that a view can be kept, sent and gone back to. */
import { byId } from './dom.js';

export const FILTERS = ['outcome', 'client', 'host', 'reason'];

/** The search parameters that the list and the stream are asked with. */
export function filterQuery() {
  const wanted = new URLSearchParams();
  const current = new URLSearchParams(location.search);
  for (const name of FILTERS) if (current.get(name)) wanted.set(name, current.get(name));
  return wanted;
}

export function currentView() {
  const view = new URLSearchParams(location.search).get('view');
  return ['clients', 'policy', 'check'].includes(view) ? view : 'decisions';
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
    history.pushState(null, '', urlWith(values));
    onChange();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener('change', apply);
  byId('clear').addEventListener('click', () => {
    for (const name of FILTERS) form.elements[name].value = '';
    apply();
  });
}

export function showFilters() {
  const query = filterQuery();
  const form = byId('filters');
  for (const name of FILTERS) form.elements[name].value = query.get(name) ?? '';
}
