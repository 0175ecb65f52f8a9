/** Requests in absolute-form, and those that a steering door turns into it: forwarded over a vetted connection. */
import type { Reason } from '../core/reasons.js';
import { refusal } from '../core/refusal.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import { type Admitted, admitOrAsk } from '../door/admit.js';
import type { Arrival, Arrivals } from '../door/arrivals.js';
import type { Credentials } from '../door/clients.js';
import { refusalOf } from '../door/connect-upstream.js';
import { EMPTY_TRACE } from '../door/flow.js';
import type { Asked, Known } from './asked.js';
import type { ClientResponse } from './client-response.js';
import { end, Forwarding } from './forwarding.js';
import { hopsLeft, isOwnVia } from './passed-on.js';
import { phraseOf } from './phrases.js';
import { credentialsOf, headFault } from './request-head.js';

/**
 * One request from its head to the end of its response, without a promise if there is nothing to wait for. Every path
 * ends in one decision record, and in one close record if it was allowed.
 */
export function forward(arrivals: Arrivals, asked: Asked): void {
  const { request } = asked;
  const credentials = credentialsOf(request);
  const { method } = request;
  const arriving = arrivals.arrive(asked.door.door, request.socket, { method, credentials });
  if (!(arriving instanceof Promise)) {
    judge(arrivals, asked, arriving, credentials);
    return;
  }
  arriving
    .then((arrival) => judge(arrivals, asked, arrival, credentials))
    .catch((error: unknown) => abandon(arrivals, asked, error));
}

function judge(arrivals: Arrivals, asked: Asked, arrival: Arrival, credentials: Credentials | null): void {
  const { request, response, door } = asked;
  const { flow } = arrival;
  const parsed = door.target(request.url, request);
  const fault = faultOf(arrivals, asked, parsed, arrival);
  if (fault !== null || !parsed.ok) {
    const trace = parsed.ok ? { ...EMPTY_TRACE, target: parsed.value.target } : EMPTY_TRACE;
    end(asked, flow, trace, refusal(fault ?? 'malformed-target'));
    return;
  }
  const trace = { ...EMPTY_TRACE, target: parsed.value.target };
  // Without a password, the client is known by something other than a token.
  const tokenName = (credentials?.password ?? '') === '' ? null : flow.client.name;
  const known = { asked, flow, to: parsed.value, tokenName, trace };
  try {
    const admitting = admitOrAsk(arrivals.admitting, flow, parsed.value.target, response);
    if (!(admitting instanceof Promise)) answer(arrivals, known, admitting);
    else
      admitting.then((admitted) => answer(arrivals, known, admitted)).catch((error) => failed(arrivals, known, error));
  } catch (error) {
    failed(arrivals, known, error);
  }
}

/** What is wrong with the request, before the policy is asked. */
function faultOf(
  arrivals: Arrivals,
  { request, owner }: Asked,
  parsed: Parsed<AbsoluteTarget>,
  { isKnown }: Arrival,
): Reason | null {
  if (request.socket.destroyed) return 'client-closed';
  const authority = parsed.ok ? parsed.value.authority : null;
  const fault = arrivals.running.turnsAway(owner.isBusy) ?? headFault(request, authority);
  if (fault !== null) return fault;
  if (!parsed.ok) return parsed.reason;
  if (!isKnown) return 'client-unauthenticated';
  const { via } = request.noted;
  return via !== null && isOwnVia(via) ? 'proxy-loop' : null;
}

function answer(arrivals: Arrivals, known: Known, admitted: Admitted): void {
  const { asked, flow, trace } = known;
  const { verdict, once = false } = admitted;
  trace.addresses = admitted.addresses;
  trace.dnsMs = admitted.dnsMs;
  if (verdict.outcome === 'deny') end(asked, flow, trace, verdict);
  else if (verdict.outcome === 'fail') end(asked, flow, trace, refusalOf(arrivals, verdict.error));
  else if (asked.request.noted['max-forwards'] === null || hopsLeft(asked.request) !== 0)
    new Forwarding(arrivals, known, { verdict, once }).start();
  else {
    flow.allowed(trace, answerHere(asked.response), verdict.permit.rule, null);
    flow.closed({ bytesUp: 0, bytesDown: 0, cause: 'end' });
    asked.owner.onForwarded();
  }
}

function failed(arrivals: Arrivals, { asked, flow, trace }: Known, error: unknown): void {
  try {
    end(asked, flow, trace, refusalOf(arrivals, error));
  } catch (again) {
    abandon(arrivals, asked, again);
  }
}

/** After a defect that leaves no answer: nobody else would close the connection, and the drain would wait for it. */
function abandon(arrivals: Arrivals, { request, owner }: Asked, error: unknown): void {
  arrivals.onDefect(error);
  request.socket.destroy();
  owner.onForwarded();
}

/** Max-Forwards has run out: this proxy is the final recipient, and as such it says nothing about itself. */
function answerHere(response: ClientResponse): number {
  const status = response.request.method === 'OPTIONS' ? 204 : 405;
  const fields = ['Allow', 'OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT', 'Date', new Date().toUTCString()];
  if (status === 405) fields.push('Content-Length', '0');
  response.answer({ status, phrase: phraseOf(status), fields }, false, Buffer.alloc(0));
  return status;
}
