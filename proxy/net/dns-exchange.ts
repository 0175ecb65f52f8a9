/** One question to one server: over UDP first, then over TCP if the answer is truncated or not to be trusted. */
import { type DnsQuestion, type DnsReply, encodeQuery, RCODE, readReply, type Spelling } from './dns-message.js';
import type { DnsServer } from './dns-server.js';
import { type DnsSocket, type DnsSocketCallbacks, openTcp, openUdp } from './dns-socket.js';

/** An answer (NOERROR or NXDOMAIN), or `failed` if this server gives none. */
export type ExchangeEnd = DnsReply | 'failed';

export interface DnsExchange {
  /** Sends the question once more; an answer to the first one still counts. */
  repeat(): void;
  /** Gives up: `onEnd` is not called any more. */
  close(): void;
}

/** After so many messages with another id, somebody is assumed to be guessing. */
const MOST_FOREIGN = 8;

/** `onEnd` is called at most once, never before this function returns, and never if the server stays silent. */
export function startExchange(
  server: DnsServer,
  question: DnsQuestion,
  onEnd: (end: ExchangeEnd) => void,
): DnsExchange {
  const exchange = new Exchange(server, question, onEnd);
  return { repeat: () => exchange.repeat(), close: () => exchange.close() };
}

class Exchange implements DnsSocketCallbacks {
  readonly #server: DnsServer;
  readonly #question: DnsQuestion;
  readonly #end: (end: ExchangeEnd) => void;
  #edns: 'edns' | 'plain' = 'edns';
  #spelling: Spelling = 'mixed';
  #over: 'udp' | 'tcp' = 'udp';
  #isDoubted = false;
  #foreign = 0;
  #query: Buffer;
  #socket: DnsSocket | null = null;

  constructor(server: DnsServer, question: DnsQuestion, end: (end: ExchangeEnd) => void) {
    this.#server = server;
    this.#question = question;
    this.#end = end;
    this.#query = this.#send('udp');
  }

  repeat(): void {
    if (this.#socket !== null && !this.#fallBack() && this.#over === 'udp') this.#socket.send(this.#query);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  onLoss(): void {
    if (!this.#fallBack()) this.#finish('failed');
  }

  onMessage(message: Buffer): void {
    const reply = readReply(message, this.#query, this.#over === 'udp' ? 'exact' : 'any-case');
    if (this.#over === 'udp') {
      if (reply === 'foreign' && ++this.#foreign < MOST_FOREIGN) return;
      this.#isDoubted = reply === 'doubtful';
    }
    if (typeof reply !== 'string' && !reply.truncated) this.#onReply(reply);
    // A TCP connection cannot be answered by guessing.
    else if (this.#over === 'udp') this.#restart('tcp');
    else this.#finish('failed');
  }

  #onReply(reply: DnsReply): void {
    const { rcode } = reply;
    if (this.#edns === 'edns' && (rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP)) {
      // RFC 6891 section 6.2.2: the answer of a server that does not know EDNS.
      this.#edns = 'plain';
      this.#restart(this.#over);
    } else this.#finish(rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? reply : 'failed');
  }

  /** Some routers lose the case of a name and have no TCP. An attacker had to guess id and port to get this far. */
  #fallBack(): boolean {
    if (this.#over === 'udp' || !this.#isDoubted || this.#spelling === 'lower') return false;
    this.#spelling = 'lower';
    this.#restart('udp');
    return true;
  }

  #restart(over: 'udp' | 'tcp'): void {
    this.#socket?.close();
    this.#query = this.#send(over);
  }

  /** A new question from a new socket. */
  #send(over: 'udp' | 'tcp'): Buffer {
    this.#over = over;
    const query = encodeQuery(this.#question, this.#edns, this.#spelling);
    const callbacks = { onMessage: (message: Buffer) => this.onMessage(message), onLoss: () => this.onLoss() };
    this.#socket = (over === 'udp' ? openUdp : openTcp)(this.#server, callbacks);
    this.#socket.send(query);
    return query;
  }

  #finish(end: ExchangeEnd): void {
    this.close();
    this.#end(end);
  }
}
