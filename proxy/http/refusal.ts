/** Reasons as responses: status line, Proxy-Status (RFC 9209) and a JSON body that explains. */
import { explanation, reasonPhrase, withoutAnswer } from '../core/explain.js';
import { REASONS } from '../core/reasons.js';
import type { Refusal } from '../core/refusal.js';
import { hostText } from '../core/target.js';
import { closeAfter } from '../door/closing.js';
import type { Flow, Trace } from '../door/flow.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Side } from '../net/side.js';
import type { ClientResponse } from './client-response.js';
import { PSEUDONYM } from './fields.js';
import { hasContent } from './request-head.js';

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
  const { phrase, fields, body } = answer(flow, trace, refusal);
  let head = `HTTP/1.1 ${status} ${phrase}\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  closeAfter(deadlines, client, Buffer.from(`${head}Connection: close\r\n\r\n${body}`, 'latin1'));
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
  const { phrase, fields, body } = answer(flow, trace, refusal);
  // Whether content has arrived by now is chance: a refused request with content closes its connection after the answer.
  const keepsAlive = !hasContent(response.request) && status !== 400 && status !== 503;
  response.answer({ status, phrase, fields }, !keepsAlive, Buffer.from(body));
}

function answer(flow: Flow, trace: Trace, refusal: Refusal): { phrase: string; fields: string[]; body: string } {
  const { reason, rule, what } = refusal;
  const { error, outcome } = REASONS[reason];
  const { target } = trace;
  const all = { reason, rule, what, target, addresses: trace.addresses.map(({ text }) => text) };
  const known = isShownAddresses(flow) ? all : withoutAnswer(all);
  const body = `${JSON.stringify({
    error: outcome === 'deny' ? 'egress-denied' : 'egress-failed',
    reason,
    rule: known.rule,
    host: target === null ? null : hostText(target.host),
    port: target?.port ?? null,
    addresses: known.addresses,
    id: flow.id,
    explanation: explanation(known),
  })}\n`;
  const fields = ['Proxy-Status', `${PSEUDONYM}; error=${error}; details="${reason}"`];
  if (reason === 'client-unauthenticated') fields.push('Proxy-Authenticate', `Basic realm="${PSEUDONYM}"`);
  fields.push('Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)));
  fields.push('Date', flow.clock.http());
  return { phrase: reasonPhrase(known), fields, body };
}

function isShownAddresses({ policy, client }: Flow): boolean {
  return policy.showAddresses === 'all' || (policy.showAddresses === 'named' && client.name !== null);
}
