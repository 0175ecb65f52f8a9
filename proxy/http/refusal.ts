/** Reasons as responses: status line, Proxy-Status (RFC 9209) and a JSON body that explains. */
import { inWords, withoutAnswer } from '../core/explain.js';
import { REASONS } from '../core/reasons.js';
import type { Refusal } from '../core/refusal.js';
import { hostText } from '../core/target.js';
import { closeAfter } from '../door/closing.js';
import type { Flow, Trace } from '../door/flow.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Side } from '../net/side.js';
import { type ClientResponse, fieldLines } from './client-response.js';
import { PSEUDONYM } from './passed-on.js';

export interface Ending {
  readonly flow: Flow;
  readonly trace: Trace;
  readonly refusal: Refusal;
}

/**
 * Records the refusal, answers on a socket that no ClientResponse owns, and closes it: what the client sent
 * after a refused CONNECT is read and dropped, never interpreted (RFC 9931).
 */
export function endSocket(deadlines: Deadlines, client: Side, { flow, trace, refusal }: Ending): void {
  const { status } = REASONS[refusal.reason];
  flow.refused(trace, status, refusal);
  const { phrase, body } = answer(flow, trace, refusal);
  const framing = `Content-Length: ${body.length}\r\nDate: ${flow.clock.http()}\r\nConnection: close\r\n\r\n`;
  const head = `HTTP/1.1 ${status} ${phrase}\r\n${FIELD_LINES.get(refusal.reason) ?? ''}${framing}`;
  closeAfter(deadlines, client, Buffer.from(head + body, 'latin1'));
}

/**
 * Records the refusal and answers with `response`; if its head is already out, the connection can only be cut, so
 * that the client sees that the content is incomplete.
 */
export function endResponse(response: ClientResponse, flow: Flow, trace: Trace, refusal: Refusal): void {
  const { status } = REASONS[refusal.reason];
  flow.refused(trace, status, refusal);
  if (response.isHeadSent) {
    response.destroy();
    return;
  }
  const { phrase, body } = answer(flow, trace, refusal);
  const fields = [...(FIELDS.get(refusal.reason) ?? []), 'Content-Length', `${body.length}`, 'Date', flow.clock.http()];
  // Whether content has arrived by now is chance: a refused request with content closes its connection after the answer.
  const keepsAlive = !response.request.noted.hasContent && status !== 400 && status !== 503;
  response.answer({ status, phrase, fields }, !keepsAlive, Buffer.from(body, 'latin1'));
}

/** `body`: JSON in ASCII, so that its length is that in octets. */
function answer(flow: Flow, trace: Trace, { reason, rule, what }: Refusal): { phrase: string; body: string } {
  const { target } = trace;
  const all = { reason, rule, what, target, addresses: trace.addresses.map(({ text }) => text) };
  const known = isShownAddresses(flow) ? all : withoutAnswer(all);
  const { phrase, explanation } = inWords(known);
  const error = REASONS[reason].outcome === 'deny' ? 'egress-denied' : 'egress-failed';
  const host = target === null ? null : hostText(target.host);
  const addresses = known.addresses.map(json).join(',');
  // By hand: JSON.stringify takes an eighth of all that our own code does for a refused CONNECT.
  const about = `"rule":${json(known.rule)},"host":${json(host)},"port":${target?.port ?? null},"addresses":[${addresses}]`;
  const body = `{"error":"${error}","reason":"${reason}",${about},"id":${json(flow.id)},"explanation":${json(explanation)}}\n`;
  return { phrase, body };
}

const PLAIN = /^[ !#-[\]-~]*$/;

function json(text: string | null): string {
  return text !== null && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text).replace(/[^ -~]/g, escaped);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function fieldsOf(reason: string, error: string): readonly string[] {
  const status = ['Proxy-Status', `${PSEUDONYM}; error=${error}; details="${reason}"`];
  const challenge = reason === 'client-unauthenticated' ? ['Proxy-Authenticate', `Basic realm="${PSEUDONYM}"`] : [];
  return [...status, ...challenge, 'Content-Type', 'application/json'];
}

/** By reason, what all of its refusals have in common: made once. */
const FIELDS = new Map(Object.entries(REASONS).map(([reason, { error }]) => [reason, fieldsOf(reason, error)]));
const FIELD_LINES = new Map([...FIELDS].map(([reason, fields]) => [reason, fieldLines(fields)]));

function isShownAddresses({ policy, client }: Flow): boolean {
  return policy.showAddresses === 'all' || (policy.showAddresses === 'named' && client.name !== null);
}
