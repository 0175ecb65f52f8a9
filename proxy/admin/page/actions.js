/** The buttons below a decision or a question: allow or block it, for how long and for whom. */
import { element } from './dom.js';
import { decide, grant, SPANS } from './grants.js';
import { canDecide } from './session.js';

/** Nothing opens these, so nothing is offered. */
const NEVER = new Set(['metadata-address', 'own-listener', 'zone-identifier']);

/**
 * For a record of the log. `clients`: names that a grant can be for. Refused and failed ones can be allowed, allowed ones
 * blocked; what the policy says to it is the API's to say.
 */
export function recordActions(record, clients) {
  const { host, port, reason, rule, outcome } = record;
  if (!canDecide() || host === null || port === null) return [];
  if (NEVER.has(reason) || rule?.startsWith('never:')) {
    return [element('p', { class: 'hint' }, 'Nothing opens this destination: no rule, no grant and no mode.')];
  }
  const name = clients.has(record.client.name) ? record.client.name : null;
  const who = forWhom(name);
  const place = element('div', { class: 'decision' });
  const make = (effect, span) => () => {
    const ports = effect === 'block' ? null : [port];
    const client = {
      client: who.value(),
      ...(isForAddress(name, span) ? { clientAddress: record.client.address } : {}),
    };
    const wanted = { effect, host, ports, ...client, from: record.id };
    return decide(place, grant(wanted, span));
  };
  const effect = outcome === 'allow' ? 'block' : 'allow';
  return [
    element('h3', {}, effect === 'block' ? 'Block it' : 'Allow it'),
    element('div', { class: 'buttons wrap' }, ...spanButtons(effect, make), who.field),
    ...(effect === 'allow' ? unnamedHint(name, record.client.address) : []),
    place,
  ];
}

/** A client without a name has its address, which is good for the next request: later it may be another one's. */
export function isForAddress(name, span) {
  return name === null && span.body.once === true;
}

export function unnamedHint(name, address) {
  if (name !== null) return [];
  const text = `The policy has no name for this client. "Once" is for ${address} alone, everything else for all clients.`;
  return [element('p', { class: 'hint' }, text)];
}

/** A block that ends with the next request is useless. */
export function spanButtons(effect, make) {
  const spans = effect === 'block' ? SPANS.filter(({ body }) => body.once !== true) : SPANS;
  const verb = effect === 'block' ? 'Block' : 'Allow';
  return spans.map((span) => {
    const button = element('button', { type: 'button', class: effect }, `${verb} ${span.label}`);
    button.addEventListener('click', make(effect, span));
    return button;
  });
}

/** This client if the configuration knows it, or all. */
export function forWhom(name) {
  const select = element('select', {});
  if (name !== null) select.append(element('option', { value: 'this' }, `only ${name}`));
  select.append(element('option', { value: 'all' }, 'all clients'));
  return {
    field: element('label', { class: 'inline' }, 'For ', select),
    which: () => select.value,
    value: () => (select.value === 'this' ? name : null),
  };
}
