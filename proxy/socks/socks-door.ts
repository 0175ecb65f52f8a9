/** The SOCKS door (RFC 1928): CONNECT only. The proxy resolves names; username and password say which client asks. */
import type { Reason } from '../core/reasons.js';
import { type Soon, soon } from '../door/soon.js';
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
function hear(client: Hearing): Soon<Heard> {
  return soon(readGreeting(client.octets.take), (methods) => greeted(client, methods));
}

function greeted(client: Hearing, methods: Buffer | null): Soon<Heard> {
  if (methods === null) return { ok: false, reason: 'malformed-socks' };
  const method = selectMethod(methods, client.knowsTokens ? PASSWORD_FIRST : NONE_FIRST);
  client.write(methodReply(method ?? METHOD.refused));
  if (method === null) return { ok: false, reason: 'client-unauthenticated' };
  if (method === METHOD.none) return hearRequest(client);
  return authenticate(client).then((fault) => (fault === null ? hearRequest(client) : { ok: false, reason: fault }));
}

function hearRequest({ octets }: Hearing): Soon<Heard> {
  return soon(readRequest(octets.take), (request) => (request.ok ? { ok: true, target: request.value } : request));
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
