/**
 * One question to the servers in turn, until one has an answer or the time is over. After a server is asked again, an answer
 * to the first try still counts: the server may be slow rather than silent.
 */
import { type DnsExchange, type ExchangeEnd, startExchange } from './dns-exchange.js';
import type { DnsQuestion, DnsReply } from './dns-message.js';
import { type DnsServer, serverText } from './dns-server.js';

/** `failed`: every server said that it cannot answer; `timeout`: one of them stayed silent. */
export type AskResult = DnsReply | 'failed' | 'timeout';

export interface Asking {
  /** Never rejects. */
  readonly answer: Promise<AskResult>;
  /** Gives up: `answer` becomes `timeout`. */
  cancel(): void;
}

/** `servers` is called again for each try, since the servers may change with the network while a question is open. */
export function askServers(servers: () => readonly DnsServer[], question: DnsQuestion, timeoutMs: number): Asking {
  const ask = new Ask(servers, question);
  ask.start(timeoutMs);
  return { answer: ask.answer, cancel: () => ask.settle('timeout') };
}

/** The wait before another server, or the same one, is asked; doubled each time. */
const FIRST_WAIT_MS = 500;

class Ask {
  readonly answer: Promise<AskResult>;
  readonly #servers: () => readonly DnsServer[];
  readonly #question: DnsQuestion;
  readonly #exchanges = new Map<string, DnsExchange | 'failed'>();
  #resolve: (result: AskResult) => void = () => {};
  #deadline: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #turn = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(servers: () => readonly DnsServer[], question: DnsQuestion) {
    this.#servers = servers;
    this.#question = question;
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  start(timeoutMs: number): void {
    // One more turn of the loop, so that an answer that came while this process was busy is still read.
    this.#deadline = setTimeout(() => setImmediate(() => this.settle('timeout')), timeoutMs);
    this.#next();
  }

  settle(result: AskResult): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#again);
    for (const exchange of this.#exchanges.values()) if (exchange !== 'failed') exchange.close();
    this.#exchanges.clear();
    this.#resolve(result);
  }

  #next(): void {
    const servers = this.#servers();
    const server = servers[this.#turn % servers.length];
    this.#turn += 1;
    this.#again = setTimeout(() => this.#next(), this.#waitMs);
    this.#waitMs *= 2;
    if (server !== undefined) this.#ask(server);
  }

  #ask(server: DnsServer): void {
    const key = serverText(server);
    const running = this.#exchanges.get(key);
    if (running !== undefined && running !== 'failed') running.repeat();
    else
      this.#exchanges.set(
        key,
        startExchange(server, this.#question, (end) => this.#onEnd(key, end)),
      );
  }

  #onEnd(key: string, end: ExchangeEnd): void {
    if (end !== 'failed') {
      this.settle(end);
      return;
    }
    this.#exchanges.set(key, 'failed');
    const untried = this.#servers().find((server) => !this.#exchanges.has(serverText(server)));
    if (untried !== undefined) this.#ask(untried);
    else if ([...this.#exchanges.values()].every((exchange) => exchange === 'failed')) this.settle('failed');
  }
}
