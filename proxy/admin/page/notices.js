/** What someone who looks at the page has to know first: the policy is not enforced, or not the one of the file. */
import { byId, element } from './dom.js';
import { decide, resume, untilText } from './grants.js';
import { timeText } from './list.js';
import { steady } from './steady.js';

/** `policy`: of GET /v1/policy; `grants`: of GET /v1/grants, or null where that is not known. */
export function showNotices(policy, grants) {
  const parts = [
    ...reportNotice(policy),
    ...(grants?.pauses ?? []).map(pauseNotice),
    ...fileNotice(policy.reload),
    ...(grants?.state?.error ? [notice('deny', grants.state.error)] : []),
  ];
  const place = byId('notices');
  if (place.textContent === parts.map(({ textContent }) => textContent).join('')) return;
  place.replaceChildren(...parts);
}

function reportNotice({ mode, clients }) {
  if (mode === 'report')
    return [notice('report', 'Mode report: what the policy would refuse is let through and logged.')];
  const reporting = clients.filter((client) => client.mode === 'report').map(({ name }) => name);
  return reporting.length === 0
    ? []
    : [notice('report', `Mode report for ${reporting.join(', ')}: nothing but "never" is refused.`)];
}

function pauseNotice({ client, mode, expires }) {
  const left = expires === null ? '' : ` (${untilText({ expires, once: false })})`;
  const text =
    mode === 'report'
      ? `Everything is let through and logged, except what nothing opens${left}.`
      : `${client === null ? 'All clients are' : `${client} is`} paused: everything is refused${left}.`;
  const place = element('span', { class: 'decision' });
  const button = element('button', { type: 'button' }, 'Resume');
  button.addEventListener('click', () => decide(place, resume(client)));
  if (mode === 'refuse') steady(button, `notice ${client}`);
  return notice(mode === 'report' ? 'report' : 'deny', text, button, place);
}

function fileNotice(reload) {
  if (!reload || reload.ok) return [];
  const errors = element('ul', {}, ...reload.errors.map((error) => element('li', {}, element('code', {}, error))));
  return [
    notice(
      'deny',
      `The policy file was refused at ${timeText(reload.at)}; the previous policy is still in force.`,
      errors,
    ),
  ];
}

function notice(kind, text, ...children) {
  return element('div', { class: `notice ${kind}` }, element('p', {}, text), ...children);
}
