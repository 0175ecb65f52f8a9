/** One question to one server: UDP first, TCP where the answer is cut short or not to be trusted. */
import { type DnsQuestion, type DnsReply, encodeQuery, RCODE, readReply } from './dns-message.js';
import type { DnsServer } from './dns-server.js';
import { type DnsSocket, type DnsSocketCallbacks, openTcp, openUdp } from './dns-socket.js';

/** What came of it: an answer (of NOERROR or NXDOMAIN), or that this server has none to give. */
export type ExchangeEnd = DnsReply | 'failed';

export interface DnsExchange {
  /** Sends the question once more, and goes on listening for answers to the first. */
  repeat(): void;
  /** Gives up; `onEnd` is not called any more. */
  close(): void;
}

/** Messages with another id than the question's, after which somebody is taken to be guessing. */
const MOST_FOREIGN = 8;

/** `onEnd` is called once at most, never before this function returns, and not at all while the server is silent. */
export function startExchange(
  server: DnsServer,
  question: DnsQuestion,
  onEnd: (end: ExchangeEnd) => void,
): DnsExchange {
  let edns: 'edns' | 'plain' = 'edns';
  let over: 'udp' | 'tcp' = 'udp';
  let query = encodeQuery(question, edns);
  let foreign = 0;
  let ended = false;
  const end = (result: ExchangeEnd): void => {
    if (ended) return;
    ended = true;
    socket.close();
    onEnd(result);
  };
  const start = (by: typeof over): DnsSocket => {
    over = by;
    query = encodeQuery(question, edns);
    const opened = (by === 'udp' ? openUdp : openTcp)(server, callbacks);
    opened.send(query);
    return opened;
  };
  const restart = (by: typeof over): void => {
    socket.close();
    socket = start(by);
  };
  const callbacks: DnsSocketCallbacks = {
    onLoss: () => end('failed'),
    onMessage(message) {
      const reply = readReply(message, query, over === 'udp' ? 'exact' : 'any-case');
      if (over === 'udp') {
        if (reply === 'foreign' && ++foreign < MOST_FOREIGN) return;
        // Nobody answers a connection of TCP for the server by guessing.
        if (typeof reply === 'string' || reply.truncated) return restart('tcp');
      }
      if (typeof reply === 'string' || reply.truncated) return end('failed');
      if (edns === 'edns' && (reply.rcode === RCODE.FORMERR || reply.rcode === RCODE.NOTIMP)) {
        // RFC 6891 section 6.2.2: a server that does not know EDNS says so like this.
        edns = 'plain';
        return restart(over);
      }
      end(reply.rcode === RCODE.NOERROR || reply.rcode === RCODE.NXDOMAIN ? reply : 'failed');
    },
  };
  let socket = start('udp');
  return {
    repeat() {
      if (!ended && over === 'udp') socket.send(query);
    },
    close() {
      ended = true;
      socket.close();
    },
  };
}
