/** One client's connection to the guard's socket: reads heads and bodies within bounds, and writes answers. */
import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Refused, refuse } from './refusal.js';

const MOST_HEAD_OCTETS = 16 * 1024;
const MOST_BODY_OCTETS = 1024 * 1024;
/** The most that is read before it is asked for: a head, and what came with it. */
const MOST_HELD_OCTETS = 2 * MOST_HEAD_OCTETS;
const REQUEST_MS = 10_000;
/** How long a client may take to read an answer. */
const UNREAD_MS = 10_000;
const CLOSE_MS = 1_000;
const IDLE_MS = 300_000;
const HEAD_END = Buffer.from('\r\n\r\n');

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** An amount that all connections share: each keeps what it took until its work is done. */
export class Allowance {
  #left: number;

  constructor(whole: number) {
    this.#left = whole;
  }

  /** A function that gives the amount back; null if not as much is left. */
  take(amount: number): (() => void) | null {
    if (amount > this.#left) return null;
    this.#left -= amount;
    return () => {
      this.#left += amount;
    };
  }
}

export class ClientConnection {
  readonly socket: Socket;
  readonly #bodies: Allowance;
  #held: Buffer[] = [];
  #octets = 0;
  #ended = false;
  #wanted = 0;
  #wake: () => void = () => {};
  readonly #gone = new AbortController();
  readonly #onData = (chunk: Buffer): void => {
    this.#held.push(chunk);
    this.#octets += chunk.length;
    if (this.#octets > Math.max(this.#wanted, MOST_HELD_OCTETS)) this.socket.pause();
    this.#wake();
  };
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#gone.abort();
    this.#wake();
  };

  /** `bodies`: the octets that the bodies of all connections may have together. */
  constructor(socket: Socket, bodies: Allowance) {
    this.socket = socket;
    this.#bodies = bodies;
    socket.on('error', () => {});
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  /** Aborts when the client has closed, as a request that is under way then has nobody to answer. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The head in Latin-1 without its empty line; null if the client closes between two requests. */
  async readHead(): Promise<string | null> {
    if (!(await this.#until(() => this.#octets > 0, IDLE_MS))) return null;
    const find = (): number => this.#peek().indexOf(HEAD_END);
    const isWhole = await this.#until(() => find() !== -1 || this.#octets > MOST_HEAD_OCTETS, REQUEST_MS);
    const end = find();
    if (end === -1 || end > MOST_HEAD_OCTETS) {
      if (isWhole) throw new Refused(refuse('malformed-request', `the head has more than ${MOST_HEAD_OCTETS} octets`));
      throw new Refused(refuse(this.#ended ? 'malformed-request' : 'request-timeout', 'the head is not complete'));
    }
    return this.#take(end + HEAD_END.length)
      .toString('latin1')
      .slice(0, -HEAD_END.length);
  }

  /** The body counts against the allowance until `use` is done with it. */
  async withBody<T>(octets: number, use: (body: Buffer) => Promise<T>): Promise<T> {
    if (octets > MOST_BODY_OCTETS)
      throw new Refused(refuse('body-too-large', `the body has more than ${MOST_BODY_OCTETS} octets`));
    const give = this.#bodies.take(octets);
    if (give === null) throw new Refused(refuse('too-many-connections', 'too many large bodies are sent at once'));
    try {
      return await use(await this.#readBody(octets));
    } finally {
      give();
    }
  }

  async #readBody(octets: number): Promise<Buffer> {
    this.#wanted = octets;
    this.socket.resume();
    const isThere = await this.#until(() => this.#octets >= octets, REQUEST_MS);
    this.#wanted = 0;
    if (!isThere)
      throw new Refused(refuse(this.#ended ? 'malformed-request' : 'request-timeout', 'the body is not complete'));
    return this.#take(octets);
  }

  /**
   * Writes the answer as a whole, and waits where a slow client has not read enough of it. `isHead`: an answer to HEAD, without
   * its content. `isLast`: the connection ends after it.
   */
  async answer(
    { status, headers = {}, body = '' }: Answer,
    form: { readonly isHead: boolean; readonly isLast: boolean },
  ): Promise<void> {
    const content = Buffer.from(body);
    const length = status === 204 || status === 304 ? {} : { 'Content-Length': String(content.length) };
    this.#writeHead(status, { ...headers, ...length, ...(form.isLast ? { Connection: 'close' } : {}) });
    if (!form.isHead) this.socket.write(content);
    if (form.isLast) this.close();
    else if (this.socket.writableNeedDrain) await this.#readWithin(UNREAD_MS);
  }

  /** Sends the head at once, even if the body has to wait: a client starts its container only after this head. */
  async answerStream(response: IncomingMessage, headers: Readonly<Record<string, string>>): Promise<void> {
    this.#writeHead(response.statusCode ?? 502, { ...headers, 'Transfer-Encoding': 'chunked' });
    try {
      for await (const chunk of response) {
        const size = chunk.length.toString(16);
        if (!this.socket.write(Buffer.concat([Buffer.from(`${size}\r\n`), chunk, Buffer.from('\r\n')])))
          await this.#drained();
        if (this.socket.destroyed) return;
      }
      this.socket.write('0\r\n\r\n');
    } catch {
      // The engine went away in the middle, and the client must not take what it has for the whole.
      this.socket.destroy();
    }
  }

  /** Stops reading and returns what was read beyond the request. The connection belongs to the caller from now on. */
  handOver(): Buffer {
    this.socket.pause();
    this.socket.off('data', this.#onData);
    this.socket.off('end', this.#onEnd);
    this.socket.off('close', this.#onEnd);
    return this.#take(this.#octets);
  }

  /** Drops whatever the client still sends, and only for CLOSE_MS: it cannot keep the connection open. */
  close(): void {
    this.socket.off('data', this.#onData);
    this.socket.resume();
    this.socket.end();
    destroyAfter(this.socket, CLOSE_MS);
  }

  /** Bounds how long unread answers are kept for a client that goes on asking. */
  async #readWithin(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.socket.destroy(), withinMs);
    await this.#drained();
    clearTimeout(timer);
  }

  #writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${fields.join('')}\r\n`);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('drain', done);
      this.socket.on('close', done);
    });
  }

  /** Waits for a condition. False if the client ended, or the time was over, before it was met. */
  async #until(isSo: () => boolean, withinMs: number): Promise<boolean> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#wake();
    }, withinMs);
    while (!isSo() && !this.#ended && !isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return isSo();
  }

  #peek(): Buffer {
    const whole = Buffer.concat(this.#held);
    this.#held = [whole];
    return whole;
  }

  #take(octets: number): Buffer {
    const whole = this.#peek();
    this.#held = [whole.subarray(octets)];
    this.#octets -= octets;
    if (this.#octets <= MOST_HELD_OCTETS && !this.socket.destroyed) this.socket.resume();
    return whole.subarray(0, octets);
  }
}

/** Whatever happens on the socket until then. */
export function destroyAfter(socket: Socket, ms: number): void {
  const timer = setTimeout(() => socket.destroy(), ms).unref();
  socket.once('close', () => clearTimeout(timer));
}
