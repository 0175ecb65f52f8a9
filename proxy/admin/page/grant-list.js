/** The view of what was decided here: every grant with the time it has left, and the way to take it back. */
import { ask } from './api.js';
import { byId, copyable, element, nameWarning, table } from './dom.js';
import { decide, keepClock, pause, placeText, resume, revoke, untilText } from './grants.js';
import { timeText } from './list.js';
import { canDecide } from './session.js';
import { steady } from './steady.js';

/** The answer of GET /v1/grants, which the notices need as well; null where nothing can be decided at run time. */
export async function loadGrants() {
  return canDecide() ? ask('/v1/grants') : null;
}

export function showGrants({ grants, pauses, state, file, now }) {
  const place = element('div', { class: 'decision' });
  const skew = Date.now() - Date.parse(now);
  keepClock(now);
  const notes = [
    state?.path === null ? 'They are kept in memory only: a restart ends them (see state.path).' : null,
    file?.isWritable === false
      ? 'The policy file cannot be written from here: "always" shows the line to put into it.'
      : null,
  ].filter((text) => text !== null);
  byId('grants').replaceChildren(
    ...pauseControls(pauses, place),
    place,
    grants.length === 0
      ? element('p', { class: 'hint' }, 'Nothing was allowed or blocked at run time.')
      : grantTable(grants, place, skew),
    ...notes.map((text) => element('p', { class: 'hint' }, text)),
    ...missingLines(grants),
  );
}

function pauseControls(pauses, place) {
  const ofAll = pauses.find(({ client }) => client === null);
  const action = (label, act, kind = '') => {
    const button = element('button', { type: 'button', class: kind }, label);
    button.addEventListener('click', () => decide(place, act));
    return button;
  };
  if (ofAll !== undefined) {
    const button = action('Resume all', resume(null));
    return [buttonsOf(ofAll.mode === 'refuse' ? steady(button, 'resume all') : button)];
  }
  const through = action(
    'Let everything through for 10 minutes',
    pause(null, { mode: 'report', for: '10m' }),
    'danger',
  );
  return [buttonsOf(action('Refuse everything', pause(null, { mode: 'refuse' }), 'danger'), steady(through, 'report'))];
}

function buttonsOf(...buttons) {
  return element('p', { class: 'buttons wrap' }, ...buttons);
}

function grantTable(grants, place, skew) {
  const heads = ['Effect', 'Destination', 'Client', 'Left', 'Made', 'Revoke'];
  return table(
    'Grants, newest first',
    heads,
    grants.map((grant) => grantRow(grant, place, skew)),
    'summary grants',
  );
}

function grantRow(grant, place, skew) {
  const { effect, client, internal, created, by, why, inFile } = grant;
  const button = element('button', { type: 'button', 'aria-label': `Revoke ${placeText(grant)}` }, 'Revoke');
  button.addEventListener('click', () => decide(place, revoke(grant)));
  // A permission must be easy to take back; what takes back a block opens something.
  if (effect === 'block') steady(button, `revoke ${grant.id}`);
  const left = element('td', { class: 'left' }, inFile ? 'in the policy file' : untilText(grant, Date.now() - skew));
  if (grant.expires !== null)
    Object.assign(left.dataset, { expires: grant.expires, once: grant.once ? '1' : '', skew });
  return element(
    'tr',
    { class: effect === 'block' ? 'deny' : 'allow' },
    element(
      'td',
      { class: `outcome ${effect === 'block' ? 'deny' : 'allow'}` },
      effect === 'block' ? '✕ block' : '✓ allow',
    ),
    element(
      'td',
      { class: 'destination' },
      element('bdi', {}, placeText(grant)),
      internal ? privateText(grant) : '',
      ...nameWarning(grant.warning),
    ),
    element('td', {}, element('bdi', {}, client ?? grant.clientAddress ?? 'all')),
    left,
    element('td', {}, `${timeText(created)} by ${by}`, why === null ? '' : element('bdi', {}, `: ${why}`)),
    element('td', {}, button),
  );
}

/** A name is opened at the addresses that somebody confirmed. */
function privateText({ addresses }) {
  if (addresses === null) return ' (private)';
  return addresses.length === 0
    ? ' (private; no address was confirmed: allow it again)'
    : ` (private, at ${addresses.join(' and ')})`;
}

/** Once a second: the time that is left, without asking again. */
export function tickGrants() {
  for (const cell of document.querySelectorAll('#grants td[data-expires]')) {
    const { expires, once, skew } = cell.dataset;
    cell.textContent = untilText({ expires, once: once === '1' }, Date.now() - Number(skew));
  }
}

/** What is to last belongs in the policy file: the lines that are not there yet. */
function missingLines(grants) {
  const missing = grants.filter(({ expires, once, inFile }) => expires === null && !once && !inFile);
  if (missing.length === 0) return [];
  const sections = [...new Set(missing.map(({ section }) => section))];
  return [
    element('h3', {}, 'Not in the policy file'),
    ...sections.flatMap((section) => {
      const lines = missing.filter((grant) => grant.section === section).map(({ line }) => line);
      return [
        element('p', { class: 'hint' }, `under policy.${section}:`),
        copyable(lines.join('\n'), `the lines for policy.${section}`),
      ];
    }),
  ];
}
