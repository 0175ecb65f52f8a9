/** A request that was read from a client's connection by our own readers, in the shape that the forwarding code takes. */
import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHead } from './request-head.js';

/** A stream of the request's content. `wanted`: called when its reader can take more. */
export class ClientRequest extends IncomingMessage {
  readonly #wanted: () => void;

  constructor(socket: Socket, head: RequestHead, wanted: () => void = () => undefined) {
    super(socket);
    this.#wanted = wanted;
    this.method = head.method ?? '';
    this.url = head.url ?? '';
    this.httpVersion = head.httpVersion;
    this.httpVersionMajor = Number(head.httpVersion[0]);
    this.httpVersionMinor = Number(head.httpVersion[2]);
    this.rawHeaders = [...head.rawHeaders];
  }

  /** The content is whole. */
  finish(trailers: readonly string[]): this {
    this.complete = true;
    this.rawTrailers = [...trailers];
    this.push(null);
    return this;
  }

  override _read(): void {
    this.#wanted();
  }

  /** Node would take the connection down with the content, and with it the answer that says why. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    process.nextTick(() => done(this.listenerCount('error') === 0 ? null : error));
  }
}
