/** The SOCKS door (RFC 1928): CONNECT only. The proxy resolves names; username and password say which client asks. */
import type { Reason } from '../core/reasons.js';
import { type ClientsInForce, type Heard, type Hearing, MORE, refusedAs, type TunnelDoor } from '../door/hearing.js';
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
  hearing: (inForce) => new SocksHearing(inForce),
  unfinished: 'client-closed',
  granted: requestReply(null),
  refused: (reason) => (repliesToRequest(reason) ? requestReply(reason) : NOTHING),
  screens: screenTunnel,
};

const PASSWORD_FIRST = [METHOD.password, METHOD.none] as const;
const NONE_FIRST = [METHOD.none, METHOD.password] as const;

/**
 * Greeting, authentication and request (RFC 1928 section 3, RFC 1929). Credentials are asked for only if some client has any,
 * because Java always offers both methods, even without credentials.
 */
class SocksHearing implements Hearing {
  readonly #inForce: ClientsInForce;
  #awaits: 'greeting' | 'credentials' | 'request' = 'greeting';

  constructor(inForce: ClientsInForce) {
    this.#inForce = inForce;
  }

  hear(held: Buffer): Heard {
    if (this.#awaits === 'request') return readRequest(held);
    return this.#awaits === 'credentials' ? readCredentials(held) : this.#greeted(held);
  }

  identified(isKnown: boolean): ReturnType<NonNullable<Hearing['identified']>> {
    this.#awaits = 'request';
    const answer = credentialsReply(isKnown ? 'accepted' : 'refused');
    return isKnown ? { ...MORE, answer } : { ...refusedAs('client-unauthenticated'), answer };
  }

  #greeted(held: Buffer): Heard {
    const methods = readGreeting(held);
    if (methods === 'more') return MORE;
    if (methods === null) return refusedAs('malformed-socks');
    const knowsTokens = this.#inForce.settings.clients.some(({ token }) => token !== null);
    const method = selectMethod(methods, knowsTokens ? PASSWORD_FIRST : NONE_FIRST);
    const answer = methodReply(method ?? METHOD.refused);
    if (method === null) return { ...refusedAs('client-unauthenticated'), answer };
    this.#awaits = method === METHOD.password ? 'credentials' : 'request';
    return { kind: 'more', taken: 2 + methods.length, answer };
  }
}

/** False for reasons from before the request, to which no reply to a request can be sent. */
function repliesToRequest(reason: Reason): boolean {
  return reason !== 'client-unauthenticated' && reason !== 'handshake-timeout' && reason !== 'malformed-socks';
}
