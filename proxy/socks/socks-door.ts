/** The SOCKS door (RFC 1928): CONNECT only. The proxy resolves names; username and password say which client asks. */
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

/**
 * Greeting, authentication and request (RFC 1928 section 3, RFC 1929). Credentials are asked for only if some client has any,
 * because Java always offers both methods, even without credentials.
 */
async function hear(client: Hearing): Promise<Heard> {
  const { octets, knowsTokens, write } = client;
  const methods = await readGreeting(octets.take);
  if (methods === null) return { ok: false, reason: 'malformed-socks' };
  const method = selectMethod(methods, knowsTokens ? PASSWORD_FIRST : NONE_FIRST);
  write(methodReply(method ?? METHOD.refused));
  if (method === null) return { ok: false, reason: 'client-unauthenticated' };
  const fault = method === METHOD.none ? null : await authenticate(client);
  if (fault !== null) return { ok: false, reason: fault };
  const request = await readRequest(octets.take);
  return request.ok ? { ok: true, target: request.value } : request;
}

const PASSWORD_FIRST = [METHOD.password, METHOD.none] as const;
const NONE_FIRST = [METHOD.none, METHOD.password] as const;

async function authenticate({ octets, write, arrive }: Hearing): Promise<Reason | null> {
  const given = await readCredentials(octets.take);
  if (given === null) return 'malformed-socks';
  const { isKnown } = await arrive({ user: given.username, password: given.password });
  write(credentialsReply(isKnown ? 'accepted' : 'refused'));
  return isKnown ? null : 'client-unauthenticated';
}

/** False for reasons from before the request, to which no reply to a request can be sent. */
function repliesToRequest(reason: Reason): boolean {
  return reason !== 'client-unauthenticated' && reason !== 'handshake-timeout' && reason !== 'malformed-socks';
}
