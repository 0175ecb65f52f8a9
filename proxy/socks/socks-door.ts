/** The SOCKS door (RFC 1928): CONNECT only; the proxy resolves names; username and password say which client asks. */
import type { Reason } from '../core/reasons.js';
import type { Heard, Hearing, TunnelDoor } from '../door/tunnel-door.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import {
  credentialsReply,
  METHOD,
  methodReply,
  readCredentials,
  readGreeting,
  readRequest,
  requestReply,
  selectMethod,
} from './messages.js';

const NOTHING = Buffer.alloc(0);

export const socksDoor: TunnelDoor = {
  name: 'socks',
  hear,
  granted: requestReply(null),
  refused: (reason) => (repliesToRequest(reason) ? requestReply(reason) : NOTHING),
  screens: (deadlines, flow, upstream) => screenTunnel(deadlines, flow, upstream, null),
};

async function hear(client: Hearing): Promise<Heard> {
  const fault = await greet(client);
  if (fault !== null) return { ok: false, reason: fault };
  const request = await readRequest(client.octets.take);
  return request.ok ? { ok: true, target: request.value } : request;
}

/**
 * Greeting and authentication (RFC 1928 section 3, RFC 1929). Credentials are asked for where some client has any: Java
 * offers both methods always, and has nothing to say.
 */
async function greet({ octets, knowsTokens, write, arrive }: Hearing): Promise<Reason | null> {
  const methods = await readGreeting(octets.take);
  if (methods === null) return 'malformed-socks';
  const method = selectMethod(methods, knowsTokens ? [METHOD.password, METHOD.none] : [METHOD.none, METHOD.password]);
  write(methodReply(method ?? METHOD.refused));
  if (method === null) return 'client-unauthenticated';
  if (method === METHOD.none) return null;
  const given = await readCredentials(octets.take);
  if (given === null) return 'malformed-socks';
  const { isKnown } = await arrive({ user: given.username, password: given.password });
  write(credentialsReply(isKnown ? 'accepted' : 'refused'));
  return isKnown ? null : 'client-unauthenticated';
}

/** Before the request there is nothing that a request's reply would answer. */
function repliesToRequest(reason: Reason): boolean {
  return reason !== 'client-unauthenticated' && reason !== 'handshake-timeout' && reason !== 'malformed-socks';
}
