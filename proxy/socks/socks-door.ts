/** The SOCKS door (RFC 1928): CONNECT only. The proxy resolves names; username and password say which client asks. */
import type { Reason } from '../core/reasons.js';
import { type Heard, type Hearing, MORE, refusedAs, type Speaker, type TunnelDoor } from '../door/hearing.js';
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
  hearing: (client) => new SocksHearing(client),
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
  readonly #client: Speaker;
  #awaits: 'greeting' | 'credentials' | 'request' = 'greeting';

  constructor(client: Speaker) {
    this.#client = client;
  }

  hear(held: Buffer): Heard {
    if (this.#awaits === 'request') return readRequest(held);
    return this.#awaits === 'credentials' ? readCredentials(held) : this.#greeted(held);
  }

  identified(isKnown: boolean): Reason | null {
    this.#client.write(credentialsReply(isKnown ? 'accepted' : 'refused'));
    this.#awaits = 'request';
    return isKnown ? null : 'client-unauthenticated';
  }

  #greeted(held: Buffer): Heard {
    const methods = readGreeting(held);
    if (methods === 'more') return MORE;
    if (methods === null) return refusedAs('malformed-socks');
    const method = selectMethod(methods, this.#client.knowsTokens ? PASSWORD_FIRST : NONE_FIRST);
    this.#client.write(methodReply(method ?? METHOD.refused));
    if (method === null) return refusedAs('client-unauthenticated');
    this.#awaits = method === METHOD.password ? 'credentials' : 'request';
    return { kind: 'more', taken: 2 + methods.length };
  }
}

/** False for reasons from before the request, to which no reply to a request can be sent. */
function repliesToRequest(reason: Reason): boolean {
  return reason !== 'client-unauthenticated' && reason !== 'handshake-timeout' && reason !== 'malformed-socks';
}
