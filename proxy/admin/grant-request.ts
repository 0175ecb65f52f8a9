/** Reads incoming JSON as a grant, a pause or an answer, and reports every mistake at once. */
import { parseAddress } from '../core/address.js';
import { Fields } from '../decide/fields.js';
import type { GrantDraft, PauseDraft } from '../decide/grant.js';
import { peerAddress } from '../door/clients.js';
import { AdminError } from './options.js';

const LIFETIME = ['for', 'once', 'confirm', 'addresses', 'why'] as const;

export interface Asked<T> {
  readonly draft: T;
  readonly why: string | null;
}

/** The keys of GrantRequest in docs/interface.md. Throws a 400 with every mistake. */
export function grantRequest(body: unknown): Asked<GrantDraft> {
  const fields = new Fields(body, ['effect', 'host', 'ports', 'client', 'clientAddress', 'from', ...LIFETIME]);
  const effect = fields.required('effect', fields.word('effect', ['allow', 'block']), 'allow or block');
  const place = fields.place('host');
  const rest = { ports: fields.ports('ports'), client: fields.clientName('client'), from: fields.text('from', 64) };
  const lifetime = lifetimeOf(fields);
  const clientAddress = clientAddressOf(fields, lifetime.once && rest.client === null);
  if (effect === 'block' && (lifetime.once || lifetime.internal))
    fields.wrong('effect', 'allow, since once and confirm are for nothing else');
  const why = fields.text('why', 200);
  if (effect === null || place === null || fields.errors.length > 0) throw mistakes(fields);
  return { draft: { effect, ...place, ...rest, ...clientAddress, ...lifetime }, why };
}

/** The keys of an answer; the question says what it is about. */
export function answerRequest(body: unknown) {
  const fields = new Fields(body, ['answer', 'client', ...LIFETIME]);
  const answer = fields.required(
    'answer',
    fields.word('answer', ['allow', 'block', 'dismiss']),
    'allow, block or dismiss',
  );
  const scope = fields.word('client', ['this', 'all']) ?? 'this';
  const lifetime = lifetimeOf(fields);
  if (answer === 'block' && (lifetime.once || lifetime.internal))
    fields.wrong('answer', 'allow, since once and confirm are for nothing else');
  const why = fields.text('why', 200);
  if (answer === null || fields.errors.length > 0) throw mistakes(fields);
  return { answer, scope, ...lifetime, why };
}

export function pauseRequest(body: unknown, client: string): Asked<PauseDraft> {
  const fields = new Fields(body ?? {}, ['for', 'why']);
  const [forMs, why] = [fields.duration('for'), fields.text('why', 200)];
  if (fields.errors.length > 0) throw mistakes(fields);
  return { draft: { client, mode: 'refuse', forMs }, why };
}

/** A pause for all clients: letting through what is refused needs a stated time. */
export function pauseAllRequest(body: unknown): Asked<PauseDraft> {
  const fields = new Fields(body, ['mode', 'for', 'why']);
  const mode = fields.required('mode', fields.word('mode', ['refuse', 'report']), 'refuse or report');
  const [forMs, why] = [fields.duration('for'), fields.text('why', 200)];
  if (mode === 'report' && forMs === null)
    fields.wrong('for', 'a duration, such as "10m", since mode report has to end');
  if (mode === null || fields.errors.length > 0) throw mistakes(fields);
  return { draft: { client: null, mode, forMs }, why };
}

/** `{}`, or nothing. */
export function emptyRequest(body: unknown): void {
  const fields = new Fields(body ?? {}, []);
  if (fields.errors.length > 0) throw mistakes(fields);
}

function lifetimeOf(fields: Fields) {
  const internal = fields.word('confirm', ['internal']) !== null;
  const addresses = fields.addresses('addresses');
  if (addresses !== null && !internal) fields.wrong('addresses', 'what "confirm":"internal" confirms, or nothing');
  return {
    forMs: fields.duration('for'),
    once: fields.flag('once'),
    internal,
    ...(addresses === null ? {} : { addresses }),
  };
}

/** An address may be another client's tomorrow: only for the next request. */
function clientAddressOf(fields: Fields, mayBe: boolean): { readonly clientAddress?: string } {
  const given = fields.text('clientAddress', 64);
  const parsed = given === null ? null : parseAddress(given);
  if (given === null) return {};
  if (parsed !== null && mayBe) return { clientAddress: peerAddress(parsed.text) };
  fields.wrong('clientAddress', 'the address of a client without a name, with once and without client');
  return {};
}

function mistakes({ errors }: Fields): AdminError {
  const lines = errors.map(({ path, value, expected }) => `${path || 'the body'}: got ${value}, expected ${expected}`);
  const seen = errors.filter((error, i) => errors.findIndex(({ path }) => path === error.path) === i);
  return new AdminError(400, 'bad-request', [...new Set(lines)].join('; '), { errors: seen });
}
