/** One decision in full, with the line of the configuration that would change it. */
import { recordActions } from './actions.js';
import { ask } from './api.js';
import { byId, copyable, element, fields, nameWarning } from './dom.js';
import { clientText, destination, outcomeOf } from './list.js';

/**
 * Shows the dialog; `onClose` is called when it goes, however that came about. `clients()`: names that a grant can be for.
 */
export function bindDetail(onClose, clients) {
  const dialog = byId('detail');
  byId('detail-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    document.body.append(byId('toast'));
    onClose();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  return {
    async show(id) {
      const body = byId('detail-body');
      byId('detail-title').textContent = 'Decision';
      body.replaceChildren(element('p', {}, 'loading'));
      if (!dialog.open) dialog.showModal();
      try {
        const answer = await ask(`/v1/decisions/${encodeURIComponent(id)}`);
        byId('detail-title').replaceChildren(title(answer.record));
        body.replaceChildren(...sections(answer, clients()));
      } catch (error) {
        body.replaceChildren(element('p', { role: 'alert' }, error.message));
      }
    },
    close() {
      if (dialog.open) dialog.close();
    },
  };
}

function title(record) {
  const verb = { allow: 'Allowed', deny: 'Denied', fail: 'Failed', report: 'Would be denied' }[outcomeOf(record)];
  return element('bdi', {}, `${verb}: ${destination(record)}`);
}

function sections({ record, explanation, allow, deny, warning }, clients) {
  const milliseconds = (value) => (value === null ? null : `${value} ms`);
  const { client } = record;
  return [
    explanation === null ? '' : element('p', {}, explanation),
    ...nameWarning(warning),
    ...recordActions(record, clients),
    fields([
      ['client', client.name === null ? client.address : `${clientText(client)} (${client.address})`],
      ['time', record.time],
      ['reason', record.reason],
      ['TLS server name', record.serverName ?? null],
      ['rule', record.rule],
      ['mode', record.mode],
      ['door', record.door],
      ['method', record.method],
      ['addresses', record.addresses.join(', ')],
      ['connected to', record.dialed],
      ['status', record.status],
      ['DNS', milliseconds(record.dnsMs)],
      ['connect', milliseconds(record.connectMs)],
      ['more requests like it', record.repeats ?? null],
      ['id', record.id],
    ]),
    ...proposal('In the policy file, to allow it', allow),
    ...proposal('In the policy file, to deny it', deny),
    element('h3', {}, 'The record'),
    copyable(JSON.stringify(record, null, 2), 'the record'),
  ];
}

function proposal(heading, { lines, note }) {
  return [
    element('h3', {}, heading),
    ...lines.flatMap(({ section, line }) => [
      element('p', { class: 'hint' }, `under policy.${section}:`),
      copyable(line, `the line for policy.${section}`),
    ]),
    note === null ? '' : element('p', { class: 'hint' }, note),
  ];
}
