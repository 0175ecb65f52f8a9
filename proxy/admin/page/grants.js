/** Decisions that a person makes here: allow, block, pause, each with an undo. */
import { ask, send } from './api.js';
import { element } from './dom.js';
import { askForToken, canWrite } from './session.js';
import { toast } from './toast.js';

/** For how long: what is sent, and how a person says it. */
export const SPANS = [
  { label: 'once', body: { once: true } },
  { label: '10 minutes', body: { for: '10m' } },
  { label: '1 hour', body: { for: '1h' } },
  { label: 'always', body: {} },
];

let onChange = () => {};
/** How far the clock here is ahead of the server's. */
let aheadMs = 0;

/** `now`: what the server has just said that it is. */
export function keepClock(now) {
  aheadMs = Date.now() - Date.parse(now);
}

/** `changed`: grants or pauses are others now. */
export function bindGrants(changed) {
  onChange = changed;
}

/**
 * Runs what a button stands for and says what came of it: `place` gets a problem or the question whether to go on. `act(more)`
 * sends a request, with `more` added to its body, and resolves with what to say and, if that is possible, how to undo it.
 */
export async function decide(place, act, more = {}) {
  if (!canWrite()) return askForToken();
  place.replaceChildren();
  try {
    const { said, undo } = await act(more);
    toast(said, undo, onChange);
    onChange();
  } catch (error) {
    if (error.token === 'unauthenticated') askForToken();
    if (error.token === 'confirm-internal') place.replaceChildren(...confirmation(place, act, error));
    else place.replaceChildren(element('p', { role: 'alert' }, error.message));
  }
}

/** A private address takes a second, deliberate click. */
function confirmation(place, act, error) {
  const addresses = (error.answer?.addresses ?? []).join(', ');
  const yes = element('button', { type: 'button', class: 'danger' }, `Open ${addresses || 'the private address'}`);
  const shown = error.answer?.addresses ?? [];
  yes.addEventListener('click', () => decide(place, act, { confirm: 'internal', addresses: shown }));
  const no = element('button', { type: 'button' }, 'Leave it closed');
  no.addEventListener('click', () => place.replaceChildren());
  queueMicrotask(() => no.focus());
  return [element('p', { role: 'alert' }, error.message), element('p', { class: 'buttons steady' }, yes, no)];
}

/** `wanted`: effect, host, ports, client, from; `span`: one of SPANS. */
export function grant(wanted, span) {
  return async (more) => {
    const { grant: made, file } = await ask('/v1/grants', { ...wanted, ...span.body, ...more });
    const verb = made.effect === 'block' ? 'Blocked' : 'Allowed';
    const where = made.inFile ? ' It is in the policy file.' : (file?.explanation ?? '');
    return {
      said: `${verb}: ${placeText(made)} for ${whoText(made)}, ${span.label}. ${where} ${made.warning ?? ''}`.trim(),
      undo: () => send('DELETE', `/v1/grants/${encodeURIComponent(made.id)}`),
    };
  };
}

export function revoke(made) {
  return async () => {
    await send('DELETE', `/v1/grants/${encodeURIComponent(made.id)}`);
    return { said: `Revoked: ${placeText(made)}.`, undo: () => ask('/v1/grants', sameAgain(made)) };
  };
}

/** What makes the grant again, for the time that it had left. */
function sameAgain({
  effect,
  host,
  address,
  ports,
  client,
  clientAddress,
  internal,
  addresses,
  once,
  expires,
  why,
  from,
}) {
  return {
    ...{ effect, host: host ?? address, ports, client, why, from },
    ...(clientAddress === null ? {} : { clientAddress }),
    ...(once ? { once } : {}),
    ...(internal && effect === 'allow' ? { confirm: 'internal' } : {}),
    ...(addresses === null ? {} : { addresses }),
    ...(expires === null ? {} : { for: leftText(expires) }),
  };
}

/** `client` null: all. */
export function pause(client, body) {
  const path = client === null ? '/v1' : `/v1/clients/${encodeURIComponent(client)}`;
  return async () => {
    await ask(`${path}/pause`, body);
    const what = body.mode === 'report' ? 'Everything is let through and logged' : 'Paused';
    return {
      said: `${what}: ${client ?? 'all clients'}${body.for === undefined ? '' : `, for ${body.for}`}.`,
      undo: () => ask(`${path}/resume`, {}),
    };
  };
}

export function resume(client) {
  const path = client === null ? '/v1' : `/v1/clients/${encodeURIComponent(client)}`;
  return async () => {
    const { resumed } = await ask(`${path}/resume`, {});
    return { said: `Resumed: ${client ?? 'all clients'}.`, undo: undoOfResume(path, resumed[0]) };
  };
}

/** Of an end that the server has told, by the server's clock. */
function leftText(expires) {
  return `${Math.max(1000, Math.round(Date.parse(expires) - Date.now() + aheadMs))}ms`;
}

/** Only what refuses is put back: nothing is opened by a press on "Undo". */
function undoOfResume(path, was) {
  if (was === undefined || was.mode !== 'refuse') return null;
  const time = was.expires === null ? {} : { for: leftText(was.expires) };
  const body = { ...time, ...(was.why === null ? {} : { why: was.why }) };
  return () => ask(`${path}/pause`, path === '/v1' ? { mode: 'refuse', ...body } : body);
}

/** `answer`: allow or block with a span, or dismiss. */
export function answerQuestion({ id, host }, answer, span, client) {
  return async (more) => {
    const body = answer === 'dismiss' ? { answer } : { answer, client, ...span.body, ...more };
    const result = await ask(`/v1/questions/${encodeURIComponent(id)}`, body);
    const made = result.grant ?? null;
    return {
      said:
        made === null
          ? `Dismissed: ${host}.`
          : `${answer === 'allow' ? 'Allowed' : 'Blocked'}: ${placeText(made)} for ${whoText(made)}, ${span.label}. ${made.warning ?? ''}`.trim(),
      undo: made === null ? null : () => send('DELETE', `/v1/grants/${encodeURIComponent(made.id)}`),
    };
  };
}

export function whoText({ client, clientAddress }) {
  return client ?? clientAddress ?? 'all clients';
}

export function placeText({ host, address, ports }) {
  const place = host ?? address ?? '';
  return ports === null || ports.length === 0 ? place : `${place}, port ${ports.join(', ')}`;
}

/** "in 4 min 10 s", or "until it is revoked". */
export function untilText({ expires, once }, now = Date.now()) {
  const used = once ? 'for the next request' : '';
  if (expires === null) return used || 'until it is revoked';
  const seconds = Math.max(0, Math.round((Date.parse(expires) - now) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const left =
    hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  return `${used}${used ? ', ' : ''}${left} left`;
}
