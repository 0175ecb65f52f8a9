/** Reasons as responses: status line, Proxy-Status (RFC 9209) and a JSON body that explains. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { explanation, reasonPhrase, withoutAnswer } from '../core/explain.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { hostText } from '../core/target.js';
import type { Attempt } from '../door/flow.js';
import { send } from '../net/direct-io.js';
import { PSEUDONYM } from './fields.js';
import { hasContent } from './request-head.js';

/** Why a request ends here; a Refusal of the policy is one. */
export interface Ending {
  readonly reason: Reason;
  readonly rule: string | null;
  readonly what: string | null;
}

/** How long a client may go on sending before the connection is cut, and how long it may be silent. */
const LINGER_MS = 30_000;
const LINGER_SILENT_MS = 2000;

/**
 * Records the ending and answers on a socket that no http.ServerResponse owns, then closes it: what the client sent
 * behind a refused CONNECT is read and dropped, never interpreted (RFC 9931).
 */
export function endSocket(socket: Socket, attempt: Attempt, ending: Ending): void {
  const { status } = REASONS[ending.reason];
  attempt.refused(ending.reason, ending.rule, status);
  const { phrase, fields, body } = answer(attempt, ending);
  let head = `HTTP/1.1 ${status} ${phrase}\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  closeAfter(socket, Buffer.from(`${head}Connection: close\r\n\r\n${body}`, 'latin1'));
}

/**
 * Records the ending and answers with `response`; once its head is out, all that is left is to cut the connection, so
 * that the client sees that the content is not whole.
 */
export function endResponse(response: ServerResponse, attempt: Attempt, ending: Ending): void {
  const { status } = REASONS[ending.reason];
  attempt.refused(ending.reason, ending.rule, status);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { phrase, fields, body } = answer(attempt, ending);
  // Whether content has arrived by now is chance: what is refused with content is closed behind the answer.
  const keepsAlive = !hasContent(response.req) && status !== 400 && status !== 503;
  response.sendDate = false;
  response.writeHead(status, phrase, [...fields, ...(keepsAlive ? [] : ['Connection', 'close'])]);
  response.end(body);
  if (!keepsAlive) response.req.resume();
}

/**
 * Writes the last bytes of a connection and closes it in stages (RFC 9112 section 9.6): a client that writes all of its
 * content before it reads has to be read for so long, or a reset would overtake the answer. The caller sees to it that
 * what comes is read and dropped.
 */
export function closeAfter(socket: Socket, bytes: Buffer): void {
  if (bytes.length > 0) send(socket, bytes);
  socket.end();
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.setTimeout(LINGER_SILENT_MS, () => socket.destroy());
  socket.once('end', () => socket.destroySoon());
  socket.once('close', () => clearTimeout(timer));
}

function answer(attempt: Attempt, ending: Ending): { phrase: string; fields: string[]; body: string } {
  const { reason, rule, what } = ending;
  const { error, outcome } = REASONS[reason];
  const addresses = attempt.addresses.map(({ text }) => text);
  const all = { reason, rule, what, target: attempt.target, addresses };
  const known = isShownAddresses(attempt) ? all : withoutAnswer(all);
  const body = `${JSON.stringify({
    error: outcome === 'deny' ? 'egress-denied' : 'egress-failed',
    reason,
    rule: known.rule,
    host: attempt.target === null ? null : hostText(attempt.target.host),
    port: attempt.target?.port ?? null,
    addresses: known.addresses,
    id: attempt.id,
    explanation: explanation(known),
  })}\n`;
  const fields = ['Proxy-Status', `${PSEUDONYM}; error=${error}; details="${reason}"`];
  if (reason === 'client-unauthenticated') fields.push('Proxy-Authenticate', `Basic realm="${PSEUDONYM}"`);
  fields.push('Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)));
  fields.push('Date', new Date().toUTCString());
  return { phrase: reasonPhrase(known), fields, body };
}

function isShownAddresses({ policy, client }: Attempt): boolean {
  return policy.showAddresses === 'all' || (policy.showAddresses === 'named' && client.name !== null);
}
